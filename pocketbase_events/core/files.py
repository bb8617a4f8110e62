"""Files of events, and which of them the files of a row are copies of. Pure.

PocketBase names each file that it stores: the given name in snake case, cut to 100 characters, 10 random ones, and what
followed the first dot (tools/filesystem/file.go). In a batch it does so twice. So a copy is given a name that says
which file it is of, short enough to last; the files of a row that was adopted keep the names that they had.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

from pocketbase_events.core.events import Pending, Recorded
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.schema import FieldDefinition, Target, quote

EVENTS = "events"
EVENTS_ID = "pbe_events_0001"  # of the collection
MAX_FILES = 10  # of an event
DEFAULT_MAX_SIZE = 5 * 2**20  # bytes, PocketBase's own for a file field without a limit
MAX_STEM = 89  # characters before the first dot, of which PocketBase cuts none, even in a batch
MAX_ADOPTED_STEM = 70  # the same if letters may be capital: PocketBase puts an underscore before each
_COPY = re.compile(r"_(\d+)_(\d)(?:_[a-z0-9]{10}){1,2}$", re.ASCII)
_ADDED = re.compile(r"(?<=.)(?:_[a-z0-9]{10}){1,2}$", re.ASCII)
_ENDINGS = (10, 20, 30)  # characters that PocketBase adds to a name: up to twice, and to a very short name
_NOT_KEPT = re.compile(r"[^a-z0-9]")


class File(str):
    """A file of an event. As a text, and as JSON, it is the name that PocketBase gave it.

    Attributes:
        event: the id of the event's record.
        number: which of the event's files it is, from 0 on.
        seq: of the event; 0 if it is not recorded yet.
        hash: SHA-256 of the content, as the log has it; "" if it is not known.
    """

    __slots__ = ("event", "hash", "number", "seq")

    event: str
    number: int
    seq: int
    hash: str

    def __new__(cls, name: str, event: str, number: int, *, seq: int = 0, hash_: str = "") -> Self:
        """The file of this name."""
        made = super().__new__(cls, name)
        made.event, made.number, made.seq, made.hash = event, number, seq, hash_
        return made

    def recorded(self, seq: int) -> "File":
        """The file once its event has this seq."""
        return File(self, self.event, self.number, seq=seq, hash_=self.hash)


class Upload(NamedTuple):
    """A stored file to upload again under another name: its record, its name, and its SHA-256 if that is known."""

    collection: str  # its name or id
    record: str
    name: str
    given: str
    hash: str = ""


def copy_of(file: File) -> Upload:
    """What a row's copy of an event's file is uploaded from, and the name that it is given."""
    stem, dot, rest = file.partition(".")
    mark = f"_{file.seq}_{file.number}"
    return Upload(EVENTS, file.event, str(file), f"{stem[: MAX_STEM - len(mark)]}{mark}{dot}{rest}", file.hash)


def original_of(collection: str, row: str, name: str) -> Upload:
    """What an adopted row's event gets as its file: the row's own, with a name that tells."""
    return Upload(collection, row, name, _adopted(name))


def again(file: File) -> Upload:
    """The file of an event, to become the file of another one as well."""
    return Upload(EVENTS, file.event, str(file), _adopted(_bare(file)), file.hash)


def is_copy(name: str, file: File) -> bool:
    """Whether the file of a row that has this name is a copy of the event's file, or what was adopted as that."""
    return _is_marked(name, file) or _is_original(name, file)


def found(name: str, files: Iterable[File]) -> File | None:
    """The event's file that a row's file is a copy of; None if it is none of these."""
    some = list(files)
    marked = next((file for file in some if _is_marked(name, file)), None)
    return marked or next((file for file in some if _is_original(name, file)), None)


def without(files: Sequence[Json], names: Sequence[Json]) -> list[Json]:
    """The files of a field without those whose copies in the row have, or had, these names."""
    left = list(files)
    for name in names:
        gone = found(str(name), (file for file in left if isinstance(file, File)))
        left = [each for each in left if (gone is None or each is not gone) and each != name]
    return left


def same_files(ones: Sequence[Json], others: Sequence[Json]) -> bool:
    """Whether two lists hold the same files in the same order, each an event's file or the name of a row's."""
    mine, theirs = ([each for each in files if each not in ("", None)] for files in (ones, others))
    return len(mine) == len(theirs) and all(map(_same, mine, theirs))


def may_remove_files(event: Pending, target: Target) -> bool:
    """Whether the event may have a modifier `field-` of a file field, so that it matters which files its row holds."""
    return target.holds_files and event.type == "update" and ("-" in event.data or "\\u" in event.data)


def needs_fetching(event: Pending, target: Target | None) -> bool:
    """Whether files, or their names, must be read before the event can be judged."""
    return bool(event.files) or (target is not None and may_remove_files(event, target))


def in_row(name: str, names: Sequence[str]) -> str | None:
    """The row's file that a client calls by this name; after a rebuild it has another ending."""
    if name in names:
        return name
    mark = _mark_of(name)
    return next((each for each in names if mark is not None and _mark_of(each) == mark), None)


