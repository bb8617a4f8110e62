"""follow: recorded events as JSON Lines, as they are recorded."""

import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from pocketbase_events.cli.output import log_to_stderr, tell
from pocketbase_events.cli.signals import stopping
from pocketbase_events.errors import ProblemError
from pocketbase_events.jobs import follow as job
from pocketbase_events.pb.connect import gateway
from pocketbase_events.pb.export_file import line_of


def follow(
    context: typer.Context,
    collections: Annotated[
        list[str] | None, typer.Argument(metavar="COLLECTION", help="Only events of these; of all, if none is named.")
    ] = None,
    after: Annotated[
        int, typer.Option("--after", metavar="SEQ", min=0, help="Begin with the event after this seq.")
    ] = 0,
    until_head: Annotated[
        bool, typer.Option("--until-head", help="End where the log ends, instead of waiting for more.")
    ] = False,
) -> None:
    """Print recorded events as JSON Lines: those that are there, then each as it is recorded, until Ctrl-C.

    In order, and without gaps, across lost connections and restarts. If you remember the last seq that you have
    read, and go on after it next time, you never miss an event and never see one twice.

    Examples: pocketbase-events follow; pocketbase-events follow --after 1200 --until-head notes tasks
    """
    if sys.stdout is None:
        raise ProblemError(why="Standard output can't be written: it is closed.")
    log_to_stderr(as_json=False)
    stop = threading.Event()
    with (
        stopping(stop),
        _while_read(stop),
        gateway(context.obj) as seen,
        job.listening(context.obj.url, seen.token, stop) as pause,
    ):
        for event in job.follow(seen, after, collections or (), pause=pause, until_head=until_head):
            if stop.is_set():
                break
            tell(line_of(event).removesuffix("\n"))


@contextmanager
def _while_read(stop: threading.Event) -> Iterator[None]:
    """Set `stop` when nobody reads standard output any more, even if there is nothing to print just then."""
    poller = select.poll()
    poller.register(sys.stdout.fileno(), 0)  # tells of errors only
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            if poller.poll(1000 * job.STOPS_WITHIN):
                stop.set()
                return

    watching = threading.Thread(target=watch, name="reader", daemon=True)
    watching.start()
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain while it exits
    finally:
        ended.set()
        watching.join()
