"""What a worker tells an observer, which must not keep it waiting."""

from collections.abc import Sequence

from pocketbase_events.core.events import Pending
from pocketbase_events.core.transaction import Transaction
from pocketbase_events.pb.records import Status


class Observer:
    """Hears of everything that a worker does, and does nothing unless a subclass does."""

    def looked(self, status: Status | None = None) -> None:
        """PocketBase has answered a look, with this status if the look was for it."""

    def committed(self, transaction: Transaction, events: Sequence[Pending], seconds: float) -> None:
        """A transaction that records these events was committed, so many seconds after it was sent."""

    def conflicted(self) -> None:
        """A transaction was not committed, since another worker was faster."""

    def stands_by(self, *, standby: bool) -> None:
        """The worker waits while another one records, or no longer does."""

    def trouble(self, why: str) -> None:
        """Something keeps the worker from recording; "": it is over."""

    def realtime(self, connected: bool, /) -> None:
        """The connection to PocketBase's realtime was made, or lost."""


UNOBSERVED = Observer()
