"""`attach --adopt` as its users meet it, and a collection with rows."""

import json
import sqlite3
import subprocess
from contextlib import closing
from typing import Any

from pocketbase_events.core.fold import unfit
from pocketbase_events.jobs.check import find_drift
from pocketbase_events.jobs.watch import unwatched
from pocketbase_events.pb.database import Database
from support import Client, Server, check_log, query
from support.command_line import cli

NOTES = "/api/collections/notes/records"
LONG_AGO = "2001-02-03 04:05:06.789Z"
NOTE_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "text"},
    {"name": "json", "type": "json"},
    {"name": "number", "type": "number"},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
MARK = {"name": "deleted", "type": "bool"}


def adopt(server: Server, *more: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    return cli(server, "attach", "notes", "--allow", "", "--adopt", *more, code=code)


def is_well(server: Server, name: str = "notes", rows: int | None = None) -> None:
    """Every row is what the log says, by PocketBase as by its file, and the log is whole."""
    check_log(server)
    with closing(Database(server.data)) as database:
        for source in (server.gateway(), database):
            drift = find_drift(source, [name], unwatched)
            assert drift.differences == []
            assert unfit(drift.targets[name], drift.fold.rows[name]) == []
            assert rows is None or drift.rows[name] == rows


def commands_agree(server: Server) -> None:
    """`check` and `verify` say that all is well."""
    done = cli(server, "check", "--json")
    assert (json.loads(done.stdout)["ok"], done.stderr) == (True, "")
    assert json.loads(cli(server, "verify", "--json").stdout)["ok"] is True


def stored(server: Server, name: str = "notes") -> dict[str, dict[str, Any]]:
    """The rows as they lie in the file, the mark and the version aside, which may be new to them."""
    with closing(server.database()) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute(f"SELECT rowid AS place, * FROM {name}")]
    for row in rows:
        row.pop("deleted", None)
        row.pop("seq", None)
    return {row["id"]: row for row in rows}


def events_of(server: Server, name: str = "notes") -> list[tuple[str, str, int, str]]:
    """Type, item, seq and error of every event of a collection, in the order of insertion."""
    return query(server, "SELECT type, item_id, seq, error FROM events WHERE collection = ? ORDER BY rowid", name)


def attached(server: Server) -> list[str]:
    return [name for (name,) in query(server, "SELECT collection FROM event_targets ORDER BY collection")]


def note(number: int) -> str:
    return f"note{number:011d}"


def with_notes(server: Server, count: int, *more: dict[str, Any], **rules: str) -> None:
    """A collection `notes` of so many rows that nobody has attached."""
    server.create_collection("notes", [*NOTE_FIELDS, *more], **rules)
    rows = ((note(n), f"note {n}", json.dumps({"n": n}), n, LONG_AGO, LONG_AGO) for n in range(1, count + 1))
    with closing(server.database()) as database, database:
        columns = "id, text, json, number, created, updated"
        database.executemany(f"INSERT INTO notes ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)


def put(server: Server, row: str, field: str, raw: str) -> None:
    """Give a row a value as it is to lie in the file."""
    with closing(server.database()) as database, database:
        database.execute(f"UPDATE notes SET {field} = ? WHERE id = ?", (raw, row))


def append(client: Client, item: str) -> int:
    body = {"type": "create", "collection": "notes", "item_id": item, "data": {"text": "new"}}
    return client("POST", "/api/collections/events/records", json=body).status_code
