"""Appending an event as any account, and waiting for its outcome."""

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from threading import Event
from typing import Any
from urllib.parse import quote

from pocketbase_events.core.batch import reasons
from pocketbase_events.core.events import EventType, Recorded
from pocketbase_events.core.json_text import Json
from pocketbase_events.errors import AppendRefusedError, EventRejected, StillPendingError, TroubleError
from pocketbase_events.pb.accounts import owner_of
from pocketbase_events.pb.connection import Connection

LOOK_EVERY = 2.0  # seconds between two looks if realtime tells nothing
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
    """An event to append. Its `id` is chosen here, so that appending it again never doubles it."""

    type: EventType
    collection: str
    item_id: str
    data: Json = None
    id: str = field(default_factory=new_id)


def append(
    connection: Connection, event: NewEvent, flag: Event, *, timer: Callable[[], float], within: float
) -> Recorded:
    """Append an event, and wait until it is recorded. A lost connection is waited out.

    Args:
        connection: PocketBase, seen as the account that appends; it becomes the event's actor.
        event: what to append.
        flag: set by somebody when there may be news of this event.
        timer: seconds, for durations.
        within: seconds to wait at most.

    Raises:
        EventRejected: if the event can't be applied.
        AppendRefusedError: if PocketBase does not accept it.
        StillPendingError: if its outcome is not known in time.
    """
    deadline = timer() + within
    appended, why = False, NO_NEWS
    while True:
        pause = LOOK_EVERY
        try:
            if not appended:
                appended = _send(connection, event, flag)
            elif (recorded := _outcome(connection, event)) is not None:
                return recorded
            why = NO_NEWS
        except TroubleError as error:
            why, pause = str(error), RETRY_AFTER
        left = deadline - timer()
        if left <= 0:
            raise StillPendingError(id=event.id, seconds=within, why=why)
        flag.wait(min(left, pause))
        flag.clear()


def _send(connection: Connection, event: NewEvent, flag: Event) -> bool:
    """Make sure that PocketBase has the event."""
    refusal = _refusal(connection, event)
    if refusal and not connection.is_known():
        connection.renew()  # PocketBase took us for a guest
        if not connection.is_known():
            raise AppendRefusedError(id=event.id, why=NOT_KNOWN)
        refusal = _refusal(connection, event)
    if refusal:
        _expect_same(event, _record(connection, event.id), refusal)
        flag.set()  # an earlier attempt has arrived, and may be recorded already
    return True


def _refusal(connection: Connection, event: NewEvent) -> str:
    """Append the event; PocketBase's words if it refuses, else nothing."""
    actor = owner_of(connection.token())[1]
    body = {name: getattr(event, name) for name in ("id", "type", "collection", "item_id", "data")}
    response = connection.request("POST", RECORDS, json={**body, "actor": actor})
    if response.ok:
        return ""
    answer = connection.read(response)
    said = reasons(answer.get("data") or {}) or str(answer.get("message") or f"status {response.status_code}")
    if answer.get("data"):
        return said
    return (
        f"{said} Either {event.collection} is not attached, or its rule for events of type {event.type} does not admit"
        " this one."
    )


def _expect_same(event: NewEvent, record: dict[str, Any] | None, refusal: str) -> None:
    """Tell a repetition from another event that has the same id, and from a refusal."""
    if record is None:
        raise AppendRefusedError(id=event.id, why=refusal)
    if any(record.get(name) != getattr(event, name) for name in ("type", "collection", "item_id")):
        raise AppendRefusedError(id=event.id, why="another event has its id. Choose a new one.")


def _outcome(connection: Connection, event: NewEvent) -> Recorded | None:
    """The event as it was recorded; None while it is pending."""
    record = _record(connection, event.id)
    if record is None:
        raise AppendRefusedError(id=event.id, why="it was deleted, or is hidden from the account that appended it.")
    if record["error"]:
        raise EventRejected(id=event.id, why=record["error"])
    if not record["seq"]:
        return None
    return Recorded(**{each.name: record[each.name] for each in fields(Recorded) if each.name in record})


def _record(connection: Connection, record_id: str) -> dict[str, Any] | None:
    """The record of an event, if it is there and we may see it."""
    response = connection.request("GET", f"{RECORDS}/{quote(record_id, safe='')}")
    if response.status_code == HTTPStatus.NOT_FOUND:
        return None
    return connection.read(response)
