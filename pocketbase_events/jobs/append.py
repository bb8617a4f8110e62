"""Appending events as any account, one or a group of them, and waiting for the outcome."""

import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from threading import Event
from typing import Any
from urllib.parse import quote

from pocketbase_events.core.batch import append_request, reasons
from pocketbase_events.core.events import OPTIONAL, EventType, Recorded
from pocketbase_events.core.files import Upload
from pocketbase_events.core.groups import is_rejected_with_another
from pocketbase_events.core.json_text import Json
from pocketbase_events.errors import (
    AppendRefusedError,
    BatchDisabledError,
    BatchTooLargeError,
    EventRejected,
    StillPendingError,
    TroubleError,
)
from pocketbase_events.pb.accounts import owner_of
from pocketbase_events.pb.batch import send_batch
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.files import Files
from pocketbase_events.pb.literals import literal

# Seconds to the first look, and at most between two; realtime doesn't tell of events recorded with many others.
FIRST_LOOK, LOOK_EVERY = 0.25, 2.0
RETRY_AFTER = 0.25  # seconds before another attempt when PocketBase is in trouble
RECORDS = "/api/collections/events/records"
ID_LENGTH = 15  # PocketBase's own
NO_NEWS = "it is pending. Is a worker running?"
NOT_KNOWN = "it does not know the account's token, which has expired or was revoked. Log in again."


def new_id() -> str:
    """A new id for an event or an item, as PocketBase makes them: 15 characters of a-z and 0-9."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(ID_LENGTH))


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append. Its `id` is chosen here, so that appending it again never doubles it.

    Attributes:
        type: create, update or delete.
        collection: an attached collection.
        item_id: the id of the row.
        data: create: the fields of the row; update: one field and its new value, or a modifier; delete: nothing.
        id: of the event itself.
        reason: why, at most 1,000 characters.
        together: a text that events have in common which belong together, at most 100 characters.
        expected_seq: the row's `seq` that the author has seen; 0 if it does not matter.
        files: stored files to give to the event, which `data` names by number.
    """

    type: EventType
    collection: str
    item_id: str
    data: Json = None
    id: str = field(default_factory=new_id)
    reason: str = ""
    together: str = ""
    expected_seq: int = 0
    files: Sequence[Upload] = ()


def append(
    connection: Connection,
    events: Sequence[NewEvent],
    flag: Event,
    *,
    timer: Callable[[], float],
    within: float,
    look_every: float = LOOK_EVERY,
) -> list[Recorded]:
    """Append events, and wait until they are recorded. A lost connection is waited out.

    Args:
        connection: PocketBase, seen as the account that appends; it becomes the events' actor.
        events: what to append: one event, or a group, which is sent in one transaction.
        flag: set by somebody when there may be news of the first event.
        timer: seconds, for durations.
        within: seconds to wait at most.
        look_every: seconds between two looks at most.

    Raises:
        EventRejected: if an event can't be applied. Then none of its group is.
        AppendRefusedError: if PocketBase does not accept one.
        BatchDisabledError, BatchTooLargeError: if PocketBase takes no group, or none of this size.
        StillPendingError: if the outcome is not known in time.
    """
    deadline = timer() + within
    appended, pause = False, min(FIRST_LOOK, look_every)
    while True:
        why, rest = NO_NEWS, pause
        try:
            if not appended:
                appended = _send(connection, events, flag)
            elif (recorded := _outcome(connection, events)) is not None:
                return recorded
        except (BatchDisabledError, BatchTooLargeError):
            raise
        except TroubleError as error:
            why, rest = str(error), RETRY_AFTER
        left = deadline - timer()
        if left <= 0:
            raise StillPendingError(id=events[0].id, seconds=within, why=why)
        flag.wait(min(left, rest))
        flag.clear()
        pause = min(look_every, 2 * pause)


