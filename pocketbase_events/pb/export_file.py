"""The log as JSON Lines: an event a line, with its eight hashed keys and its hash."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, get_args

from pocketbase_events.core.events import HASHED, EventType, Recorded
from pocketbase_events.core.json_text import MAX_DEPTH, read_json
from pocketbase_events.errors import WrongUsageError

PAGE = 1000  # lines read at a time
KEYS = {*HASHED, "hash"}  # of a line


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of an export that is no event, and why."""

    number: int
    why: str


def line_of(event: Recorded) -> str:
    """An event as a line of an export."""
    return json.dumps({**event.hashed, "hash": event.hash}) + "\n"


def events_of(path: Path) -> Iterator[Sequence[Recorded | BadLine]]:
    """The events of an export, page by page, however long it is.

    Raises:
        WrongUsageError: when it can't be read.
    """
    try:
        with path.open("rb") as file:
            yield from _pages(file)
    except OSError as error:
        raise WrongUsageError(why=f"{path} can't be read ({error.strerror}).") from None


def _pages(file: BinaryIO) -> Iterator[Sequence[Recorded | BadLine]]:
    page: list[Recorded | BadLine] = []
    for number, line in enumerate(file, 1):
        if line.strip():
            page.append(_event_of(number, line))
        if len(page) == PAGE:
            yield page
            page = []
    yield page


def _event_of(number: int, line: bytes) -> Recorded | BadLine:
    """The event that a line holds; its data is read as that of an event in PocketBase."""
    try:
        given = read_json(line.decode(), MAX_DEPTH + 1)  # the line itself is a level
    except UnicodeDecodeError:
        return BadLine(number, "it is no UTF-8 text.")
    except (ValueError, RecursionError) as error:
        why = "it is cut off or no JSON." if "is not JSON" in str(error) else str(error)
        return BadLine(number, why)
    if not isinstance(given, dict) or given.keys() != KEYS:
        return BadLine(number, f"it is no object with exactly the keys {', '.join(sorted(KEYS))}.")
    texts = [value for key, value in given.items() if key not in ("data", "seq")]
    if type(given["seq"]) is not int or not all(isinstance(text, str) for text in texts):
        return BadLine(number, "seq is no whole number, or another key but data is no text.")
    if given["type"] not in get_args(EventType):
        return BadLine(number, "its type is none of create, update and delete.")
    return Recorded(id="", **given)
