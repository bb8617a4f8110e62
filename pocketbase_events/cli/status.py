"""status: one look at the log, or a page that shows it live."""

import threading
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import PROBLEM, print_json, say, tell
from pocketbase_events.cli.signals import stopping
from pocketbase_events.cli.status_lines import lines_of
from pocketbase_events.cli.status_page import show
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.status import report
from pocketbase_events.jobs.status.watching import watch as watching
from pocketbase_events.pb.connect import gateway
from pocketbase_events.settings import Settings


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Show it live on the terminal, until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say whether all is well, and if not, what is wrong (exit code 1).

    Examples: pocketbase-events status --json; pocketbase-events status --watch
    """
    if watch:
        if as_json:
            raise WrongUsageError(why="--watch is for people, and --json for programs. Leave one out.")
        _watch(context.obj)
        return
    with gateway(context.obj) as seen:
        looked = report(seen, time.sleep, _now)
    if as_json:
        print_json(looked.document)
    else:
        for label, text in lines_of(looked.document, looked.seen_seconds):
            tell(f"{label:10}{text}")
    for problem in looked.problems:
        say(problem)
    if looked.problems:
        raise typer.Exit(PROBLEM)


def _watch(settings: Settings) -> None:
    stop = threading.Event()
    with stopping(stop), gateway(settings) as seen:
        sights = watching(seen, stop.wait, _now, time.monotonic)
        show(((_now(), sight) for sight in sights), settings.url)


def _now() -> datetime:
    return datetime.now(UTC)
