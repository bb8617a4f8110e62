"""What an event is, its dump and its hash; which JSON can be hashed at all."""

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import rfc8785

EventType = Literal["create", "update", "delete"]
Json = Any  # a JSON value as Python's json module reads it

MAX_DEPTH = 200  # levels; deeper JSON can't be read everywhere (Python 3.11 stops near 1,000)
MAX_SAFE_INTEGER = 2**53 - 1  # larger whole numbers are doubles to every JSON reader but Python's
_SAFE_LENGTH = len(str(MAX_SAFE_INTEGER))  # a whole number that is shorter is safe
HASHED = ("actor", "collection", "data", "event_id", "item_id", "seq", "timestamp", "type")
_text = json.encoder.encode_basestring  # a text as JSON, which Python writes as RFC 8785 does
_CONSTANTS = {None: "null", True: "true", False: "false"}


class UnreadableJsonError(ValueError):
    """JSON that two readers would read differently, or not at all; its text is a sentence for its author."""


class Unreadable(str):
    """Stands in a row for what we can't read, and says what it is; no event carries it."""

    __slots__ = ()


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


def read_data(text: str, *, damaged: bool) -> Json:
    """An event's `data` as a JSON value, None when there is none. `damaged`: its texts held what is no UTF-8.

    Raises:
        UnreadableJsonError: when it can't be hashed or read the same everywhere.
    """
    if damaged:
        raise UnreadableJsonError("data holds bytes that are no UTF-8 text. Send it as UTF-8.")
    return read_json(text) if text else None


def read_json(text: str, depth: int = MAX_DEPTH) -> Json:
    """The value of a JSON text of at most `depth` levels, numbers as doubles (whole ones within 2^53 as int).

    Raises:
        UnreadableJsonError: for numbers outside doubles, lone surrogates, keys given twice, nesting too deep.
    """
    try:
        # A text with few brackets can't be deep: most are settled by two fast counts.
        if text.count("[") + text.count("{") > depth and _depth(text) > depth:
            raise UnreadableJsonError(f"data is nested more than {MAX_DEPTH} levels deep. Flatten it.")
        value = _READER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnreadableJsonError(
            "data holds half of a surrogate pair (\\ud800 to \\udfff alone). Send whole characters."
        ) from None
    except json.JSONDecodeError:
        raise UnreadableJsonError("data is no JSON. Send a JSON value.") from None
    return value


def _depth(text: str) -> int:
    """How deep brackets nest in a JSON text, those within strings not counted."""
    deepest = depth = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise UnreadableJsonError(f"data has the key {json.dumps(twice[:80])} twice. Name each key once.")
    return result


def parse_number(text: str) -> float:
    """A whole number as every JSON reader has it: one that no double holds exactly becomes the nearest double."""
    if len(text) < _SAFE_LENGTH:
        return int(text)
    value = float(text)
    return int(value) if abs(value) <= MAX_SAFE_INTEGER else value


def _number(text: str) -> float:
    value = parse_number(text)
    return value if isinstance(value, int) else _float(text)


def read_shown(text: str | bytes) -> Json:
    """The value of JSON that PocketBase shows, numbers as `read_json` has them; one that no double holds is unreadable.

    Raises:
        ValueError: when it is no JSON.
        RecursionError: when it is nested deeper than Python reads.
    """
    return _SHOWN.decode(text if isinstance(text, str) else text.decode(errors="replace"))


def _shown(text: str) -> float | Unreadable:
    return _finite(float(text), text)


def _shown_whole(text: str) -> float | Unreadable:
    return int(text) if len(text) < _SAFE_LENGTH else _finite(parse_number(text), text)


def _finite(value: float, text: str) -> float | Unreadable:
    return value if math.isfinite(value) else Unreadable(f"({text[:20]}, which no double holds)")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise UnreadableJsonError(
            f"data holds a number that no IEEE 754 double can hold ({text[:20]}). Send it as a text."
        )
    return value


_READER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_number, parse_float=_float, parse_constant=_float)


_SHOWN = json.JSONDecoder(parse_int=_shown_whole, parse_float=_shown, parse_constant=_shown)


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
