"""A full-text index of the collection `notes`, in an SQLite file, kept up to date by the log.

    python examples/search_index.py notes.db               # follow the log
    python examples/search_index.py notes.db milk OR eggs  # search, at the same time

Each event and its seq are written in one transaction of SQLite, so the index neither misses an event nor takes one
twice. Delete the file to build it again.
"""

import sqlite3
import sys
from contextlib import closing

from pocketbase_events import EventLog, Recorded

SCHEMA = """
CREATE VIRTUAL TABLE IF NOT EXISTS notes USING fts5 (id UNINDEXED, deleted UNINDEXED, body);
CREATE TABLE IF NOT EXISTS done (seq INTEGER);
"""


def take(index: sqlite3.Connection, event: Recorded) -> None:
    """Bring the index up to an event."""
    data = event.data or {}
    if event.type == "create":
        index.execute("INSERT INTO notes VALUES (?, false, ?)", (event.item_id, data.get("body")))
    elif event.type == "delete":
        index.execute("UPDATE notes SET deleted = true WHERE id = ?", (event.item_id,))
    elif "deleted" in data:  # restored
        index.execute("UPDATE notes SET deleted = false WHERE id = ?", (event.item_id,))
    elif "body" in data:
        index.execute("UPDATE notes SET body = ? WHERE id = ?", (data["body"], event.item_id))
    index.execute("DELETE FROM done")
    index.execute("INSERT INTO done VALUES (?)", (event.seq,))


def main(file: str, words: str) -> None:
    with closing(sqlite3.connect(file)) as index:
        index.executescript(SCHEMA)
        if words:
            found = index.execute("SELECT id, body FROM notes (?) WHERE NOT deleted ORDER BY rank", (words,))
            for row in found:
                print(*row)
            return
        last = index.execute("SELECT MAX(seq) FROM done").fetchone()[0] or 0
        with EventLog.from_environment() as log:
            for event in log.follow(last, collections=["notes"]):
                with index:
                    take(index, event)


if __name__ == "__main__":
    main(sys.argv[1], " ".join(sys.argv[2:]))
