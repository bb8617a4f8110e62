"""The collection `notes`, whose rows are changed by hand."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from support import Server
from support.checking import append_all, record_all, silent
from support.command_line import cli

REPAIRED_KEYS = ["seq", "collections", "held_seconds", "seconds"]
NOTE_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "text"},
    {"name": "number", "type": "number"},
    {"name": "bool", "type": "bool"},
    {"name": "date", "type": "date"},
    {"name": "many", "type": "select", "maxSelect": 3, "values": ["a", "b", "c"]},
    {"name": "json", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "photo", "type": "file", "maxSelect": 1},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
NOTE: dict[str, Any] = {
    "text": "x", "number": 1, "bool": True, "date": "2026-01-31T09:30:00+02:00", "many": ["b", "a"],
    "json": {"a": 1, "b": [True, None]}, "place": {"lon": 1, "lat": 2},
}  # fmt: skip
NOTES = "/api/collections/notes/records"


def note(number: int) -> str:
    return f"note{number:011d}"


def with_notes(server: Server, *, lock: bool, count: int = 6) -> None:
    """An attached collection `notes` of so many rows; the last of them is deleted by an event."""
    server.create_collection("notes", NOTE_FIELDS)
    server.attach("notes", lock=lock)
    events = [{"type": "create", "item_id": note(number), "data": NOTE} for number in range(1, count + 1)]
    append_all(server.guest(), "notes", [*events, {"type": "delete", "item_id": note(count)}])
    record_all(server)


@contextmanager
def tampering(server: Server) -> Iterator[sqlite3.Connection]:
    """The database of a stopped PocketBase with the rows' locks open; started again afterwards."""
    server.stop()
    with closing(server.database()) as database, database:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'pbe_rows_%'"
        triggers = database.execute(query).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        yield database
        for _, sql in triggers:
            database.execute(sql)
    server.start()


def found(row: int, kind: str, /, **fields: Any) -> dict[str, Any]:
    """How check tells a difference; each field has the log's value and the row's."""
    return {"collection": "notes", "id": note(row), "kind": kind, "fields": fields}


def repaired(server: Server, **counts: int) -> None:
    """Rebuild, expecting these counts for `notes`, and be told by check that all is well."""
    document = json.loads(cli(server, "rebuild", "--yes", "--json").stdout)
    assert list(document) == REPAIRED_KEYS
    assert document["collections"]["notes"] == {"inserted": 0, "updated": 0, "removed": 0, **counts}
    silent(server)
