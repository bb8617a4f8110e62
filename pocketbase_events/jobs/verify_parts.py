"""Verify a long log in a database file with all processors. Parts are checked at once, each by a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

from pocketbase_events.core.chain import Chain
from pocketbase_events.jobs.verify import Verdict
from pocketbase_events.jobs.watch import Watch, unwatched
from pocketbase_events.pb.database import Database

WORTHWHILE = 50_000  # events; for fewer, it takes longer to start the processes
PART = 20_000  # events


def verify_parts(folder: Path, watch: Watch = unwatched) -> Verdict | None:
    """The verdict on the log of a PocketBase's data folder if it is long and sound; else None, and `verify` says why.

    Raises:
        WrongUsageError: if there is no database.
        TroubleError: if it can't be read now.
    """
    with closing(Database(folder)) as database:
        status = database.status()
        if status.seq < WORTHWHILE or status.head != status.last or database.repeats_event_ids():
            return None
    ends = [*range(PART, status.seq, PART), status.seq]
    with ProcessPoolExecutor(
        os.cpu_count(), multiprocessing.get_context("spawn"), initializer=signal.signal, initargs=_UNINTERRUPTED
    ) as pool:
        try:
            sound = pool.map(sound_part, [folder] * len(ends), [0, *ends], ends)
            if sum(len(part) for part in watch(_while_sound(sound), "reading the log", status.seq)) == status.seq:
                return Verdict(status.seq, status.head)
        finally:
            pool.shutdown(cancel_futures=True)
    return None


_UNINTERRUPTED = (signal.SIGINT, signal.SIG_IGN)  # the process that waits for the others ends them


def _while_sound(parts: Iterator[range]) -> Iterator[range]:
    for part in parts:
        if not part:
            return
        yield part


def sound_part(folder: Path, after: int, to: int) -> range:
    """Which events of a part are sound: those after this seq up to that one, or none."""
    chain = Chain(lambda _id, _seq: None)
    with closing(Database(folder)) as database:
        for page in database.log(max(after - 1, 0), to):
            for event in page:
                if event.seq == after:  # the part before has checked it
                    chain.begin_after(event)
                elif chain.check(event):
                    return range(0)
    return range(after, to) if chain.head.seq == to and not chain.end() else range(0)
