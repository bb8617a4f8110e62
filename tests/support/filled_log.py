"""A long log, written into a stopped PocketBase's file."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from pocketbase_events.core.events import chain_hash
from support.items import item_id
from support.server import Server

FILLED = "2026-01-01 00:00:00.000Z"  # when the events of a log were recorded that was written into the file


@contextmanager
def unlocked(server: Server) -> Iterator[sqlite3.Connection]:
    """The database file without its triggers for as long as the block lasts."""
    with server.database() as database:
        locks = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in locks:
            database.execute(f"DROP TRIGGER `{name}`")
        yield database
        for _, sql in locks:
            database.execute(sql)
    database.close()


def fill_log(server: Server, count: int, *, rejected: int = 0) -> None:
    """Write recorded events and their rows, five an item, into a stopped PocketBase's file until there are so many.

    What is there already was written by this, too. Rejected events come beside.
    """
    with unlocked(server) as database:
        database.execute("PRAGMA synchronous = OFF")
        first, previous = database.execute("SELECT seq + 1, hash FROM event_head").fetchone()
        for start in range(first, count + 1, 10_000):
            previous = _fill(database, start, min(start + 9_999, count), previous)
        database.execute("UPDATE event_head SET seq = ?, hash = ?", (count, previous))
        there = database.execute("SELECT COUNT(*) FROM events WHERE seq = 0").fetchone()[0]
        database.executemany(
            "INSERT INTO events (id, type, collection, item_id, data, error, created)"
            " VALUES (?, 'update', 'items', 'nothing00000000', '{\"qty\":1}', 'There is no such item.', ?)",
            [(f"wrong{number:010d}", FILLED) for number in range(there, rejected)],
        )


def _fill(database: sqlite3.Connection, first: int, last: int, previous: str) -> str:
    """Write some events and their rows; the hash of the last one."""
    rows: dict[str, dict[str, Any]] = {}
    events: list[tuple[Any, ...]] = []
    for seq in range(first, last + 1):
        item, step = item_id((seq - 1) // 5), (seq - 1) % 5
        data = ({"title": "x", "qty": seq}, {"qty": -seq}, {"note": f"n{seq}"}, {"done": True}, {"title": "y"})[step]
        rows.setdefault(item, {"qty": 0, "done": False, "note": ""}).update({**data, "seq": seq})
        hashed = {
            "actor": "", "collection": "items", "data": data, "event_id": str(uuid4()), "item_id": item, "seq": seq,
            "timestamp": FILLED, "type": "update" if step else "create",
        }  # fmt: skip
        previous = chain_hash(hashed, previous)
        events.append((*{**hashed, "data": json.dumps(data)}.values(), previous, f"filled{seq:09d}", FILLED))
    database.executemany(
        "INSERT INTO events (actor, collection, data, event_id, item_id, seq, timestamp, type, hash, id, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        events,
    )
    database.executemany(
        "INSERT INTO items (id, title, qty, done, note, seq) VALUES (?, ?, ?, ?, ?, ?)",
        [(key, row["title"], row["qty"], row["done"], row["note"], row["seq"]) for key, row in rows.items()],
    )
    return previous
