"""What `status` shows on a terminal, line by line."""

from collections.abc import Iterator
from typing import Any


def lines_of(document: dict[str, Any], seen_seconds: float | None) -> Iterator[tuple[str, str]]:
    """The lines of a report: a label, and what it says."""
    head, pending, hold, replica = (document[name] for name in ("head", "pending", "hold", "replica"))
    waiting = f" (for {document['oldest_pending_seconds']:.0f} s)" if pending else ""
    yield "head", f"seq {head['seq']}  {head['hash'][:12]}"
    yield "pending", f"{pending}{waiting}"
    yield "rejected", str(document["rejected"])
    if replica:
        yield "replica", f"of the stream {replica['stream']} at {replica['url']}{_behind(replica)}"
    if hold:
        yield "held", f"by {hold['by']} until {hold['until']}"
    yield "worker", "never seen" if seen_seconds is None else f"seen {seen_seconds:.0f} s ago"
    yield "log", "locked" if document["locked"] else "not locked against superusers"
    for target in document["targets"]:
        yield "attached", f"{target['collection']}{' (locked)' if target['locked'] else ''}"


def _behind(replica: dict[str, Any]) -> str:
    if replica["events_behind"] is None:
        return ""
    if not replica["events_behind"]:
        return ", up to date"
    return f", {replica['events_behind']} events behind ({replica['seconds_behind']:.0f} s)"
