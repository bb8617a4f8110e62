"""Finding which event of a page PocketBase refuses, one transaction after the other. Pure.

One bad event costs one more transaction. If there are several, the next transaction ends before the bad one that was
found last, so that a flood of them costs little more than looking at each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Search:
    """How to build the next transaction of a page, by what was refused so far.

    `limit` is how many events it may record, `merging` whether writes to one row may become one, `refused` the
    sentence for each event, by its record's id, that PocketBase refuses.
    """

    limit: int
    merging: bool = True
    refused: Mapping[str, str] = field(default_factory=dict)
    rows_refused: int = 0

    def after_commit(self) -> Self:
        """Go on with the rest of the page after a transaction is in the database."""
        return replace(self, limit=2 * self.limit, merging=True)

    def too_large(self, limit: int) -> Self:
        """Try fewer events."""
        return replace(self, limit=limit)

    def one_by_one(self, last: int) -> Self:
        """Find which of several merged events is to blame, the last of them being at this place of the page."""
        return replace(self, limit=last + 1, merging=False)

    def row_refused(self, event: str, place: int, why: str) -> Self:
        """Reject the event with this record id, which is at this place of the page."""
        is_first = self.rows_refused == 0 and self.merging
        return replace(
            self,
            refused={**self.refused, event: why},
            limit=self.limit if is_first else max(1, place),
            rows_refused=self.rows_refused + 1,
        )

    def event_refused(self, event: str, why: str) -> Self:
        """Reject the event with this record id instead of recording it."""
        return replace(self, refused={**self.refused, event: why})
