"""Recording one page of pending events, in one transaction if PocketBase refuses none of them."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pocketbase_events.core.batch import events_before
from pocketbase_events.core.events import EMPTY, Pending
from pocketbase_events.core.files import needs_fetching
from pocketbase_events.core.transaction import (
    Committed,
    Conflict,
    EventRefused,
    Held,
    NotStamped,
    Outcome,
    RowRefused,
    Transaction,
)
from pocketbase_events.errors import (
    BatchDisabledError,
    BatchTooLargeError,
    OutcomeUnknownError,
    PocketBaseEventsError,
    RateLimitedError,
    TroubleError,
)
from pocketbase_events.jobs.record.batch_size import FIRST_SIZE, BatchSize, Sizes
from pocketbase_events.jobs.record.blame import Page
from pocketbase_events.jobs.record.clock import Clock
from pocketbase_events.jobs.record.drafts import Ahead, Basis, Draft, Drafting, Work, first_page
from pocketbase_events.jobs.record.news import News
from pocketbase_events.jobs.record.observer import UNOBSERVED, Observer
from pocketbase_events.jobs.record.patience import Patience
from pocketbase_events.jobs.record.refusals import Search
from pocketbase_events.jobs.record.steps import Done, Sent, Step
from pocketbase_events.logs import log
from pocketbase_events.pb.gateway import MOST_PENDING, Gateway
from pocketbase_events.pb.records import Status

ANSWER_TIMES = 5  # of which the shortest one tells how far away PocketBase is
UNREAD_FOR = 60.0  # seconds after which an event is rejected if a file of it can't be read: its storage may be away
MAX_VAIN_LOOKS = 3  # transactions in a row that fail although nobody else writes

# What may come of a transaction for an event that was only heard of. A look tells whom to blame.
_TAKES_A_LOOK = (BatchTooLargeError, EventRefused, RowRefused)


class Recorder:
    """Records pending events through `gateway`, a page at a time. Clock, event ids and timer are passed in.

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
        self._clock = Clock(now, timer)
        self._drafting = Drafting(self._clock.time, new_id)
        self._timer = timer
        self._basis = Basis(EMPTY, "", {})
        self._stale = True  # whether to read where the log ends before anything is recorded
        self._latest = EMPTY.seq  # the highest seq that we have seen
        self._sent = EMPTY  # where our latest transaction would have moved the head
        self._sizes = Sizes(alone=size)
        self._answer_times: deque[float] = deque(maxlen=ANSWER_TIMES)  # seconds that looks without work took
        self._patience = Patience()
        self._vain_looks, self._stuck = 0, ""
        self._unsettled: tuple[OutcomeUnknownError, Sent, Page] | None = None
        self._unread = "", 0.0  # the record of an event whose files can't be read, and since when
        self._left_aside: frozenset[str] = frozenset()  # records of events that PocketBase lets nobody change
        self._lately: deque[str] = deque(maxlen=MOST_PENDING)  # records of events that we have recorded
        self.news = News(timer)

    def catch_up(self) -> Status:
        """Read where the log ends, and what PocketBase's clock says.

        Raises:
            ContradictionError: if the log contradicts itself.
            ReplicaError: if the log is another one's replica.
            WrongClockError: if the clocks differ by more than a minute.
            BatchDisabledError: if the batch API is switched off.
            TroubleError: if PocketBase can't answer now.
        """
        started = self._timer()
        status = self._gateway.status().sound().ordinary()
        self._answer_times.append(self._timer() - started)
        self._clock.compare(status.now)
        if not status.batch_enabled:
            raise BatchDisabledError
        if status.seq < self._latest:
            log.warning("log_went_back", from_seq=self._latest, to_seq=status.seq)
        self._basis = replace(self._basis, head=status.head, timestamp=status.last_timestamp, stamping=status.stamping)
        self._stale, self._latest = False, status.seq
        self._sizes = self._sizes.change(BatchSize.unlimited)
        self._observer.looked(status)
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
        resumed = self._resume()
        if isinstance(resumed, Step):
            return Done(resumed, more=True)
        if ready and any(event.id in self._left_aside for event in ready.page):
            ready = None
        work = Work(resumed.events, (), more=True) if resumed else ready or self._first_page()
        if not work.page:
            return Done(Step.IDLE)
        try:
            if not self._basis.knows(work.page):
                self._read_targets()
            done = self._record_page(work, resumed or Page(work.page, Search(len(work.page))), beside)
        except RateLimitedError:
            raise  # nothing was done, and it is only a matter of time
        except TroubleError:
            self._stale, self._sizes = True, self._sizes.change(BatchSize.after_trouble)
            raise
        self._refuse_vain_looks(work.page[0].id if done.step is Step.AGAIN else "")
        return done

    def ready_for(self, heard: Pending | None) -> Work | None:
        """An event that realtime told of, if any, ready to be recorded without a look; None if that takes one.

        PocketBase refuses the transaction unless the event is the first pending one, and the schema is the one we know.
        """
        if heard is None or self._stale or self._unsettled or self._left_aside:
            return None
        target = self._basis.targets.get(heard.collection)
        if target is None or heard.together or needs_fetching(heard, target):
            return None
        event = replace(heard, schema_version=target.version)
        draft = self._drafting.draft(self._basis, [event], Search(1), self._size([event]))
        if draft.chosen.rejections or event.id in self._lately:
            return None
        transaction = replace(draft.transaction, heard=f"{event.id} {target.version}")
        return Work([event], (), more=False, draft=replace(draft, transaction=transaction))

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
        self._observer.looked()
        events = [event for event in found if event.id not in self._left_aside]
        return first_page(events, self._size(events).next, self._patience.slow, more=len(found) == MOST_PENDING)

    def _size(self, events: Sequence[Pending]) -> BatchSize:
        return self._sizes.of(len(events), stamping=self._basis.stamping)

    def _read_targets(self) -> None:
        self._basis = replace(self._basis, targets=self._gateway.targets())

    def _record_page(self, work: Work, page: Page, beside: Executor | None) -> Done:
        """Record and reject the events of a page. Those that PocketBase refuses are found by its answers."""
        draft, ready = work.draft, None
        while page.events:
            draft = draft or self._draft(page)
            is_last = len(draft.chosen) == len(page.events) and (work.rest or work.more)
            coming = self._submit(beside, work, draft.transaction) if beside and is_last else None
            sent = self._send(draft)
            if draft.transaction.heard and isinstance(sent.outcome, _TAKES_A_LOOK):
                return Done(Step.AGAIN, more=True)
            after = self._after(sent, page)
            if isinstance(after, Step):
                return Done(after, more=work.more)
            if isinstance(sent.outcome, Committed):
                ready = _unless_trouble(coming)
            self._tell_doubts(sent.draft, after)
            page, draft = after, None
        page.expect_marked()
        return Done(Step.PROGRESS, ready, work.more if ready is None else ready.more)

    def _draft(self, page: Page) -> Draft:
        events = [
            self._fetched(event) if needs_fetching(event, self._basis.targets.get(event.collection)) else event
            for event in page.events
        ]
        return self._drafting.draft(self._basis, events, page.search, self._size(events))

    def _fetched(self, event: Pending) -> Pending:
        """The event with what is known of its files. Its storage may be away for a moment.

        Raises:
            TroubleError: if a file can't be read now.
        """
        found = self._gateway.fetched(event, self._basis.targets.get(event.collection))
        if found.fetched is not None and found.fetched.unread:
            if self._unread[0] != event.id:
                self._unread = event.id, self._timer()
            if self._timer() - self._unread[1] < UNREAD_FOR:
                raise TroubleError(why=found.fetched.unread)
        return found

    def _send(self, draft: Draft) -> Sent:
        """Send a transaction, wait as long as the collections in it need, and tell what came of it."""
        transaction = draft.transaction
        self._sent = transaction.after
        within = self._patience.within(draft.collections)
        started = self._timer()
        outcome: Outcome | BatchTooLargeError | OutcomeUnknownError
        try:
            outcome = self._gateway.transact(transaction, within=within)
        except (BatchTooLargeError, OutcomeUnknownError) as error:
            outcome = error
        except RateLimitedError as error:
            few = max(1, events_before(transaction, error.index)) if error.index else None
            self._sizes = self._sizes.change(lambda size: size.rarer() if few is None else size.limited(few))
            raise
        return Sent(draft, outcome, self._timer() - started, within)

    def _after(self, sent: Sent, page: Page) -> Page | Step:
        """The rest of the page after a transaction, with what it has told; or the step that ends the page."""
        match sent.outcome:
            case Committed():
                return self._committed(sent, page)
            case BatchTooLargeError() as error:
                after = page.too_large(error, sent.draft)
                if sent.draft.chosen.units > 1:
                    self._sizes = self._sizes.change(lambda size: size.limited(after.search.limit))
                return after
            case OutcomeUnknownError() as error:
                return self._unknown(error, sent, page)
            case RowRefused() as refused:
                is_edited = not refused.is_explained and self._is_edited(refused.write.collection)
                return Step.AGAIN if is_edited else page.row_refused(refused, sent.draft)
            case EventRefused() as refused:
                return page.event_refused(refused, sent.draft)
            case Conflict() | Held() | NotStamped() as outcome:
                return self._not_ours(outcome)

    def _unknown(self, error: OutcomeUnknownError, sent: Sent, page: Page) -> Page | Step:
        """Find out what became of a transaction, and if nothing, whether PocketBase takes one without these events.

        Raises:
            TroubleError: if it takes none.
        """
        transaction = sent.draft.transaction
        self._unsettled = error, sent, page
        head = self.catch_up().head
        self._unsettled = None
        if head == transaction.after != transaction.before:
            return self._committed(sent, page)
        if self._basis.head != transaction.before or transaction.heard:
            return Step.AGAIN
        if error.failed_as_a_whole and not sent.is_slow:
            raise error  # its disk is full, say
        if sent.draft.chosen.units == 1:
            if self._gateway.transact(Transaction(transaction.before, transaction.before)) != Committed():
                return Step.AGAIN
            if sent.is_slow:
                collections = sent.draft.collections
                self._patience = self._patience.after_failure(collections, sent.within, answered=error.answered)
        return page.failed(error, sent.seconds, sent.draft)

    def _resume(self) -> Page | Step | None:
        """Go on with the page of a transaction that got no answer, and after which PocketBase was gone for a while.

        Else an event that makes PocketBase crash would do so for ever.
        """
        if self._unsettled is None:
            return None
        self._stale = True
        error, sent, page = self._unsettled
        after = self._unknown(error, sent, page)
        if isinstance(after, Step):
            return after
        self._tell_doubts(sent.draft, after)
        return after if after.events else Step.AGAIN

    def _committed(self, sent: Sent, page: Page) -> Page:
        chosen, transaction = sent.draft.chosen, sent.draft.transaction
        self._basis = self._basis.after(transaction)
        self._latest = transaction.after.seq
        self._lately.extend(event.id for event in transaction.recorded)
        away = min(self._answer_times, default=0.0)
        self._sizes = self._sizes.learn(
            lambda size: size.after(len(chosen), sent.seconds, away), stamped=transaction.stamped
        )
        self._patience = self._patience.after_commit(sent.draft.collections, sent.seconds)
        self.news.committed(transaction)
        self._observer.committed(transaction, chosen.events, sent.seconds)
        return page.committed(sent.draft)

    def _tell_doubts(self, draft: Draft, page: Page) -> None:
        """Tell of an event that is in doubt, and look no more at those that can be neither recorded nor rejected."""
        if page.search.attempts == 1:
            log.warning("in_doubt", id=draft.first.id, why=page.search.doubt)
        for event, why in page.aside.items():
            if event not in self._left_aside:
                self._left_aside |= {event}
                log.error("left_aside", id=event, why=why, what_to_do="delete it as a superuser")

    def _is_edited(self, collection: str) -> bool:
        """Whether a collection was edited since its schema was read; it is read again."""
        known = self._basis.targets[collection]
        self._read_targets()
        return self._basis.targets.get(collection) != known

    def _not_ours(self, outcome: Conflict | Held | NotStamped) -> Step:
        """Nothing was written. Find out who is behind that."""
        if isinstance(outcome, NotStamped):  # an event was deleted, or the trigger; one by one, the answer tells
            self._basis = replace(self._basis, stamping=False)
            return Step.AGAIN
        ours, self._stale = self._basis.head, True
        if isinstance(outcome, Held):
            log.info("held", by=outcome.by, until=outcome.until)
            return Step.HELD
        status = self._gateway.status()
        if status.head in (ours, self._sent):
            # Our own earlier transaction, whose answer was lost; or an event was removed, the schema edited; or it was
            # not the turn of an event that we have heard of.
            self._basis = replace(self._basis, targets={})
            return Step.AGAIN
        if status.seq < ours.seq:
            # A restored backup, most likely; the next look says so.
            return Step.AGAIN
        log.info("conflict", seq=status.seq)
        self._observer.conflicted()
        return Step.CONFLICT

    def _submit(self, beside: Executor, work: Work, running: Transaction) -> "Future[Work | None]":
        """Have the page after this transaction made ready from a snapshot of what is known now."""
        basis, slow = self._basis.after(running), self._patience.slow
        events = len(running.recorded) + len(running.rejections)
        sizes = self._sizes.learn(lambda size: size.beside(events), stamped=running.stamped)
        ahead = Ahead(self._gateway, self._drafting, basis, sizes, self._left_aside, slow)
        return beside.submit(ahead.prepare, work, running)


def _unless_trouble(coming: "Future[Work | None] | None") -> Work | None:
    """The page that was made ready; None if preparing failed: the next look tries again."""
    try:
        return coming.result() if coming is not None else None
    except PocketBaseEventsError:
        return None
