"""status: one look at the log."""

import time
from datetime import UTC, datetime
from typing import Any

import typer

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import PROBLEM, print_json, say, tell
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
    head, pending, hold = document["head"], document["pending"], document["hold"]
    replica = document["replica"]
    waiting = f" (for {document['oldest_pending_seconds']:.0f} s)" if pending else ""
    tell(f"head      seq {head['seq']}  {head['hash'][:12]}")
    tell(f"pending   {pending}{waiting}")
    tell(f"rejected  {document['rejected']}")
    if replica:
        tell(f"replica   of the stream {replica['stream']} at {replica['url']}{_behind(replica)}")
    if hold:
        tell(f"held      by {hold['by']} until {hold['until']}")
    tell(f"worker    {'never seen' if seen_seconds is None else f'seen {seen_seconds:.0f} s ago'}")
    tell(f"log       {'locked' if document['locked'] else 'not locked against superusers'}")
    for target in document["targets"]:
        tell(f"attached  {target['collection']}{' (locked)' if target['locked'] else ''}")


def _behind(replica: dict[str, Any]) -> str:
    if replica["events_behind"] is None:
        return ""
    if not replica["events_behind"]:
        return ", up to date"
    return f", {replica['events_behind']} events behind ({replica['seconds_behind']:.0f} s)"
