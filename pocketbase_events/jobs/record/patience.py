"""How long to wait for the answer to a transaction, learned by collection. Pure.

PocketBase ends a transaction after its batch time-out, 3 s unless a superuser has changed it, and only superusers may
read it. So a row that is not heard of within a little more is waited for twice as long the next time, alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

USUAL = 3.5  # seconds
LONGEST = 60.0  # seconds
CALM = 16  # fast transactions after which a collection counts as slow no longer


@dataclass(frozen=True, slots=True)
class Wait:
    """How many seconds to wait for rows of a slow collection, and how many fast transactions it had since."""

    seconds: float
    fast: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """The collections that were found to be slow; rows of others are waited for as long as usual."""

    waits: Mapping[str, Wait] = field(default_factory=dict)

    @property
    def slow(self) -> frozenset[str]:
        """The slow collections, whose rows are better written alone."""
        return frozenset(self.waits)

    def within(self, collections: Iterable[str]) -> float:
        """Seconds to wait for rows of these collections."""
        return max((self.waits[name].seconds for name in collections if name in self.waits), default=USUAL)

    def after_commit(self, collections: Iterable[str], seconds: float) -> Self:
        """Learn from a transaction with rows of these collections that took so long."""
        waits = dict(self.waits)
        for name in self.slow.intersection(collections):
            before = waits.pop(name)
            if 2 * seconds > USUAL:
                waits[name] = Wait(2 * seconds)
            elif before.fast + 1 < CALM:
                waits[name] = replace(before, fast=before.fast + 1)
        return replace(self, waits=waits)

    def after_failure(self, collections: Iterable[str], within: float, *, answered: bool) -> Self:
        """Wait twice as long for rows of these collections, if there was no answer within so many seconds."""
        wait = Wait(within if answered else min(LONGEST, 2 * within))
        return replace(self, waits={**self.waits, **dict.fromkeys(collections, wait)})
