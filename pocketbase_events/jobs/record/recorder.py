"""Recording one page of pending events, in one transaction if PocketBase refuses none of them."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pocketbase_events.core.batch import events_before
from pocketbase_events.core.events import EMPTY, Head
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
    BatchTooLargeError,
    OutcomeUnknownError,
    PocketBaseEventsError,
    RateLimitedError,
    TroubleError,
)
from pocketbase_events.jobs.record.batch_size import FIRST_SIZE, BatchSize
from pocketbase_events.jobs.record.blame import Page
from pocketbase_events.jobs.record.drafts import Draft, Work
from pocketbase_events.jobs.record.known import Known
from pocketbase_events.jobs.record.news import News
from pocketbase_events.jobs.record.observer import UNOBSERVED, Observer
from pocketbase_events.jobs.record.refusals import Search
from pocketbase_events.jobs.record.steps import Done, Sent, Step
from pocketbase_events.logs import log
from pocketbase_events.pb.gateway import Gateway

MAX_GIVEN_UP = 20  # transactions without an answer that may be carried out late
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
        self._timer = timer
        self.known = Known(gateway, now, new_id, timer, size, observer)
        self._sent = EMPTY  # where our latest transaction would have moved the head
        self._given_up = deque[Head](maxlen=MAX_GIVEN_UP)  # where those would have that got no answer
        self._vain_looks, self._stuck = 0, ""
        self._unsettled: tuple[OutcomeUnknownError, Sent, Page] | None = None
        self.news = News(timer)

    def record(self, ready: Work | None = None, beside: Executor | None = None) -> Done:
        """Record or reject the page that is `ready`, or else the first events that are pending.

        With `beside`, the next transaction is made ready in it while this one runs.

        Raises:
            ContradictionError: if the log contradicts itself.
            PocketBaseEventsError: if PocketBase is in trouble. Nothing is lost; call again later.
        """
        if self.known.stale and self.known.catch_up().held:
            self.known.stale = True
            return Done(Step.HELD)
        resumed = self._resume()
        if isinstance(resumed, Step):
            return Done(resumed, more=True)
        if ready and any(event.id in self.known.left_aside for event in ready.page):
            ready = None
        work = Work(resumed.events, (), more=True) if resumed else ready or self.known.first_page()
        if not work.page:
            return Done(Step.IDLE)
        try:
            if not self.known.basis.knows(work.page):
                self.known.read_targets()
            done = self._record_page(work, resumed or Page(work.page, Search(len(work.page))), beside)
        except RateLimitedError:
            raise  # nothing was done, and it is only a matter of time
        except TroubleError:
            self.known.stale, self.known.sizes = True, self.known.sizes.change(BatchSize.after_trouble)
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

    def _record_page(self, work: Work, page: Page, beside: Executor | None) -> Done:
        """Record and reject the events of a page. Those that PocketBase refuses are found by its answers."""
        draft, ready = work.draft, None
        while page.events:
            draft = draft or self.known.draft(page)
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

    def _send(self, draft: Draft) -> Sent:
        """Send a transaction, wait as long as the collections in it need, and tell what came of it."""
        transaction = draft.transaction
        self._sent = transaction.after
        within = self.known.patience.within(draft.collections)
        started = self._timer()
        outcome: Outcome | BatchTooLargeError | OutcomeUnknownError
        try:
            outcome = self._gateway.transact(transaction, within=within)
        except (BatchTooLargeError, OutcomeUnknownError) as error:
            outcome = error
        except RateLimitedError as error:
            few = max(1, events_before(transaction, error.index)) if error.index else None
            self.known.sizes = self.known.sizes.change(lambda size: size.rarer() if few is None else size.limited(few))
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
                    self.known.sizes = self.known.sizes.change(lambda size: size.limited(after.search.limit))
                return after
            case OutcomeUnknownError() as error:
                return self._unknown(error, sent, page)
            case RowRefused() as refused:
                is_edited = not refused.is_explained and self.known.is_edited(refused.write.collection)
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
        head = self.known.catch_up().head
        self._unsettled = None
        if head == transaction.after != transaction.before:
            return self._committed(sent, page)
        self._given_up.append(transaction.after)
        if self.known.basis.head != transaction.before or transaction.heard:
            return Step.AGAIN
        if error.failed_as_a_whole and not sent.is_slow:
            raise error  # its disk is full, say
        if sent.draft.chosen.units == 1:
            if self._gateway.transact(Transaction(transaction.before, transaction.before)) != Committed():
                return Step.AGAIN
            if sent.is_slow:
                self.known.patience = self.known.patience.after_failure(
                    sent.draft.collections, sent.within, answered=error.answered
                )
        return page.failed(error, sent.seconds, sent.draft)

    def _resume(self) -> Page | Step | None:
        """Go on with the page of a transaction that got no answer, and after which PocketBase was gone for a while.

        Else an event that makes PocketBase crash would do so for ever.
        """
        if self._unsettled is None:
            return None
        self.known.stale = True
        error, sent, page = self._unsettled
        after = self._unknown(error, sent, page)
        if isinstance(after, Step):
            return after
        self._tell_doubts(sent.draft, after)
        return after if after.events else Step.AGAIN

    def _committed(self, sent: Sent, page: Page) -> Page:
        chosen, transaction = sent.draft.chosen, sent.draft.transaction
        self.known.committed(sent)
        self.news.committed(transaction)
        self._observer.committed(transaction, chosen.events, sent.seconds)
        return page.committed(sent.draft)

    def _tell_doubts(self, draft: Draft, page: Page) -> None:
        """Tell of an event that is in doubt, and look no more at those that can be neither recorded nor rejected."""
        if page.search.attempts == 1:
            log.warning("in_doubt", id=draft.first.id, why=page.search.doubt)
        for event, why in page.aside.items():
            if event not in self.known.left_aside:
                self.known.left_aside |= {event}
                log.error("left_aside", id=event, why=why, what_to_do="delete it as a superuser")

    def _not_ours(self, outcome: Conflict | Held | NotStamped) -> Step:
        """Nothing was written. Find out who is behind that."""
        if isinstance(outcome, NotStamped):  # an event was deleted, or the trigger; one by one, the answer tells
            self.known.basis = replace(self.known.basis, stamping=False)
            return Step.AGAIN
        ours, self.known.stale = self.known.basis.head, True
        if isinstance(outcome, Held):
            log.info("held", by=outcome.by, until=outcome.until)
            return Step.HELD
        status = self._gateway.status()
        if status.head in (ours, self._sent, *self._given_up):
            # Our own earlier transaction, whose answer was lost, or that was carried out late; or an event was removed,
            # the schema edited; or it was not the turn of an event that we have heard of.
            self.known.basis = replace(self.known.basis, targets={})
            return Step.AGAIN
        if status.seq < ours.seq:
            # A restored backup, most likely; the next look says so.
            return Step.AGAIN
        log.info("conflict", seq=status.seq)
        self._observer.conflicted()
        return Step.CONFLICT

    def _submit(self, beside: Executor, work: Work, running: Transaction) -> "Future[Work | None]":
        """Have the page after this transaction made ready from a snapshot of what is known now."""
        return beside.submit(self.known.ahead(running).prepare, work, running)


def _unless_trouble(coming: "Future[Work | None] | None") -> Work | None:
    """The page that was made ready; None if preparing failed: the next look tries again."""
    try:
        return coming.result() if coming is not None else None
    except PocketBaseEventsError:
        return None
