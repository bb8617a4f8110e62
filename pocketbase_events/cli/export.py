"""export: the recorded log as JSON Lines."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from pocketbase_events.cli.options import is_no_file
from pocketbase_events.cli.output import PROBLEM, say
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.verify import say_problems
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.export_files import KeptFiles
from pocketbase_events.jobs.verify import verify as verify_log
from pocketbase_events.pb.connect import gateway
from pocketbase_events.pb.export_folder import ExportFolder


def export(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; standard output, where none is named.")
    ] = None,
) -> None:
    """Write the recorded log as JSON Lines, an event a line, and verify it on the way.

    The files of events go into the folder FILE.files.

    Example: pocketbase-events export backup.jsonl
    """
    with gateway(context.obj) as seen, progress() as watch, _sink(file) as sink:
        kept = KeptFiles(seen, None if file is None or is_no_file(file) else ExportFolder(file))
        verdict = verify_log(seen, watch, sink, kept.keep)
    say(f"Exported {verdict.events} events, the last with the hash {verdict.head.hash or '(none)'}.")
    if kept.count:
        where = f"are in {kept.folder.path}" if kept.folder else "are not exported: name a FILE to have them beside it"
        say(f"Its {kept.count} files {where}.")
    if verdict.problems:
        say_problems(verdict)
        say("The export has the log as it is, but `import` will refuse it.")
        raise typer.Exit(PROBLEM)


@contextmanager
def _sink(file: Path | None) -> Iterator[Callable[[str], object]]:
    """Where an export goes. A file appears under its name once it is whole."""
    if file is None and sys.stdout is None:
        raise ProblemError(why="Standard output can't be written: it is closed. Name a FILE.")
    if file is None:
        yield sys.stdout.write
        sys.stdout.flush()
        return
    part = file if is_no_file(file) else file.with_name(file.name + ".part")
    try:
        with part.open("w") as stream:
            yield stream.write
            stream.flush()
            if part != file:  # which is a file then, neither pipe nor device
                os.fsync(stream.fileno())
                part.replace(file)
    except OSError as error:
        raise WrongUsageError(why=f"{file} can't be written ({error.strerror}).") from None
    finally:
        if part != file:
            with suppress(OSError):
                part.unlink()
