"""What the worker knows of the log, and the work that it finds there."""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pocketbase_events.core.events import EMPTY, Pending
from pocketbase_events.core.files import needs_fetching
from pocketbase_events.core.schema import Target
from pocketbase_events.core.transaction import Transaction
from pocketbase_events.errors import BatchDisabledError, TroubleError
from pocketbase_events.jobs.record.batch_size import BatchSize, Sizes
from pocketbase_events.jobs.record.blame import Page
from pocketbase_events.jobs.record.clock import Clock
from pocketbase_events.jobs.record.drafts import Ahead, Basis, Draft, Drafting, Work, first_page
from pocketbase_events.jobs.record.observer import Observer
from pocketbase_events.jobs.record.patience import Patience
from pocketbase_events.jobs.record.refusals import Search
from pocketbase_events.jobs.record.steps import Sent
from pocketbase_events.logs import log
from pocketbase_events.pb.gateway import MOST_PENDING, Gateway
from pocketbase_events.pb.records import Status

ANSWER_TIMES = 5  # of which the shortest one tells how far away PocketBase is
UNREAD_FOR = 60.0  # seconds after which an event is rejected if a file of it can't be read: its storage may be away
SETTLES_WITHIN = 2.0  # seconds in which PocketBase may still write rows by the schema that an edit has replaced


class Known:
    """Where the log ends, which collections are attached, how much PocketBase takes. The arguments are the recorder's.

    Attributes:
        basis: what the next transaction is built on.
        stale: whether to read where the log ends before anything is recorded.
        sizes: how many events a transaction may hold.
        patience: how long the collections take.
        left_aside: records of events that PocketBase lets nobody change.
        lately: records of the latest events that we have recorded.
        committed_at: when our latest transaction was committed, by the timer.
    """

    def __init__(
        self,
        gateway: Gateway,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        timer: Callable[[], float],
        size: BatchSize,
        observer: Observer,
    ) -> None:
        self.basis = Basis(EMPTY, "", {})
        self.stale = True
        self.sizes = Sizes(alone=size)
        self.patience = Patience()
        self.left_aside: frozenset[str] = frozenset()
        self._gateway, self._observer, self._timer = gateway, observer, timer
        self.committed_at = -math.inf
        self._clock = Clock(now, timer)
        self._drafting = Drafting(self._clock.time, new_id)
        self._latest = EMPTY.seq  # the highest seq that we have seen
        self.lately: deque[str] = deque(maxlen=MOST_PENDING)
        self._answer_times: deque[float] = deque(maxlen=ANSWER_TIMES)  # seconds that looks without work took
        self._seen: Mapping[str, Target] = {}  # the attached collections, as they were read last
        self._edited_at = -math.inf
        self._unread = "", 0.0  # the record of an event whose files can't be read, and since when

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
        self.basis = replace(self.basis, head=status.head, timestamp=status.last_timestamp, stamping=status.stamping)
        self.stale, self._latest = False, status.seq
        self.sizes = self.sizes.change(BatchSize.unlimited)
        self._observer.looked(status)
        return status

    def first_page(self) -> Work:
        """Look at what is pending: the page for the next transaction, and the rest."""
        found = self._gateway.pending()
        self._observer.looked()
        events = [event for event in found if event.id not in self.left_aside]
        return first_page(events, self._size(events).next, self.patience.slow, more=len(found) == MOST_PENDING)

    def ready_for(self, heard: Pending | None) -> Work | None:
        """An event that realtime told of, if any, ready to be recorded without a look; None if that takes one.

        PocketBase refuses the transaction unless the event is the first pending one, and the schema is the one we know.
        """
        if heard is None or self.stale or self.left_aside:
            return None
        target = self.basis.targets.get(heard.collection)
        if target is None or heard.together or needs_fetching(heard, target):
            return None
        event = replace(heard, schema_version=target.version)
        draft = self._drafting.draft(self.basis, [event], Search(1), self._size([event]))
        if draft.chosen.rejections or event.id in self.lately:
            return None
        transaction = replace(draft.transaction, heard=f"{event.id} {target.version}")
        return Work([event], (), more=False, draft=replace(draft, transaction=transaction))

    def draft(self, page: Page) -> Draft:
        """The transaction for the first events of a page.

        Raises:
            TroubleError: if rules were edited so that the worker can't write a collection, or a file can't be read now.
        """
        events = [
            self._fetched(event) if needs_fetching(event, self.basis.targets.get(event.collection)) else event
            for event in page.events
        ]
        return self._drafting.draft(self.basis, events, page.search, self._size(events))

    def _fetched(self, event: Pending) -> Pending:
        """The event with what is known of its files. Its storage may be away for a moment.

        Raises:
            TroubleError: if a file can't be read now.
        """
        found = self._gateway.fetched(event, self.basis.targets.get(event.collection))
        if found.fetched is not None and found.fetched.unread:
            if self._unread[0] != event.id:
                self._unread = event.id, self._timer()
            if self._timer() - self._unread[1] < UNREAD_FOR:
                raise TroubleError(why=found.fetched.unread)
        return found

    def read_targets(self) -> None:
        """Read the schemas of the attached collections."""
        targets = self._gateway.targets()
        if any(targets.get(name) != target for name, target in self._seen.items()):
            self._edited_at = self._timer()
        self._seen = targets
        self.basis = replace(self.basis, targets=targets)

    def is_edited(self, collection: str) -> bool:
        """Whether a collection was edited since its schema was read, or just before; it is read again.

        PocketBase notices an edit a moment after it has committed it, and fails without a reason meanwhile.
        """
        known = self.basis.targets[collection]
        self.read_targets()
        is_settling = self._timer() - self._edited_at < SETTLES_WITHIN
        return is_settling or self.basis.targets.get(collection) != known

    def _size(self, events: Sequence[Pending]) -> BatchSize:
        return self.sizes.of(len(events), stamping=self.basis.stamping)

    def ahead(self, running: Transaction) -> Ahead:
        """A snapshot of what is known once this transaction is committed, to make the next page ready from."""
        events = len(running.recorded) + len(running.rejections)
        sizes = self.sizes.learn(lambda size: size.beside(events), stamped=running.stamped)
        basis = self.basis.after(running)
        return Ahead(self._gateway, self._drafting, basis, sizes, self.left_aside, self.patience.slow)

    def committed(self, sent: Sent) -> None:
        """Note that a transaction is in the database, and how long it took."""
        chosen, transaction = sent.draft.chosen, sent.draft.transaction
        self.basis = self.basis.after(transaction)
        self.committed_at, self._latest = self._timer(), transaction.after.seq
        self.lately.extend(event.id for event in transaction.recorded)
        away = min(self._answer_times, default=0.0)
        self.sizes = self.sizes.learn(
            lambda size: size.after(len(chosen), sent.seconds, away), stamped=transaction.stamped
        )
        self.patience = self.patience.after_commit(sent.draft.collections, sent.seconds)
