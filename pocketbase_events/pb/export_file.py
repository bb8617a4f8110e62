"""The log as a file of JSON Lines: an event a line, with its hashed keys, its hash, and the id of its record."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, get_args

from pocketbase_events.core.events import HASHED, OPTIONAL, EventType, Recorded
from pocketbase_events.core.json_text import MAX_DEPTH, Json, read_json
from pocketbase_events.errors import WrongUsageError

PAGE = 1000  # lines read at a time
KEYS = {*HASHED, "hash"}  # of a line; its "id" is optional, since older exports have none
FILES = ("files", "file_names")  # the hashes of an event's files, which are hashed, and their names, which are not
MAYBE = ", ".join(["id", *OPTIONAL, *FILES])
FILE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
HASH = re.compile(r"[0-9a-f]{64}")
RECORD_ID = re.compile(r"[a-z0-9]{15}")  # as the collection `events` takes it

# How a file begins that was changed by a program, and what to do.
_FOREIGN = {
    b"\x1f\x8b": "it is compressed with gzip. Decompress it first: gunzip",
    b"BZh": "it is compressed with bzip2. Decompress it first: bunzip2",
    b"\xfd7zXZ\0": "it is compressed with xz. Decompress it first: unxz",
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd. Decompress it first: unzstd",
    b"PK\x03\x04": "it is a zip archive. Unpack it first: unzip",
    b"SQLite format 3\0": "it is an SQLite database, not an export. Its folder can be read with --dir",
    b"\xef\xbb\xbf": "it begins with a byte-order mark, which an editor added. Save it as UTF-8 without one",
    b"\xff\xfe": "it is UTF-16 text, as PowerShell writes. Give `export` a FILE instead of redirecting its output",
    b"\xfe\xff": "it is UTF-16 text. Save it as UTF-8 without a byte-order mark",
}


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of an export that is not an event, and why."""

    number: int
    why: str


class ExportFile:
    """An export, read from its beginning each time.

    Args:
        path: a file that can be read more than once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> Iterator[Sequence[Recorded | BadLine]]:
        """All lines, page by page, however long the file is.

        Raises:
            WrongUsageError: when it can't be read.
        """
        try:
            with self._path.open("rb") as file:
                yield from _pages(file)
        except OSError as error:
            raise WrongUsageError(why=f"{self._path} can't be read ({error.strerror}).") from None

    def log(
        self, after: int, to: int, *, collection: str | None = None, item_id: str | None = None
    ) -> Iterator[Sequence[Recorded]]:
        """The events with `after` < seq <= `to`, only those of one collection or item if named. Skips bad lines.

        Raises:
            WrongUsageError: when the file can't be read.
        """
        for page in self.lines():
            yield [
                event
                for event in page
                if isinstance(event, Recorded)
                and after < event.seq <= to
                and collection in (None, event.collection)
                and item_id in (None, event.item_id)
            ]


def line_of(event: Recorded) -> str:
    """An event as a line of an export."""
    shown = {**event.hashed, "hash": event.hash}
    if event.files:
        shown["file_names"] = list(event.files)
    return json.dumps({**shown, "id": event.id} if event.id else shown) + "\n"


def _pages(file: BinaryIO) -> Iterator[Sequence[Recorded | BadLine]]:
    page: list[Recorded | BadLine] = []
    for number, line in enumerate(file, 1):
        if number == 1 and (why := _why_foreign(line)) is not None:
            yield [BadLine(1, why)]
            return
        if line.strip():
            page.append(event_of(number, line))
        if len(page) == PAGE:
            yield page
            page = []
    yield page


def _why_foreign(beginning: bytes) -> str | None:
    """What kind of file begins so, and what to do, if it is not plain text in UTF-8."""
    return next((f"{why}." for mark, why in _FOREIGN.items() if beginning.startswith(mark)), None)


def event_of(number: int, line: bytes) -> Recorded | BadLine:
    """The event in the line of this number. Its data is read like that of an event in PocketBase."""
    try:
        given = read_json(line.decode(), MAX_DEPTH + 1)  # the line itself is a level
    except UnicodeDecodeError:
        return BadLine(number, "it is not UTF-8 text.")
    except (ValueError, RecursionError) as error:
        return BadLine(number, "it is cut off or not JSON." if "is not JSON" in str(error) else str(error))
    why = _why_no_event(given)
    if why is not None:
        return BadLine(number, why)
    files = {"file_hashes": given.pop("files", ()), "files": given.pop("file_names", ())}
    return Recorded(**{"id": "", **given, **files})


def _why_no_event(given: Json) -> str | None:
    """Why a JSON value is not an event; None if it is one."""
    if not isinstance(given, dict) or given.keys() - {"id", *OPTIONAL, *FILES} != KEYS:
        return f"it is not an object with exactly the keys {', '.join(sorted(KEYS))}, and maybe {MAYBE}."
    empty = [key for key in (*OPTIONAL, *FILES) if key in given and not given[key]]
    if empty:
        return f"its {empty[0]} is empty. Leave such a key out."
    numbers = [given[key] for key in ("seq", "expected_seq") if key in given]
    texts = [value for key, value in given.items() if key not in ("data", "seq", "expected_seq", *FILES)]
    if any(type(number) is not int for number in numbers) or not all(isinstance(text, str) for text in texts):
        return "its seq is not a whole number, or another value but data is not a text."
    if given["type"] not in get_args(EventType):
        return "its type is none of create, update and delete."
    if "id" in given and not RECORD_ID.fullmatch(given["id"]):
        return "its id can't be that of a record (15 of a-z and 0-9)."
    return _why_no_files(given)


def _why_no_files(given: dict[str, Json]) -> str | None:
    """Why the files of a line are none; None if they are, or it has none."""
    hashes, names = given.get("files", []), given.get("file_names", [])
    if not isinstance(hashes, list) or not all(isinstance(each, str) and HASH.fullmatch(each) for each in hashes):
        return "its files are not a list of SHA-256 hashes."
    if not isinstance(names, list) or not all(isinstance(each, str) and FILE_NAME.fullmatch(each) for each in names):
        return "its file_names are not names that PocketBase gives."
    return "it has not as many file_names as files." if names and len(names) != len(hashes) else None
