"""A transaction as requests of PocketBase's batch API, and the meaning of its answers. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pocketbase_events.core.events import Head, Recorded, intent_of
from pocketbase_events.core.files import Upload, again, copy_of, files_in, files_of
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.projection import Write
from pocketbase_events.core.schema import quote
from pocketbase_events.core.transaction import Load, Transaction

VERSION = 5  # of our collections. The head moves for no other, so a worker that knows less records nothing
HEAD_ID = "head00000000000"
STAMPS_ID = "stamps000000000"
STAMPS_TRIGGER = "pbe_stamps_update"
APPENDS_TRIGGER = "pbe_stamps_append"
HEAD_TRIGGER = "pbe_head_update"
MAX_REQUESTS = 1000  # in a batch; `init` has PocketBase admit so many, and every transaction of ours keeps within it
REQUESTS_AN_EVENT = 2  # to record it: its row and itself
MAX_EVENTS = (MAX_REQUESTS - 1) // REQUESTS_AN_EVENT  # that one transaction can record, since it moves the head as well
STAMP_REQUESTS = 2  # that record all events of a transaction at once
MAX_REASONS = 2000  # characters
SHORT = 1_000  # characters of a record that is answered in full, since picking its id would cost PocketBase more
MAX_CHARS = 500_000  # of the data of events that are appended all at once
RAISE_LIMIT = "Raise the maximum size of the field data of events, in the admin UI"
# The fields of an event that is appended with others, in the order in which the trigger expects them.
_APPENDED: Mapping[str, Json] = {
    "id": "", "type": "", "collection": "", "item_id": "", "actor": "", "data": None, "reason": "", "together": "",
    "expected_seq": 0, "adopted": False,
}  # fmt: skip
_ACTIONS = {"POST": "create", "PATCH": "update", "DELETE": "delete"}
_DEFAULT_MESSAGES = ("Failed to create record.", "Failed to update record.", "Something went wrong")
# What PocketBase calls an id that is taken (0.23 to 0.40).
_ID_TAKEN = ("validation_not_unique", "validation_pk_invalid")


def requests_of(transaction: Transaction) -> list[dict[str, Any]]:
    """The batch requests of a transaction: the head first, then the rows, then the events."""
    before, after = transaction.before, transaction.after
    move = _head_request(before, after)
    if transaction.hold is not None:
        by, until = transaction.hold.by, transaction.hold.until
        move["body"] |= {"holder": by, "hold_by": by if until else "", "hold_until": until}
    if transaction.heard:
        move["body"]["heard"] = transaction.heard
    if transaction.stamped:
        recorded = _stamp_requests(transaction.recorded)
    else:
        recorded = [_record_request(event) for event in transaction.recorded]
    rejected = [
        # Answered in full: picking fields reads the data, and what is rejected may be unreadable to PocketBase too.
        _patch("events", rejection.event.id, {"error": rejection.why}, in_full=True)
        for rejection in transaction.rejections
    ]
    return [move, *map(row_request, transaction.writes), *recorded, *rejected]


@dataclass(frozen=True, slots=True)
class RowPlace:
    """The request that writes a row: the `index`-th write of its transaction, from 0 on."""

    index: int


@dataclass(frozen=True, slots=True)
class StampsPlace:
    """A request that records all events of its transaction at once."""


@dataclass(frozen=True, slots=True)
class EventPlace:
    """The request that records or rejects the event with this record id."""

    id: str
    rejects: bool


def place_of(transaction: Transaction, index: int) -> RowPlace | StampsPlace | EventPlace | None:
    """What the request with this index does, from 0 on, in the order of `requests_of`; None: it moves the head."""
    if index == 0:
        return None
    index -= 1
    if index < len(transaction.writes):
        return RowPlace(index)
    index -= len(transaction.writes)
    recording = STAMP_REQUESTS if transaction.stamped else len(transaction.recorded)
    if index < recording:
        return StampsPlace() if transaction.stamped else EventPlace(transaction.recorded[index].id, rejects=False)
    return EventPlace(transaction.rejections[index - recording].event.id, rejects=True)


def events_before(transaction: Transaction, index: int) -> int:
    """How many events of the transaction, in order, need no request from this index on that is like that one."""
    match place_of(transaction, index):
        case RowPlace(place):
            return min(transaction.writes[place].events, default=0)
        case EventPlace():
            return index - 1 - len(transaction.writes)
        case StampsPlace():
            return len(transaction.recorded) // 2
        case None:
            return 0


def uploads_in(requests: Sequence[Mapping[str, Any]]) -> list[tuple[str, Upload]]:
    """The files that go with the requests of a batch, each with the name of its part in the form that is sent."""
    return [
        (f"requests.{place}.{field}", upload)
        for place, request in enumerate(requests)
        for field, upload in request.get("files", ())
    ]


def label_of(request: Mapping[str, Any]) -> str:
    """The label that a rate limit for this request has, such as `items:create`."""
    collection = str(request["url"]).removeprefix("/api/collections/").split("/")[0]
    return f"{collection}:{_ACTIONS[request['method']]}"


def row_request(write: Write) -> dict[str, Any]:
    """The batch request that writes a row."""
    if write.inserts:
        return _uploading(_post(write.collection, {**write.fields, "id": write.item_id}))
    if write.removes:
        return {"method": "DELETE", "url": _url(write.collection, f"/{write.item_id}", in_full=True)}
    expected = {"expected_seq": write.expected_seq} if write.expected_seq else {}
    return _uploading(_patch(write.collection, write.item_id, {**write.fields, **expected}))


def _uploading(request: dict[str, Any]) -> dict[str, Any]:
    """The request with its files beside its body, as PocketBase takes them."""
    files = [(name, file) for name, value in request["body"].items() for file in files_in(value)]
    if not files:
        return request
    names = {name for name, _ in files}
    body = {name: value for name, value in request["body"].items() if name not in names}
    return {**request, "body": body, "files": [(name, copy_of(file)) for name, file in files]}


def append_request(files: Sequence[Upload] = (), **fields: Json) -> dict[str, Any]:
    """The batch request that appends an event with these fields and files."""
    # PocketBase would read a text in a json field that looks like JSON.
    data = fields["data"]
    text = json.dumps(data, ensure_ascii=False) if isinstance(data, str) else data
    request = _post("events", {**fields, "data": text})
    return {**request, "files": [("files", file) for file in files]} if files else request


def seen_request(worker: str, time: str) -> dict[str, Any]:
    """The batch request that writes when the worker with this record id was seen."""
    return _patch("event_workers", worker, {"last_seen": time})


def append_requests(events: Sequence[Mapping[str, Any]], *, at_once: bool) -> list[dict[str, Any]]:
    """The batch requests that append events with these fields, as a superuser: one for all, or one for each."""
    if not at_once:
        return [append_request(**event) for event in events]
    appended: Json = [[event.get(name, empty) for name, empty in _APPENDED.items()] for event in events]
    return [_patch("event_stamps", STAMPS_ID, {"appended": appended})]


def load_requests(load: Load) -> list[dict[str, Any]]:
    """The batch requests of a load: the events, the head, the rows, and the events' places in the log."""
    before, after = load.before, load.after
    move = _head_request(before, after)
    names = ("id", "type", "collection", "item_id", "actor", "data")
    appended = [
        {
            "files": [again(file) for file in files_of(event)],
            "relayed": True,
            **{name: getattr(event, name) for name in names},
            **intent_of(event),
        }
        for event in load.events
    ]
    recorded = _stamp_requests(load.events) if load.stamped else map(_record_request, load.events)
    return [*append_requests(appended, at_once=load.at_once), move, *map(row_request, load.writes), *recorded]


