"""Is the log what was recorded? In PocketBase, or in an export."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pocketbase_events.core.chain import Chain, Problem
from pocketbase_events.core.events import EMPTY, Head, Recorded
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.export_file import BadLine, events_of, line_of
from pocketbase_events.pb.source import Source

UUID_LENGTH = 36  # characters
CACHE = 32_768  # KiB of memory for the event ids that were seen; the rest is on disk


@dataclass(slots=True)
class Verdict:
    """How many events were checked, where they end, and what is wrong with them."""

    events: int = 0
    head: Head = EMPTY
    problems: list[Problem] = field(default_factory=list)
    collections: set[str] = field(default_factory=set)  # that the events are about


def verify(source: Source, watch: Watch, sink: Callable[[str], object] | None = None) -> Verdict:
    """Check the recorded events, and the head; `sink` is given each event as a line of an export."""
    status = source.status()
    with closing(_UsedIds()) as used:
        chain, verdict = Chain(used.first_use), Verdict()
        to = max(status.seq, status.last_seq)
        for page in watch(source.log(0, to), "reading the log", to):
            used.note(page)
            for event in page:
                verdict.problems += chain.check(event)
            if sink is not None:
                sink("".join(map(line_of, page)))
        return _ended(verdict, chain, status.head)


def verify_file(path: Path, watch: Watch) -> Verdict:
    """Check an export.

    Raises:
        WrongUsageError: when the file can't be read.
    """
    with closing(_UsedIds()) as used:
        chain, verdict = Chain(used.first_use), Verdict()
        for page in watch(events_of(path), "reading the file", 0):
            used.note([event for event in page if isinstance(event, Recorded)])
            for event in page:
                if isinstance(event, BadLine):
                    reason = f"line {event.number} is no event: {event.why}"
                    verdict.problems.append(Problem(chain.head.seq + 1, reason))
                else:
                    verdict.problems += chain.check(event)
                    verdict.collections.add(event.collection)
        return _ended(verdict, chain, None)


class _UsedIds:
    """The event ids that were seen, in a temporary file, so that memory is bounded."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE used (event_id PRIMARY KEY, seq INTEGER) WITHOUT ROWID")
        self._earlier: dict[tuple[str, int], int] = {}

    def close(self) -> None:
        """Drop the file."""
        self._database.close()

    def note(self, page: Sequence[Recorded]) -> None:
        """Note the ids of the next events. A page at a time, and one by one only where one is used twice."""
        self._earlier = {}
        ids = [(_key(event.event_id), event) for event in page if event.event_id]
        rows = [(key, event.seq) for key, event in ids]
        self._database.execute("BEGIN")
        added = self._database.executemany("INSERT OR IGNORE INTO used VALUES (?, ?)", rows).rowcount
        self._database.execute("COMMIT")
        if added == len(ids):
            return
        noted = set()
        for key, event in ids:
            first = self._database.execute("SELECT seq FROM used WHERE event_id = ?", (key,)).fetchone()[0]
            if first != event.seq or key in noted:
                self._earlier[event.event_id, event.seq] = first
            noted.add(key)

    def first_use(self, event_id: str, seq: int) -> int | None:
        """Which seq had an id of the page before the event with this seq, if any."""
        return self._earlier.get((event_id, seq)) if self._earlier else None


def _key(event_id: str) -> bytes | str:
    """A uuid in its sixteen bytes, of which a million fit into the cache; another text as it is."""
    try:
        return bytes.fromhex(event_id.replace("-", "")) if len(event_id) == UUID_LENGTH else event_id
    except ValueError:
        return event_id


def _ended(verdict: Verdict, chain: Chain, head: Head | None) -> Verdict:
    verdict.problems += chain.end(head)
    verdict.problems.sort(key=lambda problem: problem.seq)
    verdict.events, verdict.head = chain.events, chain.head
    return verdict
