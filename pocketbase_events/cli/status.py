"""status: one look at the log."""

import time
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import PROBLEM, print_json, say
from pocketbase_events.jobs.status import report
from pocketbase_events.pb.connect import gateway


def status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Say whether all is well, and if not, what is wrong (exit code 1).

    Example: pocketbase-events status --json
    """
    with gateway(context.obj) as seen:
        looked = report(seen, time.sleep, lambda: datetime.now(UTC))
    if as_json:
        print_json(looked.document)
    else:
        _print_status(looked.document, looked.seen_seconds)
    for problem in looked.problems:
        say(problem)
    if looked.problems:
        raise typer.Exit(PROBLEM)


def _print_status(document: dict[str, Any], seen_seconds: float | None) -> None:
    table = Table(show_header=False, box=None)
    head = document["head"]
    table.add_row("head", f"seq {head['seq']}  {head['hash'][:12]}")
    waiting = document["oldest_pending_seconds"]
    table.add_row("pending", f"{document['pending']}" + (f" (for {waiting:.0f} s)" if document["pending"] else ""))
    table.add_row("rejected", f"{document['rejected']}")
    if document["hold"]:
        table.add_row("held", f"by {document['hold']['by']} until {document['hold']['until']}")
    table.add_row("worker", "never seen" if seen_seconds is None else f"seen {seen_seconds:.0f} s ago")
    table.add_row("log", "locked" if document["locked"] else "not locked against superusers")
    for target in document["targets"]:
        table.add_row("attached", f"{target['collection']}" + (" (locked)" if target["locked"] else ""))
    Console(highlight=False).print(table)
