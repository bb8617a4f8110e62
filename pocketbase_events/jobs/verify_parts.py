"""Verify a long log in a database file with all processors. Parts are checked at once, each by a process of its own."""

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from pathlib import Path

from pocketbase_events.core.chain import Chain
from pocketbase_events.jobs.verify import Verdict
from pocketbase_events.jobs.watch import Watch, unwatched
from pocketbase_events.pb.database import Database

WORTHWHILE = 50_000  # events; for fewer, it takes longer to start the processes
PART = 5_000  # events; what a process is at when the work is interrupted is still done


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
    try:
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                with _interrupts_blocked():
                    sound = pool.map(sound_part, [folder] * len(ends), [0, *ends], ends)
                checked = sum(len(part) for part in watch(_while_sound(sound), "reading the log", status.seq))
            finally:
                pool.shutdown(cancel_futures=True)
    except (BrokenProcessPool, OSError):  # one was killed, or this machine allows none
        return None
    return Verdict(status.seq, status.head) if checked == status.seq else None


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not concern: the one that waits for them ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
