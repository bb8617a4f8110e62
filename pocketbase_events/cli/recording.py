"""run, status, rejected, retry: the worker, and what became of events."""

import threading
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.options import JsonLogOption, JsonOption
from pocketbase_events.cli.output import PROBLEM, log_to_stderr, print_json, say
from pocketbase_events.cli.signals import stopping
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.record.run import settle, work, worker
from pocketbase_events.jobs.status import report, retry
from pocketbase_events.pb.admin import administration
from pocketbase_events.pb.connect import gateway


def run(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Process what is pending, and exit.")] = False,
    as_json: JsonLogOption = False,
) -> None:
    """Record events as they are appended, until SIGTERM or Ctrl-C. Needs the worker's password, or a superuser.

    Examples: pocketbase-events run; pocketbase-events run --once
    """
    log_to_stderr(as_json=as_json)
    stop, wake = threading.Event(), threading.Event()
    with stopping(stop, wake):
        if not once:
            work(context.obj, stop, wake)
            return
        with gateway(context.obj) as seen:
            recorder = worker(seen)
            settle(recorder, stop)
        tally = {"recorded": recorder.tally.recorded, "rejected": recorder.tally.rejected}
        if as_json:
            print_json(tally)
        else:
            print("Recorded {recorded}, rejected {rejected}.".format(**tally))


def status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Say whether all is well, and if not, what is wrong (exit code 1).

    Example: pocketbase-events status --json
    """
    with gateway(context.obj) as seen:
        looked = report(seen, time.sleep)
    if as_json:
        print_json(looked.document)
    else:
        _print_status(looked.document)
    for problem in looked.problems:
        say(problem)
    if looked.problems:
        raise typer.Exit(PROBLEM)


def rejected(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the rejected events, each with the reason.

    Example: pocketbase-events rejected
    """
    with gateway(context.obj) as seen:
        events = seen.rejected()
    if as_json:
        keys = ("id", "collection", "item_id", "type", "error", "created")
        print_json([{key: event[key] for key in keys} for event in events])
        return
    if not events:
        print("No event is rejected.")
        return
    table = Table("id", "event", "why", "appended", show_lines=True)
    for event in events:
        what = f"{event['type']} {event['collection']} {event['item_id']}"
        table.add_row(event["id"], escape(what), escape(event["error"]), event["created"][:19])
    Console().print(table)


def retry_command(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Of rejected events.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rejected events.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make rejected events pending again. Needs a superuser.

    Examples: pocketbase-events retry abc123def456ghi; pocketbase-events retry --all
    """
    if bool(ids) == everything:
        raise WrongUsageError(why="Name the events to retry by their ids, or give --all.")
    with administration(context.obj) as admin:
        retried = retry(admin, ids or [], everything=everything)
    if as_json:
        print_json({"retried": retried})
        return
    print(f"{len(retried)} {'event is' if len(retried) == 1 else 'events are'} pending again.")


def _print_status(document: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    head = document["head"]
    table.add_row("head", f"seq {head['seq']}  {head['hash'][:12]}")
    waiting = document["oldest_pending_seconds"]
    table.add_row("pending", f"{document['pending']}" + (f" (for {waiting:.0f} s)" if document["pending"] else ""))
    table.add_row("rejected", f"{document['rejected']}")
    if document["hold"]:
        table.add_row("held", f"by {document['hold']['by']} until {document['hold']['until']}")
    table.add_row("log", "locked" if document["locked"] else "not locked against superusers")
    for target in document["targets"]:
        table.add_row("attached", f"{target['collection']}" + (" (locked)" if target["locked"] else ""))
    Console(highlight=False).print(table)
