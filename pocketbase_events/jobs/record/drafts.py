"""Making transactions ready, for the page at hand or ahead of time, from a snapshot of what is known of the log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pocketbase_events.core.events import Head, Pending, timestamp_of
from pocketbase_events.core.schema import Target
from pocketbase_events.core.transaction import Group, Transaction, build, group
from pocketbase_events.jobs.record.refusals import Search


@dataclass(frozen=True, slots=True)
class Basis:
    """What a transaction is built on: the head, the last event's timestamp, and the attached collections by name."""

    head: Head
    timestamp: str
    targets: Mapping[str, Target]

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
    """A transaction to be sent, and the group of events that it is about."""

    chosen: Group
    transaction: Transaction


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

    def draft(self, basis: Basis, page: Sequence[Pending], search: Search, most: int) -> Draft:
        """The transaction for the first events of the page, `most` at most.

        Raises:
            TroubleError: if rules were edited so that the worker can't write a collection.
        """
        chosen = group(page, search.refused, basis.targets, limit=search.limit, most=most)
        timestamp = max(timestamp_of(self.now()), basis.timestamp)
        transaction = build(chosen, basis.head, timestamp, self.new_id, basis.targets, merging=search.merging)
        return Draft(chosen, transaction)
