"""Find ids that are used twice, in bounded memory."""

import sqlite3
from collections.abc import Iterable

UUID_LENGTH = 36  # characters
CACHE = 32_768  # KiB of memory for the ids; the rest is on disk


class UsedIds:
    """The ids seen so far, in a temporary file."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE used (id PRIMARY KEY, seq INTEGER) WITHOUT ROWID")
        self._earlier: dict[tuple[str, int], int] = {}

    def close(self) -> None:
        """Drop the file."""
        self._database.close()

    def note(self, ids: Iterable[tuple[str, int]]) -> None:
        """Note the ids of a page of events, each with its event's seq. Empty ids don't count."""
        self._earlier = {}
        rows = [(_key(given), given, seq) for given, seq in ids if given]
        self._database.execute("BEGIN")
        pairs = [(key, seq) for key, _, seq in rows]
        added = self._database.executemany("INSERT OR IGNORE INTO used VALUES (?, ?)", pairs).rowcount
        self._database.execute("COMMIT")
        if added == len(rows):
            return
        noted = set()
        for key, given, seq in rows:
            first = self._database.execute("SELECT seq FROM used WHERE id = ?", (key,)).fetchone()[0]
            if first != seq or key in noted:
                self._earlier[given, seq] = first
            noted.add(key)

    def first_use(self, given: str, seq: int) -> int | None:
        """Which seq had an id of this page before the event with this seq, if any."""
        return self._earlier.get((given, seq)) if self._earlier else None


def _key(given: str) -> bytes | str:
    """A uuid as its sixteen bytes, so that a million of them fit into the cache; any other text as it is."""
    try:
        return bytes.fromhex(given.replace("-", "")) if len(given) == UUID_LENGTH else given
    except ValueError:
        return given