def with_files(event: Recorded, target: Target | None) -> Recorded:
    """The event with its files in place of their numbers in its data. Its hash stays that of the event in the log."""
    if not event.file_hashes or target is None or not isinstance(event.data, dict):
        return event
    data = {key: _put(event, value) if _is_of_files(key, target) else value for key, value in event.data.items()}
    return replace(event, data=data)


def files_of(event: Recorded) -> list[File]:
    """The files of a recorded event, as the log has them."""
    names = [*event.files, *event.file_hashes[len(event.files) :]]  # a hash for one whose name is not known
    hashes = event.file_hashes
    return [File(names[n], event.id, n, seq=event.seq, hash_=hashes[n]) for n in range(len(hashes))]


def files_in(value: Json) -> list[File]:
    """The files that a value of a file field consists of."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, File)]


def numbers_in(value: Json) -> list[int]:
    """The numbers of files that a value in an event's data consists of."""
    given = value if isinstance(value, list) else [value]
    return [int(each) for each in given if _is_whole(each)]


def given_files(event: Pending, field: FieldDefinition, value: Json) -> Json:
    """The event's files that a value chooses, in the form in which the field takes them."""
    chosen = [File(event.files[number], event.id, number) for number in numbers_in(value)]
    return chosen if field.multiple else chosen[0] if chosen else None


def why_no_files(event: Pending, field: FieldDefinition, value: Json) -> str | None:
    """Why a value does not choose files of the event for the field; None if it does. Null chooses none."""
    if value is None:
        return None
    numbers, count = numbers_in(value), len(event.files)
    is_list = isinstance(value, list)
    if is_list > field.multiple or len(numbers) != (len(value) if is_list else 1):
        wanted = "a list of numbers" if field.multiple else "a number"
        return (
            f'"{field.name}" takes {wanted}: which of the event\'s own files, counted from 0. Send the files in the'
            " field files of the event, or null to empty the field."
        )
    missing = next((number for number in numbers if not 0 <= number < count), None)
    if missing is not None:
        return f'"{field.name}" names file {missing}, but the event has {count}. Count its own files from 0.'
    if len(set(numbers)) < len(numbers):
        return f'"{field.name}" names a file twice. Name each one once.'
    return None


def why_unused(event: Pending, values: Iterable[Json]) -> str | None:
    """Why an event has more files than its data names; None if it has not."""
    used = {number for value in values for number in numbers_in(value)}
    spare = next((number for number in range(len(event.files)) if number not in used), None)
    return None if spare is None else f"data names no field for file {spare} of the event. Name one, or leave it out."


def names_to_remove(field: FieldDefinition, operand: Json, held: Sequence[str] | None) -> list[str] | str:
    """The row's files that a modifier `field-` removes; a sentence if it can't.

    `held` are the names that the row has, None if there is no row. PocketBase ignores other names in silence.
    """
    names = operand if isinstance(operand, list) else [operand]
    if not names or not all(isinstance(name, str) and name for name in names):
        return f'"{field.name}-" takes the name of one of the row\'s files, or a list of names. Send that.'
    if held is None:
        return names
    meant = [(name, in_row(name, held)) for name in names]
    unknown = next((name for name, there in meant if there is None), None)
    if unknown is not None:
        return f'"{field.name}" of the item holds no file {quote(unknown)}. Read the row again for its names.'
    return [there for _, there in meant if there is not None]


def _same(one: Json, other: Json) -> bool:
    if isinstance(one, File) == isinstance(other, File):
        return bool(one == other)
    return is_copy(other, one) if isinstance(one, File) else is_copy(one, other)


def _put(event: Recorded, value: Json) -> Json:
    """The value with files in place of numbers; a number that the event has no file for stays."""
    files = files_of(event)

    def put(each: Json) -> Json:
        return files[int(each)] if _is_whole(each) and 0 <= each < len(files) else each

    return [put(each) for each in value] if isinstance(value, list) else put(value)


def _is_of_files(key: str, target: Target) -> bool:
    field = target.field(key.strip("+-"))  # which modifiers have, and names of fields have not
    return field is not None and field.type == "file"


def _is_whole(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


def _mark_of(name: str) -> tuple[int, int] | None:
    mark = _COPY.search(name.partition(".")[0])
    return (int(mark[1]), int(mark[2])) if mark else None


def _is_marked(name: str, file: File) -> bool:
    return _mark_of(name) == (file.seq, file.number)


def _is_original(name: str, file: File) -> bool:
    """Whether the event's file was uploaded under a name like that of the row's file."""
    given, stored = _kept(_adopted(name)), _kept(file)
    return stored.startswith(given) and len(stored) - len(given) in _ENDINGS


def _adopted(name: str) -> str:
    """The name under which a row's file becomes an event's: its end is what tells it from others."""
    stem, dot, rest = name.partition(".")
    return f"{stem[-MAX_ADOPTED_STEM:]}{dot}{rest}"


def _bare(name: str) -> str:
    """The name without what PocketBase has added to it, as far as that can be told."""
    stem, dot, rest = name.partition(".")
    return f"{_ADDED.sub('', stem)}{dot}{rest}"


def _kept(name: str) -> str:
    """What PocketBase keeps of a name, whichever way it puts underscores."""
    return _NOT_KEPT.sub("", name.partition(".")[0].lower())
