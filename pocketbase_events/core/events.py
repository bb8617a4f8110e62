"""What an event is, its dump and its hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import rfc8785

from pocketbase_events.core.json_text import MAX_SAFE_INTEGER, Json

EventType = Literal["create", "update", "delete"]

HASHED = ("actor", "collection", "data", "event_id", "item_id", "seq", "timestamp", "type")
OPTIONAL = ("expected_seq", "reason", "together")  # hashed only if they are not empty, as are `files`
_text = json.encoder.encode_basestring  # a text as JSON, which Python writes as RFC 8785 does
_CONSTANTS = {None: "null", True: "true", False: "false"}


class Head(NamedTuple):
    """The `seq` and `hash` of the last recorded event; (0, "") for an empty log."""

    seq: int
    hash: str


EMPTY = Head(0, "")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was read to judge an event that has files, or takes some away.

    Attributes:
        hashes: SHA-256 of each of its files.
        held: the names of the files that its row holds now, by field; None if there is no row.
        unread: why a file can't be read, "" if all can.
    """

    hashes: Sequence[str] = ()
    held: Mapping[str, Sequence[str]] | None = None
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that PocketBase has accepted and that is not recorded yet.

    `id` is the id of its PocketBase record; `data` is the stored JSON text, "" if there is none; `files` are the names
    of its files.
    """

    id: str
    type: EventType
    collection: str
    item_id: str
    actor: str
    data: str
    damaged: bool  # its texts are not valid UTF-8
    schema_version: str  # of the collection that it names; "" if that one is not attached
    adopted: bool = False  # the row exists already, so recording the event writes none
    reason: str = ""
    together: str = ""
    expected_seq: int = 0  # the row's `seq` that the client has seen; 0 if it doesn't matter
    created: str = ""  # when it was appended, by PocketBase's clock
    files: Sequence[str] = ()
    fetched: Fetched | None = None  # None until it is read, which only events about files need


@dataclass(slots=True)  # not frozen, which would make reading a whole log a tenth slower
class Recorded:
    """An event with its place in the log. `id` is the id of its PocketBase record.

    `flaw` says why its data can't be read, "" if it can. Only a log that was tampered with has flaws. `files` are the
    names of its files in PocketBase, which are not hashed, and `file_hashes` the SHA-256 of each, which are.
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
    reason: str = ""
    together: str = ""
    expected_seq: int = 0
    adopted: bool = False  # the row existed already, so recording the event wrote none; an export doesn't tell
    files: Sequence[str] = ()
    file_hashes: Sequence[str] = ()

    @property
    def head(self) -> Head:
        """The head of a log that ends with this event."""
        return Head(self.seq, self.hash)

    @property
    def hashed(self) -> dict[str, Json]:
        """The keys and values that its hash covers."""
        event = {
            "actor": self.actor,
            "collection": self.collection,
            "data": self.data,
            "event_id": self.event_id,
            "item_id": self.item_id,
            "seq": self.seq,
            "timestamp": self.timestamp,
            "type": self.type,
        }
        if self.expected_seq or self.reason or self.together:
            event |= intent_of(self)
        if self.file_hashes:
            event["files"] = list(self.file_hashes)
        return event


def intent_of(event: Pending | Recorded) -> dict[str, Json]:
    """The optional keys of an event that are not empty."""
    given = {"expected_seq": event.expected_seq, "reason": event.reason, "together": event.together}
    return {key: value for key, value in given.items() if value}


def dump(event: dict[str, Json]) -> bytes:
    """The RFC 8785 canonical JSON of an event: its eight hashed keys, and the optional ones that it has.

    Raises:
        ValueError: if RFC 8785 has no form for it, which never happens to a recorded event.
    """
    data = _plain(event["data"])
    if data is None or len(event) != len(HASHED):
        return rfc8785.dumps(event)
    try:  # most events are plain; this is some five times faster
        return (
            f'{{"actor":{_text(event["actor"])},"collection":{_text(event["collection"])},"data":{data},'
            f'"event_id":{_text(event["event_id"])},"item_id":{_text(event["item_id"])},"seq":{event["seq"]:d},'
            f'"timestamp":{_text(event["timestamp"])},"type":{_text(event["type"])}}}'
        ).encode()
    except (TypeError, ValueError):  # a value that is not a text, or a seq that is not whole
        return rfc8785.dumps(event)


def _plain(data: Json) -> str | None:
    """The canonical form of null or a flat object; None if it needs more care (floats, large numbers, odd keys)."""
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
    hashed: dict[str, Json] = {
        "actor": event.actor,
        "collection": event.collection,
        "data": data,
        "event_id": event_id,
        "item_id": event.item_id,
        "seq": head.seq + 1,
        "timestamp": timestamp,
        "type": event.type,
        **intent_of(event),
    }
    if event.fetched is None or not event.files:
        return Recorded(id=event.id, hash=chain_hash(hashed, head.hash), **hashed)
    hashes = list(event.fetched.hashes)
    given = chain_hash({**hashed, "files": hashes}, head.hash)
    return Recorded(id=event.id, hash=given, **hashed, files=event.files, file_hashes=hashes)


def timestamp_of(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS.mmmZ` in UTC: PocketBase's own form, which sorts as text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds") + "Z"
