"""Is the log what was recorded? In PocketBase, or in an export."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pocketbase_events.chain import Chain, Problem
from pocketbase_events.drift import Watch
from pocketbase_events.events import EMPTY, Head
from pocketbase_events.exports import BadLine, events_of, line_of
from pocketbase_events.views import Source

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
    with _chain() as chain:
        verdict = Verdict()
        to = max(status.seq, status.last_seq)
        for page in watch(source.log(0, to), "reading the log", to):
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
    with _chain() as chain:
        verdict = Verdict()
        for page in watch(events_of(path), "reading the file", 0):
            for event in page:
                if isinstance(event, BadLine):
                    reason = f"line {event.number} is no event: {event.why}"
                    verdict.problems.append(Problem(chain.head.seq + 1, reason))
                else:
                    verdict.problems += chain.check(event)
                    verdict.collections.add(event.collection)
        return _ended(verdict, chain, None)


@contextmanager
def _chain() -> Iterator[Chain]:
    """A chain that remembers event ids in a temporary file, so that its memory is bounded."""
    database = sqlite3.connect("", isolation_level=None)
    try:
        database.execute(f"PRAGMA cache_size = -{CACHE}")
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE used (event_id TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID")
        database.execute("BEGIN")

        def first_use(event_id: str, seq: int) -> int | None:
            if database.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (event_id, seq)).rowcount:
                return None
            return int(database.execute("SELECT seq FROM used WHERE event_id = ?", (event_id,)).fetchone()[0])

        yield Chain(first_use)
    finally:
        database.close()


def _ended(verdict: Verdict, chain: Chain, head: Head | None) -> Verdict:
    verdict.problems += chain.end(head)
    verdict.problems.sort(key=lambda problem: problem.seq)
    verdict.events, verdict.head = chain.events, chain.head
    return verdict
