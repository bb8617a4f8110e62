"""Following the log: every recorded event after a seq, in order, and those to come."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from pocketbase_events.core.events import Head, Recorded
from pocketbase_events.errors import LogWentBackError, TroubleError
from pocketbase_events.jobs.record.trouble import Trouble
from pocketbase_events.pb.realtime import HEAD_MOVED, WakeUp
from pocketbase_events.pb.source import Source

LOOK_EVERY = 30.0  # seconds between two looks while realtime is connected
LOOK_EVERY_UNHEARD = 2.0  # seconds between two looks while it is not
STOPS_WITHIN = 0.25  # seconds

Pause = Callable[[float | None], bool]  # waits so long, or for news; False if it is time to stop


def follow(
    source: Source, after: int, collections: Collection[str] = (), *, pause: Pause, until_head: bool = False
) -> Iterator[Recorded]:
    """Every recorded event with a seq above `after`, once and in order.

    Trouble with PocketBase is waited out, unless there is an end.

    Args:
        source: what reads the log.
        after: the last seq that the caller has seen.
        collections: only events of these; of all, if none is named.
        pause: called when there is nothing more to tell, with None, or in trouble, with seconds.
        until_head: end where the log ends, rather than wait for more.

    Raises:
        TroubleError: if there is trouble, with `until_head`.
        LogWentBackError: if the log is not the one of which `after` was seen: a backup was restored.
        ContradictionError: if the log contradicts itself.
    """
    trouble, seen = Trouble(time.monotonic), Head(after, "")
    while True:
        seconds = None
        try:
            head = source.status().sound().head
            _expect_same_log(source, seen, head)
            for event in _events(source, seen.seq, head.seq, collections):
                yield event
                seen = event.head
            trouble.is_over()
            seen = head
            if until_head:
                return
        except TroubleError as error:
            if until_head:
                raise
            seconds = trouble.met(error)
        if not pause(seconds):
            return


@contextmanager
def listening(url: str, token: Callable[[], str], stop: threading.Event) -> Iterator[Pause]:
    """A pause that realtime ends when the head of the log has moved, and `stop` for good. It connects when needed."""
    news, started = threading.Event(), threading.Event()
    wake_up = WakeUp(url, token, lambda _: news.set(), HEAD_MOVED)

    def pause(seconds: float | None) -> bool:
        if not started.is_set():
            started.set()
            wake_up.start()
        if seconds is None:
            seconds = LOOK_EVERY if wake_up.connected else LOOK_EVERY_UNHEARD
        end = time.monotonic() + seconds
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            if news.wait(min(left, STOPS_WITHIN)):
                news.clear()
                break
        return not stop.is_set()

    try:
        yield pause
    finally:
        if started.is_set():
            wake_up.stop()


def _events(source: Source, after: int, to: int, collections: Collection[str]) -> Iterator[Recorded]:
    only = next(iter(collections)) if len(collections) == 1 else None  # one can be chosen by PocketBase
    for page in source.log(after, to, collection=only) if to > after else ():
        for event in page:
            if not collections or event.collection in collections:
                yield event


def _expect_same_log(source: Source, seen: Head, head: Head) -> None:
    """Notice that the log went back, even if it has grown again since."""
    if head.seq < seen.seq:
        raise LogWentBackError(after=seen.seq, seq=head.seq)
    if not seen.hash or head == seen:
        return
    there = [event.head for page in source.log(seen.seq - 1, seen.seq) for event in page]
    if there != [seen]:
        raise LogWentBackError(after=seen.seq, seq=head.seq)
