"""verify: is the log what was recorded?"""

from pathlib import Path
from typing import Annotated

import typer

from pocketbase_events.cli.options import DirOption, FilesOption, JsonOption, NatsOption, StreamOption
from pocketbase_events.cli.output import PROBLEM, SHOWN, print_json, say, tell
from pocketbase_events.cli.progress import progress
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.verify import Verdict, exported_to, stored_in, verify_file, verify_stream
from pocketbase_events.jobs.verify import verify as verify_log
from pocketbase_events.jobs.verify_parts import verify_parts
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.connect import log_source
from pocketbase_events.pb.export_folder import ExportFolder
from pocketbase_events.settings import NatsSettings, Settings
from pocketbase_events.stream.messages import DEFAULT_STREAM
from pocketbase_events.stream.stream import connected


def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="An export, instead of PocketBase.")
    ] = None,
    folder: DirOption = None,
    nats: NatsOption = None,
    stream: StreamOption = DEFAULT_STREAM,
    files: FilesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check the whole chain: every event, its hash, its place, and the head. With --files, the events' files as well.

    Examples: pocketbase-events verify; pocketbase-events verify --file backup.jsonl
    """
    if sum(each is not None for each in (file, folder, nats)) > 1:
        raise WrongUsageError(why="Give one of --file, --dir and --nats.")
    if files and nats is not None:
        raise WrongUsageError(why="A stream carries no files. Give --files without --nats.")
    with progress() as watch:
        if nats is not None:
            with connected(NatsSettings(), nats, stream) as there:
                verdict = verify_stream(there, watch)
        elif file is not None:
            verdict = verify_file(file, watch, exported_to(ExportFolder(file)) if files else None)
        else:
            verdict = _verify_log(context.obj, folder, watch, files=files)
    report_verdict(verdict, as_json=as_json)


def _verify_log(settings: Settings, folder: Path | None, watch: Watch, *, files: bool) -> Verdict:
    if folder is not None and not files and (verdict := verify_parts(folder, watch)) is not None:
        return verdict
    with log_source(settings, folder) as seen:
        return verify_log(seen, watch, files=stored_in(seen) if files else None)


def report_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Print what was found in a chain; exit code 1 when it is a problem."""
    if as_json:
        print_json({
            "ok": not verdict.problems,
            "events": verdict.events,
            "head": {"seq": verdict.head.seq, "hash": verdict.head.hash},
            "problems": [{"seq": problem.seq, "reason": problem.reason} for problem in verdict.problems],
        })  # fmt: skip
    elif not verdict.problems:
        tell(f"All {verdict.events} events are as they were recorded. The last hash is {verdict.head.hash or 'none'}.")
    else:
        say_problems(verdict)
    if verdict.problems:
        raise typer.Exit(PROBLEM)


def say_problems(verdict: Verdict) -> None:
    """Say the first problems, and how many there are."""
    for problem in verdict.problems[:SHOWN]:
        say(f"seq {problem.seq}: {problem.reason}")
    if len(verdict.problems) > SHOWN:
        say(f"… and {len(verdict.problems) - SHOWN} more; verify --json lists all of them.")
    say(f"The log is not what was recorded: {len(verdict.problems)} problems in {verdict.events} events.")
