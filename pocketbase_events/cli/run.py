"""run: the worker."""

import threading
from typing import Annotated

import typer

from pocketbase_events.cli.monitored import monitored
from pocketbase_events.cli.options import JsonLogOption, MetricsOption
from pocketbase_events.cli.output import log_to_stderr, print_json, tell
from pocketbase_events.cli.signals import stopping
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.record import run_worker, settle, worker
from pocketbase_events.pb.connect import gateway


def run(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Process what is pending, and exit.")] = False,
    metrics: MetricsOption = None,
    as_json: JsonLogOption = False,
) -> None:
    """Record events as they are appended, until SIGTERM or Ctrl-C. Needs the worker's password, or a superuser.

    Examples: pocketbase-events run; pocketbase-events run --once; pocketbase-events run --metrics 127.0.0.1:9464
    """
    if once and metrics is not None:
        raise WrongUsageError(why="--metrics is for a worker that goes on. Leave out --once or --metrics.")
    log_to_stderr(as_json=as_json)
    stop, wake = threading.Event(), threading.Event()
    with stopping(stop, wake):
        if not once:
            with monitored(metrics, wake) as observer:
                run_worker(context.obj, stop, wake, observer)
            return
        with gateway(context.obj) as seen:
            recorder = worker(seen)
            settle(recorder, stop)
        tally = {"recorded": recorder.tally.recorded, "rejected": recorder.tally.rejected}
        if as_json:
            print_json(tally)
        else:
            tell("Recorded {recorded}, rejected {rejected}.".format(**tally))
