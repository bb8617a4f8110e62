"""Making transactions ready, for the page at hand or ahead of time, from a snapshot of what is known of the log."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pocketbase_events.core.events import Head, Pending, timestamp_of
from pocketbase_events.core.files import needs_fetching
from pocketbase_events.core.groups import first_groups, without_last_group
from pocketbase_events.core.schema import Target
from pocketbase_events.core.transaction import Selection, Transaction, build, select
from pocketbase_events.jobs.record.batch_size import BatchSize, Sizes
from pocketbase_events.jobs.record.refusals import Search
from pocketbase_events.pb.gateway import MOST_PENDING, Gateway


@dataclass(frozen=True, slots=True)
class Basis:
    """What a transaction is built on: the head, the last event's timestamp, and the attached collections by name.

    `stamping` says whether this PocketBase can record many events at once.
    """

    head: Head
    timestamp: str
    targets: Mapping[str, Target]
    stamping: bool = False

    def knows(self, page: Sequence[Pending]) -> bool:
        """Whether all events were appended under the schemas that we know."""
        return all(self._version(event.collection) == event.schema_version for event in page)

    def after(self, transaction: Transaction) -> "Basis":
        """The basis of the next transaction once this one is committed."""
        latest = transaction.recorded[-1].timestamp if transaction.recorded else self.timestamp
        return replace(self, head=transaction.after, timestamp=latest)

    def _version(self, collection: str) -> str:
        return self.targets[collection].version if collection in self.targets else ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction to send, and its events."""

    chosen: Selection
    transaction: Transaction

    @property
    def first(self) -> Pending:
        """The first event in it, to record or to reject."""
        return self.chosen.events[0] if self.chosen.events else self.chosen.rejections[0].event

    @property
    def collections(self) -> frozenset[str]:
        """The collections whose rows it writes."""
        return frozenset(write.collection for write in self.transaction.writes)


@dataclass(frozen=True, slots=True)
class Work:
    """Pending events: a page of them for one transaction, its draft if it is made already, and the rest.

    `more` says whether more may be pending than the latest look has shown.
    """

    page: Sequence[Pending]
    rest: Sequence[Pending]
    more: bool
    draft: Draft | None = None


@dataclass(frozen=True, slots=True)
class Drafting:
    """Makes drafts. The clock and the event ids are passed in."""

    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def draft(self, basis: Basis, page: Sequence[Pending], search: Search, size: BatchSize) -> Draft:
        """The transaction for the first events of the page, as many as `size` says unless the first group is larger.

        Raises:
            TroubleError: if rules were edited so that the worker can't write a collection.
        """
        most = size.next if search.most is None else min(size.next, search.most)
        chosen = select(page, search.refused, basis.targets, limit=search.limit, most=most, largest=size.most)
        timestamp = max(timestamp_of(self.now()), basis.timestamp)
        transaction = build(
            chosen, basis.head, timestamp, self.new_id, basis.targets, merging=search.merging, stamping=basis.stamping
        )
        return Draft(chosen, transaction)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What it takes to make a page ready in another thread while a transaction runs: a snapshot."""

    gateway: Gateway
    drafting: Drafting
    basis: Basis  # once the running transaction is committed
    sizes: Sizes
    left_aside: frozenset[str]  # records of events that PocketBase lets nobody change
    slow: frozenset[str]  # collections whose rows are written alone

    def prepare(self, work: Work, running: Transaction) -> Work | None:
        """The page to record after the transaction that is running and that leaves the rest of `work` pending.

        None if another look has to tell.
        """
        rest, more = work.rest, work.more
        if more and len(rest) < self._size(MOST_PENDING).next:
            found = self.gateway.pending()
            more = len(found) == MOST_PENDING
            taken = {event.id for event in running.recorded} | {each.event.id for each in running.rejections}
            rest = [event for event in found if event.id not in taken | self.left_aside]
        size = self._size(len(rest))
        coming = first_page(rest, size.next, self.slow, more=more)
        if not coming.page or not self.basis.knows(coming.page):
            return coming if coming.page else None
        if any(needs_fetching(event, self.basis.targets.get(event.collection)) for event in coming.page):
            return coming  # what is to be read may change until the running transaction is committed
        draft = self.drafting.draft(self.basis, coming.page, Search(len(coming.page)), size)
        return replace(coming, draft=draft)

    def _size(self, pending: int) -> BatchSize:
        return self.sizes.of(pending, stamping=self.basis.stamping)


def first_page(events: Sequence[Pending], size: int, slow: Container[str], *, more: bool) -> Work:
    """The first of the events as a page, which cuts no group.

    One about a slow collection is a page of its own, as is one with files, which take their time and room.
    """
    shown = without_last_group(events) if more else events
    alone = (place for place, event in enumerate(shown[:size]) if event.files or event.collection in slow)
    page, rest = first_groups(shown, min(size, max(1, next(alone, size))))
    return Work(page, rest, more)
