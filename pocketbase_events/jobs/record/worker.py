"""The worker: it records pending events once, to the end, or until it is told to stop."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

from pocketbase_events.errors import PocketBaseEventsError
from pocketbase_events.jobs.record.batch_size import FIRST_SIZE, BatchSize
from pocketbase_events.jobs.record.drafts import Work
from pocketbase_events.jobs.record.recorder import Recorder, Step, Tally
from pocketbase_events.jobs.record.trouble import Trouble
from pocketbase_events.logs import log
from pocketbase_events.pb.gateway import Gateway

REST = 0.01  # seconds before a look that will find nothing new unless realtime has told of it
POLL_INTERVAL = 2.0  # seconds between two looks when nothing wakes the worker
HEARD_WITHIN = 1.0  # seconds after a poll found events within which realtime should have told of them
STANDBY_INTERVAL = 2.0  # seconds between two looks of a standby
TAKE_OVER_AFTER = 3.0  # seconds that an event stays pending, and the head unmoved, before a standby steps in
HOLD_INTERVAL = 0.5  # seconds between two looks at a held head


class Worker:
    """Records pending events through `gateway`. Clock, event ids and timer are passed in.

    Args:
        gateway: PocketBase, seen as the worker.
        now: the time.
        new_id: a new uuid v4.
        timer: seconds, for durations.
        size: how many events the first transaction may hold.
    """

    def __init__(
        self,
        gateway: Gateway,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        timer: Callable[[], float],
        size: BatchSize = FIRST_SIZE,
    ) -> None:
        self._gateway = gateway
        self._recorder = Recorder(gateway, now, new_id, timer, size)
        self._timer = timer

    @property
    def tally(self) -> Tally:
        """How many events were recorded and rejected so far."""
        return self._recorder.tally

    def run_once(self) -> Step:
        """Record or reject the first pending events, in one transaction if PocketBase refuses none of them.

        Raises:
            ContradictionError: if the log contradicts itself.
            PocketBaseEventsError: if PocketBase is in trouble. Nothing is lost; call again later.
        """
        return self._recorder.record().step

    def run_to_end(self, stop: threading.Event, rest: Callable[[], None] = lambda: None) -> Step:
        """Record until nothing is pending, another worker is faster, somebody holds the head, or `stop` is set.

        `rest` is called before another look when everything is done that the latest one has shown.

        Raises:
            As `run_once` does.
        """
        ready: Work | None = None
        with ThreadPoolExecutor(1) as beside:
            while not stop.is_set():
                done = self._recorder.record(ready, beside)
                if done.step not in (Step.PROGRESS, Step.AGAIN):
                    return done.step
                ready = done.ready
                if ready is None and not done.more:
                    rest()
        return Step.IDLE

    def run(self, stop: threading.Event, wake: threading.Event, silent: Callable[[], None]) -> None:
        """Record until `stop` is set. Whoever sets `stop` sets `wake` as well.

        Args:
            stop: ends it, after the transaction under way.
            wake: says that there may be work.
            silent: called when a look found events of which `wake` did not tell.
        """
        trouble, connected = Trouble(self._timer), False
        while not stop.is_set():
            woken = _Woken(wake, stop)
            before = self._done
            try:
                if not connected:
                    log.info("connected", seq=self._recorder.catch_up().seq)
                    connected = True
                step = self.run_to_end(stop, woken.rest)
                trouble.is_over()
                if step is Step.CONFLICT:
                    self._stand_by(stop)
            except PocketBaseEventsError as error:
                stop.wait(trouble.met(error))
                continue
            if step is Step.HELD:
                stop.wait(HOLD_INTERVAL)
            elif step is Step.IDLE and (woken.was_set or self._done == before):
                wake.wait(POLL_INTERVAL)
            elif step is Step.IDLE and not wake.wait(HEARD_WITHIN):
                silent()

    @property
    def _done(self) -> int:
        return self.tally.recorded + self.tally.rejected

    def _stand_by(self, stop: threading.Event) -> None:
        """Wait while another worker records; return when events stay pending and the head unmoved."""
        head = None
        log.info("standing_by")
        while not stop.wait(STANDBY_INTERVAL):
            status = self._gateway.status()
            if status.pending and status.head == head and status.oldest_pending_seconds >= TAKE_OVER_AFTER:
                log.warning("taking_over", seq=status.seq, pending=status.pending)
                return
            head = status.head


class _Woken:
    """Whether `wake` was set since this was made. It is cleared, unless there is to be a stop."""

    def __init__(self, wake: threading.Event, stop: threading.Event) -> None:
        self._wake, self._stop = wake, stop
        self.was_set = False
        self._take()

    def rest(self) -> None:
        """Rest a moment. Most likely nothing is pending now, and whoever saw the row appends next."""
        self._wake.wait(REST)
        self._take()

    def _take(self) -> None:
        self.was_set = self._wake.is_set() or self.was_set
        self._wake.clear()
        if self._stop.is_set():
            self._wake.set()