def _send(connection: Connection, events: Sequence[NewEvent], flag: Event) -> bool:
    """Make sure that PocketBase has the events."""
    refusal = _refusal(connection, events)
    if refusal and not connection.is_known():
        connection.renew()  # PocketBase took us for a guest
        if not connection.is_known():
            raise AppendRefusedError(id=events[0].id, why=NOT_KNOWN)
        refusal = _refusal(connection, events)
    if refusal:
        _expect_same(events[0], _record(connection, events[0].id), refusal)
        flag.set()  # an earlier attempt has arrived, and may be recorded already
    return True


def _refusal(connection: Connection, events: Sequence[NewEvent]) -> AppendRefusedError | None:
    """Append the events; why PocketBase refused one of them, None if it did not."""
    actor = owner_of(connection.token())[1]
    bodies = [_body(event, actor) for event in events]
    if len(bodies) > 1 or events[0].files:
        failed = send_batch(connection, _requests(events, bodies), content=Files(connection).content)
        return None if failed is None else _refused(events[failed.index], failed.answer, failed.status)
    response = connection.request("POST", RECORDS, json=bodies[0])
    return None if response.ok else _refused(events[0], connection.read(response), response.status_code)


def _requests(events: Sequence[NewEvent], bodies: Sequence[dict[str, Json]]) -> list[dict[str, Any]]:
    return [append_request(event.files, **body) for event, body in zip(events, bodies, strict=True)]


def _body(event: NewEvent, actor: str) -> dict[str, Json]:
    given = {name: getattr(event, name) for name in ("id", "type", "collection", "item_id", "data")}
    intent = {name: getattr(event, name) for name in OPTIONAL if getattr(event, name)}
    return {**given, **intent, "actor": actor}


def _refused(event: NewEvent, answer: Mapping[str, Any], status: int) -> AppendRefusedError:
    """PocketBase's words, and what may be behind them."""
    said = reasons(answer.get("data") or {}) or str(answer.get("message") or f"status {status}")
    if not answer.get("data"):
        said = (
            f"{said} Either {event.collection} is not attached, or its rule for events of type {event.type} does not"
            " admit this one."
        )
    return AppendRefusedError(id=event.id, why=said)


def _expect_same(event: NewEvent, record: dict[str, Any] | None, refusal: AppendRefusedError) -> None:
    """Tell a repetition from another event that has the same id, and from a refusal."""
    if record is None:
        raise refusal
    if any(record.get(name) != getattr(event, name) for name in ("type", "collection", "item_id")):
        raise AppendRefusedError(id=event.id, why="another event has its id. Choose a new one.")


def _outcome(connection: Connection, events: Sequence[NewEvent]) -> list[Recorded] | None:
    """The events as they were recorded; None while they are pending. The first of a group tells of all."""
    record = _record(connection, events[0].id)
    if record is None:
        raise AppendRefusedError(id=events[0].id, why="it was deleted, or is hidden from the account that appended it.")
    if not record["error"] and not record["seq"]:
        return None
    records = [record, *_records(connection, [event.id for event in events[1:]])]
    if len(records) < len(events):
        raise AppendRefusedError(id=events[0].id, why="its id was used before, without its group. Choose a new one.")
    if record["error"]:
        blamed = next((each for each in records if not is_rejected_with_another(each["error"])), record)
        raise EventRejected(id=blamed["id"], why=blamed["error"])
    names = [each.name for each in fields(Recorded)]
    shown = [{**each, "file_hashes": each.get("file_hashes") or ()} for each in records]
    return [Recorded(**{name: each[name] for name in names if name in each}) for each in shown]


def _record(connection: Connection, record_id: str) -> dict[str, Any] | None:
    """The record of an event, if it is there and we may see it."""
    response = connection.request("GET", f"{RECORDS}/{quote(record_id, safe='')}")
    if response.status_code == HTTPStatus.NOT_FOUND:
        return None
    return connection.read(response)


def _records(connection: Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The records of the other events of a group, in the order of the log."""
    if not ids:
        return []
    wanted = " || ".join(f"id = {literal(record_id)}" for record_id in ids)
    return connection.items_of(connection.ask("events", filter=wanted, sort="seq", perPage=len(ids)))
