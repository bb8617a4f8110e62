"""Recording one page of pending events, in one transaction if PocketBase refuses none of them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from pocketbase_events.core.events import EMPTY, Pending
from pocketbase_events.core.transaction import (
    Committed,
    Conflict,
    EventRefused,
    Held,
    Outcome,
    RowRefused,
    Transaction,
)
from pocketbase_events.errors import BatchTooLargeError, PocketBaseEventsError, RateLimitedError, TroubleError
from pocketbase_events.jobs.record.batch_size import FIRST_SIZE, BatchSize
from pocketbase_events.jobs.record.drafts import Basis, Drafting, Work
from pocketbase_events.jobs.record.refusals import Search
from pocketbase_events.logs import log
from pocketbase_events.pb.gateway import MOST_PENDING, Gateway
from pocketbase_events.pb.records import Status

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
class Done:
    """What came of a page: the step, and the next page if it was made ready meanwhile.

    `more` says whether more may be pending than the latest look has shown.
    """

    step: Step
    ready: Work | None = None
    more: bool = False


@dataclass(slots=True)
class Tally:
    """How many events were recorded and rejected."""

    recorded: int = 0
    rejected: int = 0


class Recorder:
    """Records pending events through `gateway`, a page at a time. Clock, event ids and timer are passed in.

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
        self._drafting = Drafting(now, new_id)
        self._timer = timer
        self._basis = Basis(EMPTY, "", {})
        self._stale = True  # whether to read where the log ends before anything is recorded
        self._latest = EMPTY.seq  # the highest seq that we have seen
        self._sent = EMPTY  # where our latest transaction would have moved the head
        self._size = size
        self._vain_looks, self._stuck = 0, ""
        self._left_aside: frozenset[str] = frozenset()  # records of events that PocketBase lets nobody change
        self.tally = Tally()

    def catch_up(self) -> Status:
        """Read where the log ends.

        Raises:
            ContradictionError: if the log contradicts itself.
            TroubleError: if PocketBase can't answer now.
        """
        status = self._gateway.status().sound()
        if status.seq < self._latest:
            log.warning("log_went_back", from_seq=self._latest, to_seq=status.seq)
        self._basis = replace(self._basis, head=status.head, timestamp=status.last_timestamp)
        self._stale, self._latest = False, status.seq
        self._size = self._size.unlimited()
        return status

    def record(self, ready: Work | None = None, beside: Executor | None = None) -> Done:
        """Record or reject the page that is `ready`, or else the first events that are pending.

        With `beside`, the next transaction is made ready in it while this one runs.

        Raises:
            ContradictionError: if the log contradicts itself.
            PocketBaseEventsError: if PocketBase is in trouble. Nothing is lost; call again later.
        """
        if self._stale and self.catch_up().held:
            self._stale = True
            return Done(Step.HELD)
        work = ready or self._first_page()
        if not work.page:
            return Done(Step.IDLE)
        try:
            if not self._basis.knows(work.page):
                self._read_targets()
            done = self._record_page(work, beside)
        except RateLimitedError:
            raise  # nothing was done, and smaller transactions would only be more of them
        except TroubleError:
            self._stale, self._size = True, self._size.after_trouble()
            raise
        self._refuse_vain_looks(work.page[0].id if done.step is Step.AGAIN else "")
        return done

    def _refuse_vain_looks(self, stuck: str) -> None:
        """Give up for now if the transactions for one event keep failing. `stuck` is its record's id; "": none failed.

        While others make progress, the page begins elsewhere.
        """
        self._vain_looks = self._vain_looks + 1 if stuck and stuck == self._stuck else 0
        self._stuck = stuck
        if self._vain_looks > MAX_VAIN_LOOKS:
            raise TroubleError(
                why="its transactions keep failing although nobody else records. If rules of our collections"
                " were edited, run `pocketbase-events init`, and `attach` for the collections."
            )

    def _first_page(self) -> Work:
        found = self._gateway.pending()
        events = [event for event in found if event.id not in self._left_aside]
        return _page(events, self._size.events, more=len(found) == MOST_PENDING)

    def _read_targets(self) -> None:
        self._basis = replace(self._basis, targets=self._gateway.targets())

    def _record_page(self, work: Work, beside: Executor | None) -> Done:
        """Record and reject the events of a page. What PocketBase refuses is found by its answer and left out."""
        search, page, draft = Search(len(work.page)), work.page, work.draft
        ready: Work | None = None
        while page:
            draft = draft or self._drafting.draft(self._basis, page, search, self._size.events)
            chosen, transaction = draft.chosen, draft.transaction
            is_last = len(chosen) == len(page) and (work.rest or work.more)
            coming = self._submit(beside, work, transaction) if beside and is_last else None
            started = self._timer()
            outcome = self._send(transaction)
            match outcome:
                case None:
                    self._size = self._size.limited(max(1, len(chosen) // 2))
                    search = search.too_large(self._size.events)
                case Committed():
                    self._committed(transaction)
                    self._size = self._size.after(len(chosen), self._timer() - started)
                    page, search = page[len(chosen) :], search.after_commit()
                    ready = _unless_trouble(coming)
                case EventRefused(id=event, why=why) if event in search.refused:
                    page = self._leave_aside(page, event, why)
                case EventRefused(id=event, why=why):
                    search = search.event_refused(event, f"PocketBase refused the event: {why}")
                case RowRefused(write=write) if len(write.events) > 1:
                    search = search.one_by_one(write.events[-1])
                case RowRefused(write=write, why=why):
                    place = write.events[0]
                    search = search.row_refused(chosen.events[place].id, place, why or self._why_unsaid(outcome))
                case Conflict() | Held():
                    return Done(self._not_ours(outcome), more=work.more)
            draft = None
        return Done(Step.PROGRESS, ready, work.more if ready is None else ready.more)

    def _send(self, transaction: Transaction) -> Outcome | None:
        """What came of it; None if PocketBase takes no transaction of this size, and a smaller one may do."""
        self._sent = transaction.after
        try:
            return self._gateway.transact(transaction)
        except BatchTooLargeError as error:
            if len(transaction.recorded) + len(transaction.rejections) > 1:
                return None
            if transaction.writes and error.in_bytes:
                return RowRefused(transaction.writes[0], TOO_LARGE)
            raise

    def _committed(self, transaction: Transaction) -> None:
        self._basis = self._basis.after(transaction)
        self._latest = transaction.after.seq
        recorded, rejections = len(transaction.recorded), transaction.rejections
        if recorded:
            log.info("recorded", events=recorded, seq=transaction.after.seq)
        for rejection in rejections[:LOGGED_REJECTIONS]:
            log.warning("rejected", id=rejection.event.id, why=rejection.why)
        if len(rejections) > LOGGED_REJECTIONS:
            log.warning("rejected_more", events=len(rejections) - LOGGED_REJECTIONS)
        self.tally.recorded += recorded
        self.tally.rejected += len(rejections)

    def _leave_aside(self, page: Sequence[Pending], event: str, why: str) -> Sequence[Pending]:
        """The page without an event that can be neither recorded nor rejected.

        Seen if its data came in under an older PocketBase and is not JSON to the present one.
        """
        self._left_aside |= {event}
        log.error("left_aside", id=event, why=why, what_to_do="delete it as a superuser")
        return [each for each in page if each.id != event]

    def _why_unsaid(self, refused: RowRefused) -> str:
        """The sentence for a row refused without a reason, once it is sure that no schema edit is behind it."""
        collection = refused.write.collection
        known = self._basis.targets[collection]
        self._read_targets()
        if self._basis.targets.get(collection) != known:
            raise TroubleError(why=f"{collection} was edited just now.")
        return NO_REASON

    def _not_ours(self, outcome: Conflict | Held) -> Step:
        """Nothing was written. Find out who is behind that."""
        ours, self._stale = self._basis.head, True
        if isinstance(outcome, Held):
            log.info("held", by=outcome.by, until=outcome.until)
            return Step.HELD
        status = self._gateway.status()
        if status.head in (ours, self._sent):
            # Our own earlier transaction, whose answer was lost; or an event was removed, the schema edited.
            self._basis = replace(self._basis, targets={})
            return Step.AGAIN
        if status.seq < ours.seq:
            # A restored backup, most likely; the next look says so.
            return Step.AGAIN
        log.info("conflict", seq=status.seq)
        return Step.CONFLICT

    def _submit(self, beside: Executor, work: Work, running: Transaction) -> "Future[Work | None]":
        """Have the page after this transaction made ready from a snapshot of what is known now."""
        ahead = Ahead(self._gateway, self._drafting, self._basis.after(running), self._size.events, self._left_aside)
        return beside.submit(ahead.prepare, work, running)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What it takes to make a page ready in another thread while a transaction runs: a snapshot."""

    gateway: Gateway
    drafting: Drafting
    basis: Basis  # once the running transaction is committed
    size: int
    left_aside: frozenset[str]

    def prepare(self, work: Work, running: Transaction) -> Work | None:
        """The page to record after the transaction that is running and that leaves the rest of `work` pending.

        None if another look has to tell.
        """
        rest, more = work.rest, work.more
        if len(rest) < self.size and more:
            found = self.gateway.pending()
            more = len(found) == MOST_PENDING
            taken = {event.id for event in running.recorded} | {each.event.id for each in running.rejections}
            rest = [event for event in found if event.id not in taken | self.left_aside]
        coming = _page(rest, self.size, more=more)
        if not coming.page or not self.basis.knows(coming.page):
            return coming if coming.page else None
        draft = self.drafting.draft(self.basis, coming.page, Search(len(coming.page)), self.size)
        return replace(coming, draft=draft)


def _page(events: Sequence[Pending], size: int, *, more: bool) -> Work:
    """The first of the events as a page."""
    return Work(events[:size], events[size:], more)


def _unless_trouble(coming: "Future[Work | None] | None") -> Work | None:
    """The page that was made ready; None if preparing failed: the next look tries again."""
    try:
        return coming.result() if coming is not None else None
    except PocketBaseEventsError:
        return None
