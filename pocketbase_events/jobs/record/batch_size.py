"""How many events to record in one transaction, learned from how long the earlier ones took. Pure."""

import math
from dataclasses import dataclass, replace
from typing import Self

FIRST = 50  # events in the first transaction
MAX = 400  # events in a transaction
TRANSACTION_TIME = 0.07  # seconds that a transaction should take, since every other writer waits for it


@dataclass(frozen=True, slots=True)
class BatchSize:
    """How many events the next transaction may hold, and the most that PocketBase was found to take."""

    events: int = FIRST
    most: int = MAX

    def after(self, events: int, seconds: float) -> Self:
        """The size after a transaction of so many events took so long."""
        if events < self.events and seconds <= TRANSACTION_TIME:
            return self  # too few to tell how long a full one takes
        factor = min(1.25, max(0.5, TRANSACTION_TIME / max(seconds, 0.001)))
        size = self.events * factor
        # Rounded away from the present size, or one event would stay one for ever.
        return replace(self, events=max(1, min(self.most, math.ceil(size) if factor > 1 else int(size))))

    def after_trouble(self) -> Self:
        """The size after PocketBase was in trouble: half of it."""
        return replace(self, events=max(1, self.events // 2))

    def limited(self, events: int) -> Self:
        """The size if PocketBase takes no more than so many events at once."""
        return replace(self, events=events, most=events)

    def unlimited(self) -> Self:
        """The size if PocketBase's limits may have changed."""
        return replace(self, most=MAX)


FIRST_SIZE = BatchSize()
