"""Which JSON can be hashed and read the same everywhere, and reading it."""

import json
import math
from typing import Any

Json = Any  # a JSON value as Python's json module reads it

MAX_DEPTH = 200  # levels; deeper JSON can't be read everywhere (Python 3.11 stops near 1,000)
MAX_SAFE_INTEGER = 2**53 - 1  # every JSON reader but Python's reads larger whole numbers as doubles
_SAFE_LENGTH = len(str(MAX_SAFE_INTEGER))  # digits; shorter whole numbers are safe


class UnreadableJsonError(ValueError):
    """JSON that two readers would read differently, or not at all; the message tells the author what to change."""


class Unreadable(str):
    """Stands in a row for a value that we can't read, and describes it. Events never hold one."""

    __slots__ = ()


def read_data(text: str, *, damaged: bool) -> Json:
    """An event's `data` as a JSON value; None for an empty text. `damaged` says that the text was not valid UTF-8.

    Raises:
        UnreadableJsonError: if it can't be hashed, or not be read the same everywhere.
    """
    if damaged:
        raise UnreadableJsonError("data is not valid UTF-8. Send it as UTF-8.")
    return read_json(text) if text else None


def read_json(text: str, depth: int = MAX_DEPTH) -> Json:
    """Parse a JSON text of at most `depth` levels. Numbers become doubles; whole ones within 2^53 become int.

    Raises:
        UnreadableJsonError: for numbers beyond doubles, lone surrogates, duplicate keys and too deep nesting.
    """
    try:
        # Few brackets can't nest deeply, so two fast counts settle most texts.
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
        raise UnreadableJsonError("data is not JSON. Send a JSON value.") from None
    return value


def _depth(text: str) -> int:
    """How deep brackets nest in a JSON text, not counting those within strings."""
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
    """A whole number as every JSON reader sees it: the nearest double if no double holds it exactly."""
    if len(text) < _SAFE_LENGTH:
        return int(text)
    value = float(text)
    return int(value) if abs(value) <= MAX_SAFE_INTEGER else value


def _number(text: str) -> float:
    value = parse_number(text)
    return value if isinstance(value, int) else _float(text)


def read_shown(text: str | bytes) -> Json:
    """Parse JSON that PocketBase shows, numbers as in `read_json`; a number that no double holds becomes `Unreadable`.

    Raises:
        ValueError: if it is not JSON.
        RecursionError: if it is nested deeper than Python reads.
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
