"""What an event is, its dump and its hash; which JSON can be hashed at all."""

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import rfc8785

EventType = Literal["create", "update", "delete"]
Json = Any  # a JSON value as Python's json module reads it

MAX_DEPTH = 200  # levels; deeper JSON can't be read everywhere (Python 3.11 stops near 1,000)
MAX_SAFE_INTEGER = 2**53 - 1  # larger whole numbers are doubles to every JSON reader but Python's


class UnreadableJsonError(ValueError):
    """JSON that two readers would read differently, or not at all; its text is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class Head:
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the log. `id` names its PocketBase record."""

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

    @property
    def head(self) -> Head:
        """The head of a log that ends with this event."""
        return Head(self.seq, self.hash)


def read_data(event: Pending) -> Json:
    """The event's `data` as a JSON value, None when there is none.

    Raises:
        UnreadableJsonError: when it can't be hashed or read the same everywhere.
    """
    if event.damaged:
        raise UnreadableJsonError("data holds bytes that are no UTF-8 text. Send it as UTF-8.")
    return read_json(event.data) if event.data else None


def read_json(text: str) -> Json:
    """The value of a JSON text, numbers as doubles (whole ones within 2^53 as int).

    Raises:
        UnreadableJsonError: for numbers outside doubles, lone surrogates, keys given twice, nesting too deep.
    """
    try:
        # A text with few brackets can't be deep: most are settled by two fast counts.
        if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            raise UnreadableJsonError(f"data is nested more than {MAX_DEPTH} levels deep. Flatten it.")
        value = json.loads(text, object_pairs_hook=_object, parse_int=_number, parse_float=_float)
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


def _number(text: str) -> int | float:
    if len(text) < len(str(MAX_SAFE_INTEGER)):
        return int(text)
    value = _float(text)
    return int(value) if abs(value) <= MAX_SAFE_INTEGER else value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise UnreadableJsonError(
            f"data holds a number that no IEEE 754 double can hold ({text[:20]}). Send it as a text."
        )
    return value


def dump(event: dict[str, Json]) -> bytes:
    """The RFC 8785 canonical JSON of an event with its eight hashed keys."""
    return rfc8785.dumps(event)


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
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}Z"
