"""How many events to record in one transaction, learned from how long the earlier ones took. Pure.

Every other writer waits for a transaction while PocketBase works on it. How long the worker waits for the answer tells
little about that: PocketBase may be far away, or busy with somebody else's transaction first. What an event costs shows
in how much longer larger transactions take than smaller ones. So a smaller one is sent now and then.

Where somebody else's transactions take longer than ours should, ours may take as long as theirs: a fair share.

Transactions that are stamped (many events recorded at once) cost less for each event, and have a size of their own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from pocketbase_events.core.batch import MAX_EVENTS
from pocketbase_events.core.transaction import STAMPED_FROM

FIRST = 50  # events in the first transaction
MAX = MAX_EVENTS
TRANSACTION_TIME = 0.07  # seconds that PocketBase should work on a transaction
FAR_TIME = 0.1  # seconds that it may work on one if it is far away
LONGEST_TIME = 0.4  # seconds that it may work on one while others keep it busy
REMEMBERED = 16  # transactions
SAMPLE_EVERY = 8  # transactions, of which one is so much smaller:
SAMPLE = 4  # times
GROWTH, SHRINKING = 1.5, 0.7  # of the size from one transaction to the next at most


@dataclass(frozen=True, slots=True)
class BatchSize:
    """How many events a transaction may hold, at least and at most; `most` is what PocketBase was found to take."""

    events: int = FIRST
    least: int = 1
    most: int = MAX
    taken: Sequence[tuple[int, float]] = ()  # events and seconds of the latest transactions

    @property
    def next(self) -> int:
        """How many events the next transaction may hold: usually `events`, as a sample fewer, or else some more."""
        latest = self.taken[1 - SAMPLE_EVERY :]
        is_due = len(latest) == SAMPLE_EVERY - 1 or (self.taken and cost(self.taken) is None)
        smaller, larger = self.events // SAMPLE, math.ceil(self.events * SAMPLE / (SAMPLE - 1))
        sample = smaller if smaller >= self.least else min(self.most, larger)
        has_sample = any(events <= self.events // 2 or self.events < events <= sample for events, _ in latest)
        return sample if is_due and not has_sample else self.events

    def beside(self, events: int) -> Self:
        """The size for the transaction after that, while one of so many events is under way."""
        return replace(self, taken=[*self.taken, (events, 0.0)])

    def after(self, events: int, seconds: float, away: float = 0.0) -> Self:
        """The size after a transaction of so many events took so long.

        Args:
            events: recorded or rejected in it.
            seconds: from sending it to the answer.
            away: seconds that any answer of PocketBase's takes.
        """
        learned = replace(self, taken=[*self.taken, (events, seconds)][-REMEMBERED:])
        an_event = cost(learned.taken)
        if an_event is None:
            return learned
        time = _time(wait(learned.taken, an_event), away)
        if events < self.next and an_event * events <= time:
            return learned  # the line was short
        factor = time / max(an_event * self.events, 1e-6)
        size = self.events * min(GROWTH, max(SHRINKING, factor))
        # Rounded away from the present size, or one event would stay one for ever.
        return replace(learned, events=max(self.least, min(self.most, math.ceil(size) if factor > 1 else int(size))))

    def after_trouble(self) -> Self:
        """The size after PocketBase was in trouble: half of it."""
        return replace(self, events=max(self.least, self.events // 2))

    def rarer(self) -> Self:
        """The size if PocketBase takes only so many transactions a second: twice as large."""
        return replace(self, events=min(self.most, 2 * self.events))

    def limited(self, events: int) -> Self:
        """The size if PocketBase takes no more than so many events at once."""
        return replace(self, events=max(self.least, events), most=events)

    def unlimited(self) -> Self:
        """The size if PocketBase's limits may have changed."""
        return replace(self, most=MAX)


def cost(taken: Sequence[tuple[int, float]]) -> float | None:
    """Seconds that PocketBase works on an event, by these transactions of so many events and seconds.

    Rather too little than too much if they vary. None if all of them had much the same size.
    """
    apart = max(1, max((events for events, _ in taken), default=0) // SAMPLE)
    slopes = sorted((slow - fast) / (many - few) for few, fast in taken for many, slow in taken if many - few >= apart)
    return slopes[len(slopes) // 4] if slopes else None


def wait(taken: Sequence[tuple[int, float]], an_event: float) -> float:
    """Seconds that most of these transactions took at least beside the work on their events."""
    return sorted(seconds - events * an_event for events, seconds in taken)[len(taken) // 4]


def _time(waited: float, away: float) -> float:
    """Seconds that PocketBase may work on a transaction, by how long we wait for it beside, and for any answer."""
    return max(TRANSACTION_TIME, min(FAR_TIME, waited), min(LONGEST_TIME, waited - away))


FIRST_SIZE = BatchSize()


@dataclass(frozen=True, slots=True)
class Sizes:
    """The size of transactions in which each event is updated alone, and that of stamped ones."""

    alone: BatchSize = FIRST_SIZE
    stamped: BatchSize = BatchSize(events=2 * STAMPED_FROM, least=STAMPED_FROM)

    def of(self, pending: int, *, stamping: bool) -> BatchSize:
        """The size of the next transaction while so many events are known to be pending."""
        is_stamped = stamping and pending >= STAMPED_FROM and self.stamped.most >= STAMPED_FROM
        return self.stamped if is_stamped else self.alone

    def change(self, change: Callable[[BatchSize], BatchSize]) -> Self:
        """Both, changed in the same way."""
        return replace(self, alone=change(self.alone), stamped=change(self.stamped))

    def learn(self, change: Callable[[BatchSize], BatchSize], *, stamped: bool) -> Self:
        """The one that a transaction had, changed by what it has shown."""
        return replace(self, stamped=change(self.stamped)) if stamped else replace(self, alone=change(self.alone))
