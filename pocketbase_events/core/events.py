"""What an event is, its dump and its hash."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import rfc8785

from pocketbase_events.core.json_text import MAX_SAFE_INTEGER, Json

EventType = Literal["create", "update", "delete"]

HASHED = ("actor", "collection", "data", "event_id", "item_id", "seq", "timestamp", "type")
_text = json.encoder.encode_basestring  # a text as JSON, which Python writes as RFC 8785 does
_CONSTANTS = {None: "null", True: "true", False: "false"}


class Head(NamedTuple):
    """The last recorded event's `seq` and `hash`; (0, "") for an empty log."""

    seq: int
    hash: str


EMPTY = Head(0, "")


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that PocketBase has accepted and nobody has recorded.

    `id` names its PocketBase record; `data` is the JSON text as it is stored, "" when there is none.
    """

    id: str
    type: EventType
    collection: str
    item_id: str
    actor: str
    data: str
    damaged: bool  # `data` holds bytes that are no UTF-8
    schema_version: str  # of the collection that it names; "" when that one isn't attached
    adopted: bool = False  # its row is there already: recording it writes none


@dataclass(slots=True)  # not frozen, which would cost a reader of the whole log a tenth of its time
class Recorded:
    """An event with its place in the log. `id` names its PocketBase record.

    `flaw` says why its data could not be read; "" when it could. Only a log that was tampered with has such.
    """

    id: str
    seq: int
    event_id: str
    timestamp: str
    type: EventType
    collection: str
    item_id: str
    data: Json
    actor: str
    hash: str
    flaw: str = ""

    @property
    def head(self) -> Head:
        """The head of a log that ends with this event."""
        return Head(self.seq, self.hash)

    @property
    def hashed(self) -> dict[str, Json]:
        """What its hash is over: its eight hashed keys."""
        return {
            "actor": self.actor,
            "collection": self.collection,
            "data": self.data,
            "event_id": self.event_id,
            "item_id": self.item_id,
            "seq": self.seq,
            "timestamp": self.timestamp,
            "type": self.type,
        }


def dump(event: dict[str, Json]) -> bytes:
    """The RFC 8785 canonical JSON of an event with its eight hashed keys.

    Raises:
        ValueError: when it holds what RFC 8785 has no form for, which no recorded event does.
    """
    data = _plain(event["data"])
    if data is None:
        return rfc8785.dumps(event)
    try:  # what most events are like, some five times faster
        return (
            f'{{"actor":{_text(event["actor"])},"collection":{_text(event["collection"])},"data":{data},'
            f'"event_id":{_text(event["event_id"])},"item_id":{_text(event["item_id"])},"seq":{event["seq"]:d},'
            f'"timestamp":{_text(event["timestamp"])},"type":{_text(event["type"])}}}'
        ).encode()
    except (TypeError, ValueError):  # another value than a text, another seq than a whole number
        return rfc8785.dumps(event)


def _plain(data: Json) -> str | None:
    """The canonical form of nothing or of a flat object; None where it takes more: floats, large numbers, odd keys."""
    if data is None:
        return "null"
    if type(data) is not dict:
        return None
    members = []
    for key in sorted(data):
        value = data[key]
        kind = type(value)
        if not key.isascii():
            return None
        if kind is str:
            written = _text(value)
        elif kind is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            written = str(value)
        elif value is None or kind is bool:
            written = _CONSTANTS[value]
        else:
            return None
        members.append(f"{_text(key)}:{written}")
    return f"{{{','.join(members)}}}"


def chain_hash(event: dict[str, Json], previous: str) -> str:
    """Lower-case hex of SHA-256 over dump(event) followed by the previous event's hash ("" for the first)."""
    return hashlib.sha256(dump(event) + previous.encode("ascii")).hexdigest()


def record(event: Pending, data: Json, head: Head, event_id: str, timestamp: str) -> Recorded:
    """Give a pending event its place after `head`: seq, event id, timestamp (UTC, milliseconds) and hash."""
    hashed = {
        "actor": event.actor,
        "collection": event.collection,
        "data": data,
        "event_id": event_id,
        "item_id": event.item_id,
        "seq": head.seq + 1,
        "timestamp": timestamp,
        "type": event.type,
    }
    return Recorded(id=event.id, hash=chain_hash(hashed, head.hash), **hashed)


def timestamp_of(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS.mmmZ` in UTC, PocketBase's own form, whose order as text is that of time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds") + "Z"