@dataclass(frozen=True, slots=True)
class AppendPlace:
    """The request that appends an event: the `index`-th one of its load, from 0 on."""

    index: int


def place_in_load(load: Load, index: int) -> AppendPlace | RowPlace | StampsPlace | EventPlace | None:
    """What the request with this index does, from 0 on, in the order of `load_requests`; None: it moves the head."""
    appends = 1 if load.at_once else len(load.events)
    if index < appends:
        return AppendPlace(index)
    transaction = Transaction(load.before, load.after, load.writes, load.events, stamped=load.stamped)
    return place_of(transaction, index - appends)


def _head_request(before: Head, after: Head) -> dict[str, Any]:
    moved: Json = {"seq": after.seq, "hash": after.hash, "expected_hash": before.hash, "version": VERSION}
    return _patch("event_head", HEAD_ID, moved, in_full=True)


def stay_request(head: Head) -> dict[str, Any]:
    """The batch request that a trigger refuses if the log no longer ends at this head, even from a superuser."""
    return _patch("event_head", HEAD_ID, {"seq": head.seq, "hash": head.hash}, in_full=True)


def _stamp_requests(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    """The requests that record all of these.

    A trigger carries the first one out. The rule admits the second one only if it has, even if somebody dropped it.
    """
    stamps: Json = [f"{event.event_id}{event.hash}{event.timestamp}{event.id}" for event in events]
    return [
        _patch("event_stamps", STAMPS_ID, {"version": VERSION, "stamps": stamps, "remaining": len(events)}),
        _patch("event_stamps", STAMPS_ID, {"version": VERSION}),
    ]


def _record_request(event: Recorded) -> dict[str, Any]:
    given = {"seq": event.seq, "event_id": event.event_id, "timestamp": event.timestamp, "hash": event.hash}
    if event.file_hashes:
        given["file_hashes"] = list(event.file_hashes)
    return _patch("events", event.id, given, in_full=_is_short(event.data))


def _post(collection: str, body: Mapping[str, Json]) -> dict[str, Any]:
    return {"method": "POST", "url": _url(collection, in_full=_is_short(body)), "body": body}


def _patch(collection: str, record_id: str, body: Mapping[str, Json], *, in_full: bool = False) -> dict[str, Any]:
    return {"method": "PATCH", "url": _url(collection, f"/{record_id}", in_full=in_full), "body": body}


def _url(collection: str, record: str = "", *, in_full: bool) -> str:
    return f"/api/collections/{collection}/records{record}{'' if in_full else '?fields=id'}"


def _is_short(value: Json) -> bool:
    return len(str(value)) <= SHORT


def why_refused(write: Write, failure: Mapping[str, Any]) -> str | None:
    """The sentence for a row that PocketBase refused with this answer; None where it gave no reason."""
    fields = failure.get("data") or {}
    if write.inserts and "id" in fields and fields["id"].get("code") in _ID_TAKEN:
        return (
            f"The item {quote(write.item_id)} exists already in {write.collection}."
            " Choose another item_id, or append updates of it. If it is deleted, restore it:"
            ' append an update with the data {"deleted": false}.'
        )
    if fields:
        return f"PocketBase refused the row: {reasons(fields)}"
    message = words_of(failure)
    return f"PocketBase refused the row: {message}" if message else None


def words_of(failure: Mapping[str, Any]) -> str:
    """What PocketBase says against a request as a whole; "" if it only says that it failed."""
    message = str(failure.get("message") or "")
    return "" if message.startswith(_DEFAULT_MESSAGES) else message[:MAX_REASONS]


def reasons(fields: Mapping[str, Any]) -> str:
    """What PocketBase says of each field, cut to a length that the event's error field can hold."""
    return "; ".join(f"{name}: {fields[name].get('message', 'invalid')}" for name in sorted(fields))[:MAX_REASONS]
