"""Finding which event of a page PocketBase refuses, one transaction after the other. Pure.

Most refusals name a row. Then one bad event costs one more transaction; if there are several, the next transaction
ends before the bad one that was found last, so that a flood of them costs little more than looking at each.

Some failures name nothing: a time-out, a proxy's refusal, no answer. Then the events that were in the transaction are
suspects, and fewer of them are sent at once until one fails alone. If that keeps failing while PocketBase takes
transactions without it, it is to blame.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

FEWER = 16  # times fewer events are sent at once after a failure that names none, since each may take seconds
ENOUGH = 3  # times that an event must fail alone
ENOUGH_SLOW = 2  # the same if PocketBase's time-out ended it, which takes seconds
ENOUGH_UNANSWERED = 8  # the same if there was no answer, for which a bad network may be to blame


@dataclass(frozen=True, slots=True)
class Search:
    """How to build the next transaction of a page, by what was refused so far."""

    limit: int  # events to record in it at most
    merging: bool = True  # whether writes to one row may become one
    refused: Mapping[str, str] = field(default_factory=dict)  # the sentence for each refused event, by its record's id
    rows_refused: int = 0
    suspects: int = 0  # events at the beginning of the page, one of which may be to blame
    attempts: int = 0  # times that the first of them failed alone
    doubt: str = ""  # why it did
    unmarked: Mapping[str, str] = field(default_factory=dict)  # why events could not even be rejected, by id

    @property
    def most(self) -> int | None:
        """Events to record or reject in the next transaction at most; None: as many as it may hold."""
        return self.limit if self.suspects else None

    def after_commit(self, events: int) -> Self:
        """Go on with the rest of the page after a transaction of so many events is in the database."""
        suspects = max(0, self.suspects - events)
        limit = self.limit if suspects else 2 * self.limit
        return replace(self, limit=limit, merging=True, suspects=suspects, attempts=0, doubt="", unmarked={})

    def too_large(self, limit: int) -> Self:
        """Try fewer events."""
        return replace(self, limit=limit)

    def one_by_one(self, last: int) -> Self:
        """Find which of several merged events is to blame, the last of them being at this place of the page."""
        return replace(self, limit=last + 1, merging=False)

    def row_refused(self, why: Mapping[str, str], place: int) -> Self:
        """Reject the event at this place of the page, and its group, with these sentences by record id."""
        is_first = self.rows_refused == 0 and self.merging
        return replace(
            self,
            refused={**self.refused, **why},
            limit=self.limit if is_first else max(1, place),
            rows_refused=self.rows_refused + 1,
        )

    def event_refused(self, why: Mapping[str, str]) -> Self:
        """Reject an event, and its group, instead of recording it, with these sentences by record id."""
        return replace(self, refused={**self.refused, **why}, attempts=0, doubt="")

    def refusing(self, why: Mapping[str, str]) -> Self:
        """Reject the rest of a group that was too large to be rejected at once."""
        return replace(self, refused={**self.refused, **why}) if why else self

    def not_marked(self, why: Mapping[str, str]) -> Self:
        """Go on without an event that can be neither recorded nor rejected, until another one shows that it is alone.

        `why` has the reason for it and the others of its group, by record id; `unmarked` has one such group at most.
        """
        return replace(self, unmarked=why)

    def narrowed(self, events: int) -> Self:
        """Send fewer at once after a transaction of so many events failed, and none was named."""
        return replace(self, limit=max(1, events // FEWER), suspects=events)

    def isolated(self, place: int) -> Self:
        """Send the event at this place alone: the ones before it first, if there are any."""
        return replace(self, limit=max(1, place), suspects=place + 1)

    def failed_alone(self, why: str) -> Self:
        """Note that the first event failed alone, and why."""
        return replace(self, attempts=self.attempts + 1, doubt=why)
