"""One transaction: which events it records and rejects, its batch requests, what may come of it. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from pocketbase_events.core.events import Head, Pending, Recorded, record
from pocketbase_events.core.json_text import Json, UnreadableJsonError, read_data
from pocketbase_events.core.projection import Change, Refused, Write, merge, project
from pocketbase_events.core.schema import Target, quote
from pocketbase_events.errors import TroubleError

HEAD_ID = "head00000000000"
MAX_REASONS = 2000  # characters
_DEFAULT_MESSAGES = ("Failed to create record.", "Failed to update record.", "Something went wrong")
# What PocketBase calls an id that is taken (0.23 to 0.40).
_ID_TAKEN = ("validation_not_unique", "validation_pk_invalid")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A pending event and the sentence that its author will read."""

    event: Pending
    why: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Nobody but `by` records until then (UTC, by PocketBase's clock; "" gives the head free)."""

    by: str
    until: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """Everything that one batch request does: move the head, write rows, record and reject events, in this order.

    With a `hold`, the head is taken, kept or given free by whom it names.
    """

    before: Head
    after: Head
    writes: Sequence[Write] = ()
    recorded: Sequence[Recorded] = ()
    rejections: Sequence[Rejection] = ()
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """The transaction is in the database."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing was written: something is no longer what the transaction was built on."""


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing was written: somebody holds the head."""

    by: str
    until: str


@dataclass(frozen=True, slots=True)
class RowRefused:
    """Nothing was written, since PocketBase refused one write. `why` is None where it gave no reason."""

    write: Write
    why: str | None


@dataclass(frozen=True, slots=True)
class EventRefused:
    """Nothing was written, since PocketBase refused to change the event with this record id, and said `why`."""

    id: str
    why: str


Outcome = Committed | Conflict | Held | RowRefused | EventRefused


@dataclass(slots=True)
class Group:
    """The events of one transaction: those to record with their data and change, and those to reject."""

    events: list[Pending] = field(default_factory=list)
    data: list[Json] = field(default_factory=list)
    changes: list[Change | None] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.events) + len(self.rejections)


def group(
    page: Iterable[Pending], refused: Mapping[str, str], targets: Mapping[str, Target], *, limit: int, most: int
) -> Group:
    """The first events of the page, `most` at most, no more than `limit` to record among them.

    `refused` has the sentence for each event (by its record's id) that PocketBase is known to refuse.

    Raises:
        TroubleError: when rules were edited so that the worker can't write a collection.
    """
    chosen = Group()
    for event in islice(page, most):
        judged = _judge(event, refused, targets)
        if isinstance(judged, Rejection):
            chosen.rejections.append(judged)
            continue
        if len(chosen.events) == limit:
            break
        data, change = judged
        chosen.events.append(event)
        chosen.data.append(data)
        chosen.changes.append(change)
    return chosen


def build(
    chosen: Group,
    head: Head,
    timestamp: str,
    new_id: Callable[[], UUID],
    targets: Mapping[str, Target],
    *,
    merging: bool,
) -> Transaction:
    """The transaction that records and rejects the group after `head`."""
    before = head
    recorded: list[Recorded] = []
    for event, data in zip(chosen.events, chosen.data, strict=True):
        recorded.append(record(event, data, head, str(new_id()), timestamp))
        head = recorded[-1].head
    writes = merge(chosen.changes, targets, merging=merging)
    return Transaction(before, head, writes, recorded, chosen.rejections)


def requests_of(transaction: Transaction) -> list[dict[str, Any]]:
    """The batch requests of a transaction: the head first, then the rows, then the events."""
    before, after = transaction.before, transaction.after
    move = _patch("event_head", HEAD_ID, seq=after.seq, hash=after.hash, expected_hash=before.hash)
    if transaction.hold is not None:
        by, until = transaction.hold.by, transaction.hold.until
        move["body"] |= {"holder": by, "hold_by": by if until else "", "hold_until": until}
    recorded = map(_record_request, transaction.recorded)
    rejected = [
        # Answered in full: picking fields reads the data, and what is rejected may be unreadable to PocketBase too.
        {**_patch("events", rejection.event.id, error=rejection.why), "url": _url("events", rejection.event.id)}
        for rejection in transaction.rejections
    ]
    return [move, *map(row_request, transaction.writes), *recorded, *rejected]


def row_request(write: Write) -> dict[str, Any]:
    """The batch request that writes a row."""
    if write.inserts:
        return _post(write.collection, {**write.fields, "id": write.item_id})
    if write.removes:
        return {"method": "DELETE", "url": _url(write.collection, write.item_id)}
    return _patch(write.collection, write.item_id, **write.fields)


def append_request(**fields: Json) -> dict[str, Any]:
    """The batch request that appends an event with these fields."""
    # PocketBase would read a text in a json field that looks like JSON.
    data = fields["data"]
    return _post("events", {**fields, "data": json.dumps(data, ensure_ascii=False) if isinstance(data, str) else data})


def load_requests(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    """The batch requests that append events which were recorded elsewhere, and record them as they are."""
    head = events[-1].head
    move = _patch("event_head", HEAD_ID, seq=head.seq, hash=head.hash)
    names = ("id", "type", "collection", "item_id", "actor", "data")
    appended = (append_request(**{name: getattr(event, name) for name in names}) for event in events)
    return [*appended, move, *map(_record_request, events)]


def _record_request(event: Recorded) -> dict[str, Any]:
    given = {"seq": event.seq, "event_id": event.event_id, "timestamp": event.timestamp, "hash": event.hash}
    return _patch("events", event.id, **given)


def _post(collection: str, body: Mapping[str, Json]) -> dict[str, Any]:
    return {"method": "POST", "url": f"/api/collections/{collection}/records?fields=id", "body": body}


def _patch(collection: str, record_id: str, /, **body: Json) -> dict[str, Any]:
    return {"method": "PATCH", "url": f"{_url(collection, record_id)}?fields=id", "body": body}


def _url(collection: str, record_id: str) -> str:
    return f"/api/collections/{collection}/records/{record_id}"


def why_refused(write: Write, failure: Mapping[str, Any]) -> str | None:
    """The sentence for a row that PocketBase refused with this answer; None where it gave no reason."""
    fields = failure.get("data") or {}
    if write.inserts and "id" in fields and fields["id"].get("code") in _ID_TAKEN:
        return (
            f"The item {quote(write.item_id)} exists already in {write.collection}."
            " Choose another item_id, or append updates of it."
        )
    if fields:
        return f"PocketBase refused the row: {reasons(fields)}"
    message = str(failure.get("message") or "")
    if not message or message.startswith(_DEFAULT_MESSAGES):
        return None
    return f"PocketBase refused the row: {message[:MAX_REASONS]}"


def reasons(fields: Mapping[str, Any]) -> str:
    """What PocketBase says of each field, cut to a length that the event's error field can hold."""
    return "; ".join(f"{name}: {fields[name].get('message', 'invalid')}" for name in sorted(fields))[:MAX_REASONS]


def _judge(
    event: Pending, refused: Mapping[str, str], targets: Mapping[str, Target]
) -> tuple[Json, Change | None] | Rejection:
    if event.id in refused:
        return Rejection(event, refused[event.id])
    try:
        data = read_data(event.data, damaged=event.damaged)
    except UnreadableJsonError as error:
        return Rejection(event, str(error))
    if event.adopted:
        return data, None
    target = targets.get(event.collection)
    change = project(event, data, target)
    if isinstance(change, Refused):
        return Rejection(event, change.why)
    if target is not None and not target.writable:
        raise TroubleError(
            why=f"the create or update rule of {target.collection} was edited, so that the worker can't write"
            f" its rows. Run: pocketbase-events attach {target.collection}"
        )
    return data, change
