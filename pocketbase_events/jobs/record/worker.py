"""The worker: records what is pending, once, to the end, or until told to stop."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from pocketbase_events.core.events import EMPTY, Head, Pending, timestamp_of
from pocketbase_events.core.schema import Target
from pocketbase_events.core.transaction import (
    Committed,
    Conflict,
    EventRefused,
    Group,
    Held,
    Outcome,
    RowRefused,
    Transaction,
    build,
    group,
)
from pocketbase_events.errors import (
    BatchTooLargeError,
    PocketBaseEventsError,
    RateLimitedError,
    TroubleError,
)
from pocketbase_events.jobs.record.trouble import Trouble
from pocketbase_events.logs import log
from pocketbase_events.pb.gateway import MOST_PENDING, Gateway
from pocketbase_events.pb.records import Status

FIRST_BATCH = 50  # events in the first transaction; the later ones are sized by how long it took
MAX_BATCH = 400  # events in a transaction
TRANSACTION_TIME = 0.07  # seconds that a transaction should take, since every other writer waits for it
REST = 0.01  # seconds before a look that will find nothing new unless realtime has told of it
POLL_INTERVAL = 2.0  # seconds between two looks when nothing wakes the worker
HEARD_WITHIN = 1.0  # seconds after a poll found events within which realtime should have told of them
STANDBY_INTERVAL = 2.0  # seconds between two looks of a standby
TAKE_OVER_AFTER = 3.0  # seconds that an event stays pending, and the head unmoved, before a standby steps in
HOLD_INTERVAL = 0.5  # seconds between two looks at a held head
GIVES_UP_AFTER = 3.5  # seconds without an answer; PocketBase gives a transaction 3 unless told otherwise
MAX_VAIN_LOOKS = 3  # transactions in a row that fail although nobody else writes
LOGGED_REJECTIONS = 5  # log lines for one transaction; the rest is counted
NO_REASON = (
    "PocketBase refused the row and gave no reason: a hook, a trigger or an index over an expression may forbid"
    " it. Ask the operator, then have the event retried."
)
TOO_LARGE = "data is larger than PocketBase's batch API takes (Batch max body size). Make it smaller."


class Step(Enum):
    """What came of looking for work once."""

    IDLE = auto()  # nothing is pending
    PROGRESS = auto()  # something was recorded or rejected
    AGAIN = auto()  # nothing was, and another look will tell more
    CONFLICT = auto()  # another worker was faster
    HELD = auto()  # somebody holds the head


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction to be sent, and the group of events that it is about."""

    chosen: Group
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Work:
    """Pending events: a page of them for one transaction, where it is made already its draft, and the rest."""

    page: Sequence[Pending]
    rest: Sequence[Pending]
    draft: Draft | None = None


@dataclass(slots=True)
class Tally:
    """How many events were recorded and rejected."""

    recorded: int = 0
    rejected: int = 0


