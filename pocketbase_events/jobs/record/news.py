"""What the worker tells of its transactions: one line a second, not one a transaction."""

from collections.abc import Callable
from dataclasses import dataclass

from pocketbase_events.core.transaction import Transaction
from pocketbase_events.logs import log

EVERY = 1.0  # seconds
REJECTIONS = 5  # told one by one in a second; the others are counted


@dataclass(slots=True)
class Tally:
    """How many events were recorded and rejected."""

    recorded: int = 0
    rejected: int = 0


class News:
    """Tells how many events were recorded, up to which seq, and which were rejected, and counts them.

    Args:
        timer: seconds, for durations.
    """

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._recorded = self._rejected = self._seq = 0  # not told yet
        self._told_rejections = 0  # since the latest telling
        self._next = timer()
        self.tally = Tally()

    @property
    def due_in(self) -> float | None:
        """Seconds until there is something to tell; None if there is nothing."""
        return max(0.0, self._next - self._timer()) if self._recorded or self._rejected else None

    def committed(self, transaction: Transaction) -> None:
        """Note what a transaction has recorded and rejected, and tell it if it is time."""
        self.tally.recorded += len(transaction.recorded)
        self.tally.rejected += len(transaction.rejections)
        self._recorded += len(transaction.recorded)
        self._seq = transaction.after.seq
        for rejection in transaction.rejections:
            if self._told_rejections < REJECTIONS:
                log.warning("rejected", id=rejection.event.id, why=rejection.why)
                self._told_rejections += 1
            else:
                self._rejected += 1
        if self._timer() >= self._next:
            self.tell()

    def tell(self) -> None:
        """Tell what was not told yet."""
        if self._recorded:
            log.info("recorded", events=self._recorded, seq=self._seq)
        if self._rejected:
            log.warning("rejected_more", events=self._rejected)
        if self._recorded or self._rejected or self._timer() >= self._next:
            self._told_rejections = 0
            self._next = self._timer() + EVERY
        self._recorded = self._rejected = 0
