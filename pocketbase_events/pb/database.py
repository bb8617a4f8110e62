"""Reading the log and the rows straight from PocketBase's database file, read-only and beside the running server."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pocketbase_events.core.batch import HEAD_ID
from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Row
from pocketbase_events.core.json_text import Json, parse_number, read_shown
from pocketbase_events.core.schema import FieldDefinition, Target
from pocketbase_events.core.values import TOO_DEEP
from pocketbase_events.errors import NotInstalledError, TroubleError, WrongUsageError
from pocketbase_events.pb.data_folder import database_file
from pocketbase_events.pb.files import stored_hash
from pocketbase_events.pb.literals import sql_name
from pocketbase_events.pb.records import Status, recorded_of, status_of

PAGE = 1000  # records read at a time, so that no reader keeps PocketBase from tidying its WAL up
BUSY = 10.0  # seconds to wait for a lock
INCOMPLETE = (
    "{wal} holds changes that are not in data.db: this is a copy of a running PocketBase, without its data.db-shm."
    " An empty one is enough. Run: touch {shm}"
)


class Database:
    """The database file of one PocketBase. Our views in it tell what they tell through the API.

    Args:
        folder: PocketBase's data folder, or that of `serve`, which has it in `data`.

    Raises:
        WrongUsageError: if the database does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._path = database_file(folder)
        self._wal, shm = (self._path.with_name(f"data.db-{name}") for name in ("wal", "shm"))
        self._in_use = shm.exists()
        if not self._in_use and self._has_wal():
            raise WrongUsageError(why=INCOMPLETE.format(wal=self._wal, shm=shm))
        # Otherwise SQLite writes into data.db-shm, or makes one, even if the database is opened read-only.
        how = "mode=ro&readonly_shm=1" if self._in_use else "mode=ro&immutable=1"
        try:
            self._database = sqlite3.connect(f"{self._path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY)
        except sqlite3.Error as error:
            raise WrongUsageError(why=f"{self._path} can't be opened ({error}).") from None
        self._database.row_factory = sqlite3.Row

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def status(self) -> Status:
        """The log at this moment, read in one go."""
        found = self._all("SELECT * FROM event_status WHERE id = :id", id=HEAD_ID)
        if not found:
            raise NotInstalledError(url=str(self._path))
        texts: dict[str, Any] = {key: "" if value is None else value for key, value in dict(found[0]).items()}
        texts |= {name: json.loads(texts.get(name) or "null") for name in ("triggers", "append_rule", "read_rules")}
        return status_of({**texts, "last_seq": texts["last_seq"] or 0})

    def targets(self) -> dict[str, Target]:
        """The attached collections by name, with their field definitions."""
        targets = {}
        for row in self._all("SELECT * FROM event_schemas"):
            item = {key: "" if value is None else value for key, value in dict(row).items()}
            item |= {
                name: json.loads(item.get(name) or "null") for name in ("fields", "indexes", "computed", "renamed")
            }
            targets[item["collection"]] = Target.model_validate(item)
        return targets

    def attached(self) -> list[str]:
        """The names of all attached collections, those that are gone included."""
        targets = map(dict, self._all("SELECT * FROM event_targets ORDER BY collection"))
        return [target["collection"] for target in targets if not target.get("closed")]

    def log(
        self, after: int, to: int, *, collection: str | None = None, item_id: str | None = None
    ) -> Iterator[Sequence[Recorded]]:
        """The recorded events with `after` < seq <= `to`; those of one collection or item only, where named."""
        query = (
            "SELECT * FROM event_log WHERE seq >= :seq AND (seq > :seq OR position > :position) AND seq <= :to"
            + ("" if collection is None else " AND collection = :collection")
            + ("" if item_id is None else " AND item = :item_id")
            + f" ORDER BY seq, position LIMIT {PAGE}"
        )
        place: dict[str, Any] = {"seq": after, "position": 2**53}
        while True:
            page = self._all(query, to=to, collection=collection, item_id=item_id, **place)
            yield [recorded_of(_texts(item)) for item in page]
            if len(page) < PAGE:
                return
            place = {"seq": page[-1]["seq"], "position": page[-1]["position"]}

    def repeats_event_ids(self) -> bool:
        """Whether two recorded events have the same event_id."""
        query = "SELECT 1 FROM events WHERE seq > 0 GROUP BY event_id HAVING COUNT(*) > 1 LIMIT 1"
        return bool(self._all(query))

    def rows(self, target: Target) -> Iterator[Sequence[Row]]:
        """All rows of a collection, by id."""
        last = ""
        while True:
            page = self._all(
                f"SELECT * FROM {sql_name(target.collection)} WHERE id > :last ORDER BY id LIMIT {PAGE}", last=last
            )
            yield [_row(target, row) for row in page]
            if len(page) < PAGE:
                return
            last = page[-1]["id"]

    def rows_by_id(self, target: Target, ids: Sequence[str]) -> dict[str, Row]:
        """Those of the rows with these ids that there are."""
        query = f"SELECT * FROM {sql_name(target.collection)} WHERE id IN (SELECT value FROM json_each(:ids))"
        return {row["id"]: _row(target, row) for row in self._all(query, ids=json.dumps(list(ids)))}

    def file_hash(self, collection_id: str, record: str, name: str) -> str | None:
        """SHA-256 of a file in PocketBase's storage folder; None if it is not there."""
        parts = (collection_id, record, name)
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
            return None
        return stored_hash(self._path.parent.joinpath("storage", *parts))

    def gone(self, collection_id: str, ids: Sequence[str]) -> set[str]:
        """The ids without a record in the collection."""
        names = self._all("SELECT name FROM _collections WHERE id = :id", id=collection_id)
        query = "SELECT id FROM {} WHERE id IN (SELECT value FROM json_each(:ids))"
        found = [self._all(query.format(sql_name(row["name"])), ids=json.dumps(list(ids))) for row in names]
        return set(ids) - {row["id"] for rows in found for row in rows}

    def _has_wal(self) -> bool:
        """Whether there are changes that are not in the database file yet."""
        try:
            return self._wal.stat().st_size > 0
        except OSError:
            return False

    def _all(self, query: str, **values: Any) -> list[sqlite3.Row]:  # noqa: ANN401 - what SQLite takes
        try:
            found = self._read(query, values)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise NotInstalledError(url=str(self._path)) from None
            raise TroubleError(why=f"{self._path}: {error}.") from None
        except sqlite3.DatabaseError as error:
            raise TroubleError(why=f"{self._path}: {error}.") from None
        if not self._in_use and self._has_wal():
            raise TroubleError(why=f"PocketBase was started in {self._path.parent} while it was read. Run it again.")
        return found

    def _read(self, query: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        try:
            with closing(self._database.execute(query, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.OperationalError as error:
            if "decode to UTF-8" not in str(error):
                raise
        # Bytes that are not UTF-8 are rare, and reading each text with care takes half as long again.
        self._database.text_factory = _decoded
        try:
            with closing(self._database.execute(query, values)) as cursor:
                return cursor.fetchall()
        finally:
            self._database.text_factory = str


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")


def _texts(item: sqlite3.Row) -> dict[str, Json]:
    """An event as the API shows it: whole numbers beyond doubles, edited into the file, are rounded."""
    shown = dict(item)
    if isinstance(shown["seq"], int):
        shown["seq"] = parse_number(str(shown["seq"]))
    return shown


def _row(target: Target, row: sqlite3.Row) -> Row:
    """A row as PocketBase's API shows it."""
    known = target.by_name
    return {name: _shown(known[name], row[name]) for name in row.keys() if name in known}  # noqa: SIM118 - not a dict


def _shown(field: FieldDefinition, value: Json) -> Json:
    """SQLite's value as PocketBase shows it. A value that PocketBase would never have written stays as it is."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if field.type == "bool" and value in (0, 1, None):
        return bool(value)
    if isinstance(value, int):
        return parse_number(str(value))
    if (field.multiple or field.type in ("json", "geoPoint")) and isinstance(value, str):
        return _parsed(value)
    return value


def _parsed(text: str) -> Json:
    try:
        value = read_shown(text) if text else None
        if "\\u" not in text:
            return value
        # PocketBase shows half a surrogate pair as U+FFFD.
        whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
        return read_shown(whole.decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        return TOO_DEEP