class Worker:
    """Records pending events through `gateway`. Clock, event ids and timer are passed in.

    Args:
        gateway: PocketBase, seen as the worker.
        now: the time.
        new_id: a new uuid v4.
        timer: seconds, for durations.
    """

    def __init__(
        self,
        gateway: Gateway,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        timer: Callable[[], float],
    ) -> None:
        self._gateway = gateway
        self._now = now
        self._new_id = new_id
        self._timer = timer
        self._head: Head | None = None  # None: to be read before anything is recorded
        self._latest = 0  # the highest seq that we have seen
        self._timestamp = ""  # of the last recorded event
        self._sent = EMPTY  # where our latest transaction would have moved the head
        self._targets: dict[str, Target] = {}
        self._batch = FIRST_BATCH
        self._most = MAX_BATCH  # less when PocketBase has said that it takes no more
        self._vain_looks, self._stuck = 0, ""
        self._more = False  # whether more may be pending than the latest look has shown
        self._next: Work | None = None  # made ready while the latest transaction ran
        self._left_aside: set[str] = set()  # records of events that PocketBase lets nobody change
        self.tally = Tally()

    @property
    def head(self) -> Head:
        """Where the log ends, as far as we know."""
        return self._head or EMPTY

    def run_once(self, beside: Executor | None = None) -> Step:
        """Record or reject the first events that are pending, in one transaction where none of them is refused.

        Where it may do things `beside`, it makes the next transaction ready while this one runs.

        Raises:
            ContradictionError: when the log contradicts itself.
            PocketBaseEventsError: when PocketBase is in trouble. Nothing is lost; call again later.
        """
        if self._head is None and self._catch_up().held:
            self._head = None
            return Step.HELD
        work, self._next = self._next, None  # what fails now makes void what was to come next
        if work is None:
            work = self._first(self._look())
        if not work.page:
            return Step.IDLE
        self._refresh_targets(work.page)
        try:
            step = self._process(work, beside)
        except RateLimitedError:
            raise  # nothing was done, and smaller transactions would only be more of them
        except TroubleError:
            self._head = None
            self._batch = max(1, self._batch // 2)
            raise
        # While others make progress, the page begins elsewhere.
        stuck = work.page[0].id if step is Step.AGAIN else ""
        self._vain_looks = self._vain_looks + 1 if stuck and stuck == self._stuck else 0
        self._stuck = stuck
        if self._vain_looks > MAX_VAIN_LOOKS:
            raise TroubleError(
                why="its transactions keep failing although nobody else records. If rules of our collections"
                " were edited, run `pocketbase-events init`, and `attach` for the collections."
            )
        return step

    def run_to_end(self, stop: threading.Event, rest: Callable[[], None] = lambda: None) -> Step:
        """Until nothing is pending, another worker is faster, somebody holds the head, or `stop` is set.

        `rest` is called where all is done that the latest look has shown, before the next one.
        """
        with ThreadPoolExecutor(1) as beside:
            while not stop.is_set():
                step = self.run_once(beside)
                if step not in (Step.PROGRESS, Step.AGAIN):
                    return step
                if self._next is None and not self._more:
                    rest()
        return Step.IDLE

    def run(self, stop: threading.Event, wake: threading.Event, silent: Callable[[], None]) -> None:
        """Until `stop` is set. `wake` says that there may be work; `silent` is called when it failed to.

        Whoever sets `stop` sets `wake` too.
        """
        trouble, connected, woken = Trouble(self._timer), False, False

        def rest() -> None:
            """Most likely nothing is pending now, and whoever saw the row appends next: leave PocketBase to them."""
            nonlocal woken
            wake.wait(REST)
            woken = _took(wake, stop) or woken

        while not stop.is_set():
            woken = _took(wake, stop)
            done = self.tally.recorded + self.tally.rejected
            try:
                if not connected:
                    log.info("connected", seq=self._catch_up().seq)
                    connected = True
                step = self.run_to_end(stop, rest)
                trouble.is_over()
                if step is Step.CONFLICT:
                    self._stand_by(stop)
            except PocketBaseEventsError as error:
                stop.wait(trouble.met(error))
                continue
            if step is Step.HELD:
                stop.wait(HOLD_INTERVAL)
            elif step is Step.IDLE and (woken or self.tally.recorded + self.tally.rejected == done):
                wake.wait(POLL_INTERVAL)
            elif step is Step.IDLE and not wake.wait(HEARD_WITHIN):
                silent()

    def _catch_up(self) -> Status:
        """Read where the log ends, and refuse to extend one that contradicts itself."""
        status = self._gateway.status().sound()
        if status.seq < self._latest:
            log.warning("log_went_back", from_seq=self._latest, to_seq=status.seq)
        self._head, self._timestamp, self._latest = status.head, status.last_timestamp, status.seq
        self._most = MAX_BATCH
        return status

    def _look(self) -> Sequence[Pending]:
        """The first pending events."""
        found = self._gateway.pending()
        self._more = len(found) == MOST_PENDING
        return [event for event in found if event.id not in self._left_aside]

    def _first(self, events: Sequence[Pending]) -> Work:
        """The first of the events as the next page."""
        return Work(events[: self._batch], events[self._batch :])

    def _refresh_targets(self, page: Sequence[Pending]) -> None:
        """Read the schemas again when an event was appended under another version than we know."""
        if not self._knows_targets(page):
            self._targets = self._gateway.targets()

    def _knows_targets(self, page: Sequence[Pending]) -> bool:
        versions = {name: target.version for name, target in self._targets.items()}
        return all(versions.get(event.collection, "") == event.schema_version for event in page)

    def _draft(
        self,
        page: Sequence[Pending],
        refused: Mapping[str, str],
        before: tuple[Head, str],
        *,
        limit: int,
        merging: bool,
    ) -> Draft:
        """The transaction for the first events of the page, after that head and timestamp."""
        head, latest = before
        chosen = group(page, refused, self._targets, limit=limit, most=self._batch)
        timestamp = max(timestamp_of(self._now()), latest)
        return Draft(chosen, build(chosen, head, timestamp, self._new_id, self._targets, merging=merging))

    def _process(self, work: Work, beside: Executor | None) -> Step:
        """Record and reject a page of events. What PocketBase refuses is found by its answer and left out.

        One bad event costs one transaction more. Where there are several, the next transaction ends before
        the bad one found last, so that a flood of them costs little more than looking at each.
        """
        refused: dict[str, str] = {}
        page, draft = work.page, work.draft
        limit, merging, failures = len(page), True, 0
        while page:
            if draft is None:
                draft = self._draft(page, refused, (self.head, self._timestamp), limit=limit, merging=merging)
            chosen = draft.chosen
            is_last = len(chosen) == len(page) and (work.rest or self._more)
            coming = beside.submit(self._prepare, draft.transaction, work.rest) if beside and is_last else None
            started = self._timer()
            outcome = self._send(draft.transaction)
            if outcome is None:
                limit = self._most = self._batch = max(1, len(chosen) // 2)
            elif isinstance(outcome, Committed):
                self._committed(draft.transaction, self._timer() - started, full=len(chosen) >= self._batch)
                page, limit, merging = page[len(chosen) :], 2 * limit, True
                self._next = _unless_trouble(coming)
            elif isinstance(outcome, EventRefused):
                page = self._not_markable(outcome, page, refused)
            elif not isinstance(outcome, RowRefused):
                return self._not_ours(outcome)
            elif len(outcome.write.events) > 1:
                # Which of the merged events is to blame? One by one, they tell.
                limit, merging = outcome.write.events[-1] + 1, False
            else:
                blamed, failures = outcome.write.events[0], failures + 1
                refused[chosen.events[blamed].id] = outcome.why or self._why_unsaid(outcome)
                limit = limit if failures == 1 and merging else max(1, blamed)
            draft = None
        return Step.PROGRESS

    def _prepare(self, running: Transaction, rest: Sequence[Pending]) -> Work | None:
        """What there is to do once a transaction is committed that leaves the rest pending."""
        if len(rest) < self._batch and self._more:
            taken = {event.id for event in running.recorded} | {each.event.id for each in running.rejections}
            rest = [event for event in self._look() if event.id not in taken]
        work = self._first(rest)
        if not work.page or not self._knows_targets(work.page):
            return work if work.page else None
        latest = running.recorded[-1].timestamp if running.recorded else self._timestamp
        draft = self._draft(work.page, {}, (running.after, latest), limit=len(work.page), merging=True)
        return Work(work.page, work.rest, draft)

    def _send(self, transaction: Transaction) -> Outcome | None:
        """What came of it; None when PocketBase takes no transaction of this size, and a smaller one may do."""
        self._sent = transaction.after
        try:
            return self._gateway.transact(transaction)
        except BatchTooLargeError as error:
            if len(transaction.recorded) + len(transaction.rejections) > 1:
                return None
            if transaction.writes and error.in_bytes:
                return RowRefused(transaction.writes[0], TOO_LARGE)
            raise

    def _committed(self, transaction: Transaction, seconds: float, *, full: bool) -> None:
        self._head = transaction.after
        self._latest = transaction.after.seq
        if transaction.recorded:
            self._timestamp = transaction.recorded[-1].timestamp
            log.info("recorded", events=len(transaction.recorded), seq=transaction.after.seq)
        for rejection in transaction.rejections[:LOGGED_REJECTIONS]:
            log.warning("rejected", id=rejection.event.id, why=rejection.why)
        if len(transaction.rejections) > LOGGED_REJECTIONS:
            log.warning("rejected_more", events=len(transaction.rejections) - LOGGED_REJECTIONS)
        self.tally.recorded += len(transaction.recorded)
        self.tally.rejected += len(transaction.rejections)
        if full or seconds > TRANSACTION_TIME:
            factor = min(1.25, max(0.5, TRANSACTION_TIME / max(seconds, 0.001)))
            size = self._batch * factor
            # Rounded away from where it was, or one would stay one for ever.
            self._batch = max(1, min(self._most, math.ceil(size) if factor > 1 else int(size)))

    def _not_markable(
        self, outcome: EventRefused, page: Sequence[Pending], refused: dict[str, str]
    ) -> Sequence[Pending]:
        """The page without an event that can be neither recorded nor rejected; with it while one may still work.

        Seen where data came in under an older PocketBase and is no JSON to the present one.
        """
        if outcome.id not in refused:
            refused[outcome.id] = f"PocketBase refused the event: {outcome.why}"
            return page
        self._left_aside.add(outcome.id)
        log.error("left_aside", id=outcome.id, why=outcome.why, what_to_do="delete it as a superuser")
        return [event for event in page if event.id != outcome.id]

    def _why_unsaid(self, refused: RowRefused) -> str:
        """The sentence for a row refused without a reason, once it is sure that no schema edit is behind it."""
        known = self._targets[refused.write.collection]
        self._targets = self._gateway.targets()
        if self._targets.get(refused.write.collection) != known:
            raise TroubleError(why=f"{refused.write.collection} was edited just now.")
        return NO_REASON

    def _not_ours(self, outcome: Conflict | Held) -> Step:
        """Nothing was written. Whose doing was it?"""
        ours, self._head = self.head, None
        if isinstance(outcome, Held):
            log.info("held", by=outcome.by, until=outcome.until)
            return Step.HELD
        status = self._gateway.status()
        if status.head in (ours, self._sent):
            # Our own earlier transaction, whose answer was lost; or an event was removed, the schema edited.
            self._targets = {}
            return Step.AGAIN
        if status.seq < ours.seq:
            # A restored backup, most likely; the next look says so.
            return Step.AGAIN
        log.info("conflict", seq=status.seq)
        return Step.CONFLICT

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


def _took(wake: threading.Event, stop: threading.Event) -> bool:
    """Whether `wake` was set. It is set no more, unless there is to be a stop."""
    was_set = wake.is_set()
    wake.clear()
    if stop.is_set():
        wake.set()
    return was_set


def _unless_trouble(coming: Future[Work | None] | None) -> Work | None:
    """What there is to do next; None where the next look will tell, as when PocketBase is in trouble."""
    try:
        return coming.result() if coming is not None else None
    except PocketBaseEventsError:
        return None
