"""The worker: it records pending events once, to the end, or until it is stopped."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pocketbase_events.core.events import Pending
from pocketbase_events.errors import PocketBaseEventsError
from pocketbase_events.jobs.record.batch_size import FIRST_SIZE, BatchSize
from pocketbase_events.jobs.record.heard import GATHERING, Heard
from pocketbase_events.jobs.record.news import Tally
from pocketbase_events.jobs.record.observer import UNOBSERVED, Observer
from pocketbase_events.jobs.record.presence import Presence
from pocketbase_events.jobs.record.recorder import Recorder
from pocketbase_events.jobs.record.steps import Step
from pocketbase_events.jobs.record.trouble import Trouble
from pocketbase_events.logs import log
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Status

REST = 0.01  # seconds before a look that will find nothing new unless realtime has told of it
IDLE_LOOK = 30.0  # seconds between two looks of an idle worker while realtime is connected
DEAF_LOOK = 2.0  # seconds between two looks while it is not, and to the first look after something was recorded
BUSY_LOOK = 5.0  # seconds between two looks at clock and head while a backlog is recorded, or health is asked for
HEARD_WITHIN = 1.0  # seconds after a look found events within which realtime should have told of them
STANDBY_LOOK = 2.0  # seconds between two looks of a standby
TAKE_OVER_AFTER = 3.0  # seconds that an event stays pending, and the head unmoved, before a standby steps in
HOLD_INTERVAL = 0.5  # seconds between two looks at a held head


class Realtime(Protocol):
    """What tells the worker that there may be work."""

    @property
    def connected(self) -> bool:
        """Whether messages seem to arrive."""

    def reconnect(self) -> None:
        """Reconnect: a message did not arrive."""


class Worker:
    """Records pending events through `gateway`. Clock, event ids and timer are passed in.

    Args:
        gateway: PocketBase, seen as the worker.
        now: the time.
        new_id: a new uuid v4.
        timer: seconds, for durations.
        size: how many events the first transaction may hold.
        observer: hears of what is done.
    """

    def __init__(
        self,
        gateway: Gateway,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        timer: Callable[[], float],
        size: BatchSize = FIRST_SIZE,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._gateway = gateway
        self._observer = observer
        self._recorder = Recorder(gateway, now, new_id, timer, size, observer)
        self._presence = Presence(gateway, timer)
        self._timer = timer
        self._looked_at = -math.inf

    @property
    def tally(self) -> Tally:
        """How many events were recorded and rejected so far."""
        return self._recorder.news.tally

    def run_once(self) -> Step:
        """Record or reject the first pending events, in one transaction if PocketBase refuses none of them.

        Raises:
            ContradictionError: if the log contradicts itself.
            PocketBaseEventsError: if PocketBase is in trouble. Nothing is lost; call again later.
        """
        return self._recorder.record().step

    def run_to_end(
        self,
        stop: threading.Event,
        rest: Callable[[], Pending | None] = lambda: None,
        heard: Pending | None = None,
    ) -> Step:
        """Record until nothing is pending, another worker is faster, somebody holds the head, or `stop` is set.

        `rest` is called before another look when everything is done that the latest one has shown. An event that was
        `heard` of before, or meanwhile, is recorded without a look.

        Raises:
            As `run_once` does.
        """
        ready = self._recorder.known.ready_for(heard)
        with ThreadPoolExecutor(1) as beside:
            while not stop.is_set():
                if self._timer() - self._looked_at > BUSY_LOOK:
                    self._look()
                done = self._recorder.record(ready, beside)
                if done.step not in (Step.PROGRESS, Step.AGAIN):
                    return done.step
                ready = done.ready
                if ready is None and not done.more:
                    ready = self._recorder.known.ready_for(rest())
        return Step.IDLE

    def run(
        self,
        stop: threading.Event,
        wake: threading.Event,
        realtime: Realtime,
        heard: Heard | None = None,
    ) -> None:
        """Record until `stop` is set. Whoever sets `stop` sets `wake` as well.

        Args:
            stop: ends it, after the transaction under way.
            wake: says that there may be work.
            realtime: sets `wake`.
            heard: has what realtime tells.
        """
        heard = heard or Heard(wake)
        trouble, connected = Trouble(self._timer), False
        while not stop.is_set():
            woken, started = _Woken(wake, stop, lambda: self._told(heard)), self._timer()
            try:
                if not connected:
                    log.info("connected", seq=self._look().seq)
                    connected = True
                before = self._done
                step = self.run_to_end(stop, woken.rest, woken.heard())
                trouble.is_over()
                self._observer.trouble("")
                if step is Step.CONFLICT:
                    self._stand_by(stop)
                elif step is Step.HELD:
                    stop.wait(HOLD_INTERVAL)
                elif self._done > before and not woken.was_set:
                    self._expect_news(wake, realtime)
                else:
                    self._wait(wake, realtime, soon=self._done > before)
            except PocketBaseEventsError as error:
                self.tell()
                self._observer.trouble(str(error))
                stop.wait(trouble.met(error, took=self._timer() - started))
        self.tell()

    def _told(self, heard: Heard) -> Pending | None:
        """The event that realtime told of, if it told of one only, after a wait for more where that is worth it."""
        known = self._recorder.known
        if known.basis.stamping and self._timer() - known.committed_at < GATHERING:
            heard.gather(known.lately)
        return heard.take()

    def tell(self) -> None:
        """Log what was recorded and not told yet: while there is much to tell, that is done once a second."""
        self._recorder.news.tell()

    @property
    def _done(self) -> int:
        return self.tally.recorded + self.tally.rejected

    def _look(self) -> Status:
        """See how the log is and what PocketBase's clock says, and show that we did."""
        status = self._recorder.known.catch_up()
        self._looked_at = self._timer()
        self._presence.looked(status)
        return status

    def _wait(self, wake: threading.Event, realtime: Realtime, *, soon: bool) -> None:
        """Wait until woken, or a look finds something. The first look comes `soon` if somebody was active just now.

        PocketBase writes each look into its own log.
        """
        due_in = self._recorder.news.due_in
        if due_in is not None:
            if wake.wait(due_in):
                return
            self.tell()
        while not wake.wait(DEAF_LOOK if soon or not realtime.connected else IDLE_LOOK):
            soon = False
            if self._look().pending:
                return

    def _expect_news(self, wake: threading.Event, realtime: Realtime) -> None:
        """Reconnect to realtime if it doesn't announce events that a look has found."""
        if not wake.wait(HEARD_WITHIN):
            realtime.reconnect()

    def _stand_by(self, stop: threading.Event) -> None:
        """Wait while another worker records; return when events stay pending and the head unmoved."""
        head = None
        log.info("standing_by")
        self._observer.stands_by(standby=True)
        try:
            while not stop.wait(STANDBY_LOOK):
                status = self._look()
                if status.pending and status.head == head and status.oldest_pending_seconds >= TAKE_OVER_AFTER:
                    log.warning("taking_over", seq=status.seq, pending=status.pending)
                    return
                head = status.head
        finally:
            self._observer.stands_by(standby=False)


class _Woken:
    """Whether `wake` was set since this was made. It is cleared, unless the worker should stop."""

    def __init__(self, wake: threading.Event, stop: threading.Event, heard: Callable[[], Pending | None]) -> None:
        self._wake, self._stop, self.heard = wake, stop, heard
        self.was_set = False
        self._take()

    def rest(self) -> Pending | None:
        """Rest a moment: probably nothing is pending, and a client that saw the row appends next. What it appends."""
        self._wake.wait(REST)
        self._take()
        return self.heard()

    def _take(self) -> None:
        self.was_set = self._wake.is_set() or self.was_set
        self._wake.clear()
        if self._stop.is_set():
            self._wake.set()
