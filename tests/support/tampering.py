"""Ways to tamper with a recorded log in its database, and what has to be told of each."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from uuid import uuid1, uuid4

from pocketbase_events.core.events import HASHED, chain_hash
from pocketbase_events.core.json_text import read_json
from support import Server, item_id

DEEP = "[" * 5000 + "]" * 5000
EARLIER = "2020-01-01 00:00:00.000Z"
NO_V4 = str(uuid1())
Tamper = Callable[[sqlite3.Connection], object]


def tamper_with(server: Server, *tamperings: Tamper) -> None:
    """Do it in the database of a stopped PocketBase, its locks opened."""
    with closing(server.database()) as database, database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f"DROP TRIGGER `{name}`")
        database.execute("DROP INDEX idx_events_recorded")
        for tamper in tamperings:
            tamper(database)


def sets(column: str, value: object, seq: int = 15) -> Tamper:
    return lambda database: database.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (value, seq))


def sets_bytes(column: str, value: bytes, seq: int = 15) -> Tamper:
    """A text that holds any bytes."""
    return lambda database: database.execute(
        f"UPDATE events SET {column} = CAST(? AS TEXT) WHERE seq = ?", (value, seq)
    )


def copies(column: str, seq: int, source: int) -> Tamper:
    return lambda database: database.execute(
        f"UPDATE events SET {column} = (SELECT {column} FROM events WHERE seq = ?) WHERE seq = ?", (source, seq)
    )


def removes(first: int, last: int) -> Tamper:
    return lambda database: database.execute("DELETE FROM events WHERE seq BETWEEN ? AND ?", (first, last))


def inserts(seq: int, rowid: int | None = None, **changes: object) -> Tamper:
    """A second event with that seq, like the one that is there but for the changes."""

    def tamper(database: sqlite3.Connection) -> None:
        database.row_factory = sqlite3.Row
        there = dict(database.execute("SELECT * FROM events WHERE seq = ?", (seq,)).fetchone())
        row = {**there, "id": uuid4().hex[:15], "rowid": rowid, **changes}
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    return tamper


def hashes_again(first: int, last: int, *, head: bool) -> Tamper:
    """Give these events the hashes that their content has now, and the head that of the last one."""

    def tamper(database: sqlite3.Connection) -> None:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT hash FROM events WHERE seq = ?", (first - 1,)).fetchone()
        previous = found["hash"] if found else ""
        for seq in range(first, last + 1):
            row = dict(database.execute("SELECT * FROM events WHERE seq = ?", (seq,)).fetchone())
            row["data"] = read_json(row["data"]) if row["data"] else None
            previous = chain_hash({key: row[key] for key in HASHED}, previous)
            database.execute("UPDATE events SET hash = ? WHERE seq = ?", (previous, seq))
        if head:
            database.execute("UPDATE event_head SET hash = ?", (previous,))

    return tamper


def both(*tamperings: Tamper) -> Tamper:
    def tamper(database: sqlite3.Connection) -> None:
        for each in tamperings:
            each(database)

    return tamper


def moves_head(column: str, value: object) -> Tamper:
    return lambda database: database.execute(f"UPDATE event_head SET {column} = ?", (value,))


def swaps(one: int, other: int) -> Tamper:
    """Two events that exchange their seqs."""
    return lambda database: database.executemany(
        "UPDATE events SET seq = ? WHERE seq = ?", [(-1, one), (one, other), (other, -1)]
    )


# name: what is done; the seqs that are named, the first of them with the words
WAYS: dict[str, tuple[Tamper, set[int], str]] = {
    "removed": (removes(15, 15), {15}, "gap: seq 15 is missing"),
    "several removed": (removes(14, 17), {14}, "gap: seq 14 to 17 are missing"),
    "first removed": (removes(1, 1), {1}, "gap: seq 1 is missing"),
    "last removed": (removes(30, 30), {30}, "head disagrees"),
    "end removed": (removes(21, 30), {30}, "head disagrees"),
    "all removed": (removes(1, 30), {30}, "head disagrees"),
    "copied": (inserts(15), {15}, "duplicate"),
    "last copied": (inserts(30), {30}, "duplicate"),
    "forged beside": (inserts(15, event_id=str(uuid4()), data='{"qty": 9}'), {15}, "duplicate"),
    "forged before": (inserts(15, -5, event_id=str(uuid4()), data='{"qty": 9}'), {15}, "duplicate"),
    "swapped": (swaps(15, 20), {15, 16, 20, 21}, "changed, or a broken link"),
    "moved far ahead": (sets("seq", 1000), {15, 30, 31, 1000}, "gap: seq 15 is missing"),
    "seq 0": (sets("seq", 0), {15}, "gap: seq 15 is missing"),
    "seq negative": (sets("seq", -15), {15}, "gap: seq 15 is missing"),
    "seq a text": (sets("seq", "fifteen"), {15}, "gap: seq 15 is missing"),
    "last seq 0": (sets("seq", 0, 30), {30}, "head disagrees"),
    "data": (sets("data", '{"qty": 1e3}'), {15}, "changed"),
    "first data": (sets("data", '{"title": "y"}', 1), {1}, "changed"),
    "last data": (sets("data", '{"title": "y"}', 30), {30}, "changed"),
    "data null": (sets("data", None), {15}, "changed"),
    "item_id": (sets("item_id", item_id(9)), {15}, "changed"),
    "actor": (sets("actor", "somebody0000000"), {15}, "changed"),
    "collection": (sets("collection", "users"), {15}, "changed"),
    "type": (sets("type", "delete"), {15}, "changed"),
    "type none of the three": (sets("type", "upsert"), {15}, "changed"),
    "hash": (sets("hash", "0" * 64), {15}, "broken link: its hash was overwritten"),
    "last hash": (sets("hash", "0" * 64, 30), {30}, "broken link: its hash was overwritten"),
    "hash of another": (copies("hash", 15, 14), {15}, "broken link: its hash was overwritten"),
    "hash no hash": (sets("hash", "F00D\n"), {15}, "its hash is not a SHA-256"),
    "rewritten": (both(sets("actor", "x"), hashes_again(15, 15, head=False)), {16}, "broken link"),
    "last rewritten": (both(sets("actor", "x", 30), hashes_again(30, 30, head=False)), {30}, "head disagrees"),
    "timestamp earlier": (sets("timestamp", EARLIER), {15}, "time runs backwards"),
    "timestamp earlier, all hashes new": (
        both(sets("timestamp", EARLIER), hashes_again(15, 30, head=True)),
        {15},
        "time runs backwards",
    ),
    "timestamp no time": (sets("timestamp", "1 January"), {15}, "its timestamp is not a time"),
    "event_id no v4": (sets("event_id", NO_V4), {15}, "its event_id is not a UUID v4"),
    "event_id no v4, all hashes new": (
        both(sets("event_id", NO_V4), hashes_again(15, 30, head=True)),
        {15},
        "its event_id is not a UUID v4",
    ),
    "event_id twice": (copies("event_id", 15, 3), {15}, "its event_id is used twice, by seq 3"),
    "event_id twice, all hashes new": (
        both(copies("event_id", 15, 3), hashes_again(15, 30, head=True)),
        {15},
        "its event_id is used twice, by seq 3",
    ),
    "event_id emptied": (sets("event_id", ""), {15}, "lacks its event_id"),
    "timestamp emptied": (sets("timestamp", ""), {15}, "lacks its timestamp"),
    "hash emptied": (sets("hash", ""), {15}, "lacks its hash"),
    "head seq ahead": (moves_head("seq", 31), {31}, "head disagrees"),
    "head seq behind": (moves_head("seq", 29), {29}, "head disagrees"),
    "head hash": (moves_head("hash", "0" * 64), {30}, "head disagrees"),
    "head hash emptied": (moves_head("hash", ""), {30}, "head disagrees"),
    "data no JSON": (sets("data", '{"qty": '), {15}, "its data can't be read: data is not JSON"),
    "data not a number": (sets("data", '{"qty": NaN}'), {15}, "changed"),
    "data no UTF-8": (sets_bytes("data", b'{"title": "\xff\xfe"}'), {15}, "its data can't be read"),
    "data a blob": (sets("data", b'{"title": "\xff\x00"}'), {15}, "its data can't be read"),
    "data with a null character": (sets_bytes("data", b'{"done": true}\x00 {"qty": 1}'), {15}, "changed"),
    "data nested deeply": (sets("data", DEEP), {15}, "levels deep"),
    "item_id no UTF-8": (sets_bytes("item_id", b"item\xff0000000000"), {15}, "changed"),
    "actor no UTF-8": (sets_bytes("actor", b"\xc3"), {15}, "changed"),
    "event_id no UTF-8": (sets_bytes("event_id", b"\xff" * 36), {15}, "its event_id is not a UUID v4"),
}
