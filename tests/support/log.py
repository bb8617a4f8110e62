"""Log and rows as they are, read from the database alone or by a superuser."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from pocketbase_events.core.events import Head, chain_hash
from pocketbase_events.core.json_text import read_json
from support.server import Server

OPTIONAL = ("reason", "together", "expected_seq", "files")  # hashed if they are not empty


def query(server: Server, sql: str, *values: Any) -> list[Any]:
    """What the database file says. PocketBase before 0.40 would not survive more, after a backup."""
    with closing(sqlite3.connect(f"file:{server.data}/data.db?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(sql, values).fetchall()


def pending(server: Server) -> int:
    """How many events are pending."""
    return int(query(server, "SELECT COUNT(*) FROM events WHERE seq = 0 AND error = ''")[0][0])


def head_of(server: Server) -> tuple[int, str]:
    """The head's seq and hash."""
    seq, head_hash = query(server, "SELECT seq, hash FROM event_head")[0]
    return int(seq), str(head_hash)


def seq_of(server: Server) -> int:
    """The head's seq."""
    return head_of(server)[0]


def is_held(server: Server) -> bool:
    """Whether somebody holds the head."""
    return bool(query(server, "SELECT hold_by FROM event_head")[0][0])


def check_log(server: Server, *, retried: bool = False) -> Head:
    """Read the log from the database alone: contiguous, chained, its head right. Returns the head.

    Its order is that of insertion, unless events were `retried`.
    """
    with closing(server.database()) as database:
        database.execute("BEGIN")  # so that all of it is read as of one moment, even while a worker records
        rows = database.execute(
            "SELECT seq, event_id, timestamp, type, collection, item_id, data, actor, reason, together, expected_seq,"
            " COALESCE(file_hashes, 'null'), hash, error"
            " FROM events WHERE seq > 0 ORDER BY seq"
        ).fetchall()
        head = Head(*database.execute("SELECT seq, hash FROM event_head").fetchone())
        order = database.execute("SELECT seq FROM events WHERE seq > 0 ORDER BY rowid").fetchall()
    previous, latest = "", ""
    names = ("seq", "event_id", "timestamp", "type", "collection", "item_id", "data", "actor", *OPTIONAL)
    for place, row in enumerate(rows, 1):
        event = dict(zip(names, row, strict=False))
        event["data"] = None if event["data"] is None else read_json(event["data"])
        event["files"] = json.loads(event["files"])
        event = {name: value for name, value in event.items() if value or name not in OPTIONAL}
        assert event["seq"] == place
        assert row[-1] == ""
        assert event["timestamp"] >= latest
        assert row[-2] == chain_hash(event, previous), f"the hash of seq {place}"
        previous, latest = row[-2], event["timestamp"]
    assert head == Head(len(rows), previous)
    assert retried or order == sorted(order), "recorded in the order of insertion"
    return head


def fold_log(server: Server, collection: str = "items") -> dict[str, dict[str, Any]]:
    """The rows that the recorded events of one collection come to, by item."""
    with closing(server.database()) as database:
        events = database.execute(
            "SELECT type, item_id, data FROM events WHERE seq > 0 AND collection = ? ORDER BY seq",
            (collection,),
        ).fetchall()
    rows: dict[str, dict[str, Any]] = {}
    for type_, item_id, data in events:
        if type_ == "create":
            assert item_id not in rows
            rows[item_id] = {"deleted": False, **(json.loads(data) if data else {} or {})}
        else:
            assert not rows[item_id]["deleted"]
            rows[item_id].update({"deleted": True} if type_ == "delete" else json.loads(data))
    return rows


def live_rows(server: Server, names: tuple[str, ...], collection: str = "items") -> dict[str, dict[str, Any]]:
    """The rows as a superuser reads them, only the fields of those names."""
    return {row["id"]: {name: row[name] for name in names} for row in server.superuser().records(collection, sort="id")}
