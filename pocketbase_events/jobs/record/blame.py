"""What an answer says about the events of a page: which one is to blame, and what its author will read. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Self

from pocketbase_events.core.events import Pending
from pocketbase_events.core.transaction import EventRefused, RowRefused
from pocketbase_events.errors import BatchTooLargeError, OutcomeUnknownError, TroubleError
from pocketbase_events.jobs.record.drafts import Draft
from pocketbase_events.jobs.record.refusals import ENOUGH, ENOUGH_SLOW, ENOUGH_UNANSWERED, Search

SLOW = 0.9  # seconds; PocketBase's batch time-out is at least 1, and what fails sooner was not ended by it
NO_REASON = (
    "PocketBase refused the row and gave no reason: a hook, a trigger or an index over an expression may forbid"
    " it. Ask the operator, then have the event retried."
)
TOO_LARGE = (
    "data is larger than PocketBase's batch API takes (Batch max body size), or a proxy before it. Make it smaller."
)
TOO_SLOW = (
    "PocketBase gave up after {seconds:.0f} s: the row takes longer than its batch time-out allows. A hook may be slow."
    " Ask the operator, then have the event retried."
)
NO_ANSWER = (
    "PocketBase gave no answer within {seconds:.1f} s to any attempt to write the row, although it answered in between."
    " Ask the operator, then have the event retried."
)
REFUSED_AS_A_WHOLE = "PocketBase can't be given this event: {why} Ask the operator, then have the event retried."


@dataclass(frozen=True, slots=True)
class Page:
    """The events of a page that are still to be recorded or rejected, and what was found out about them.

    `aside` has those that can be neither recorded nor rejected, by their record's id, with the reason.
    """

    events: Sequence[Pending]
    search: Search
    aside: Mapping[str, str] = field(default_factory=dict)

    def committed(self, draft: Draft) -> Self:
        """The rest of the page once a transaction is in the database."""
        count = len(draft.chosen)
        aside = {**self.aside, **self.search.unmarked}
        return replace(self, events=self.events[count:], search=self.search.after_commit(count), aside=aside)

    def too_large(self, error: BatchTooLargeError, draft: Draft) -> Self:
        """Try half of what PocketBase found too large.

        Raises:
            BatchTooLargeError: if it was one event, and its data are not the reason.
        """
        if len(draft.chosen) == 1 and draft.transaction.writes and error.in_bytes:
            return self._searching(self.search.event_refused(draft.first.id, TOO_LARGE))
        return self._searching(self.search.too_large(error.half(len(draft.chosen))))

    def row_refused(self, refused: RowRefused, draft: Draft) -> Self:
        """Blame the event whose row PocketBase refused, or find it among those whose writes were merged.

        A server error must come again, with the event alone.
        """
        events = refused.write.events
        if len(events) > 1:
            return self._searching(self.search.one_by_one(events[-1]))
        why = refused.why or NO_REASON
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._doubted(events[0], why, draft)
        return self._searching(self.search.row_refused(draft.chosen.events[events[0]].id, events[0], why))

    def event_refused(self, refused: EventRefused, draft: Draft) -> Self:
        """Blame the event that PocketBase lets nobody record, or leave it aside if it lets nobody reject it either.

        Raises:
            TroubleError: if it is not the only one.
        """
        ids = [event.id for event in draft.chosen.events]
        if refused.id not in ids:
            return self._not_rejected(refused)
        why = f"PocketBase refused the event: {refused.why}"
        if refused.certain:
            return self._searching(self.search.event_refused(refused.id, why))
        return self._doubted(ids.index(refused.id), why, draft)

    def failed(self, error: OutcomeUnknownError, seconds: float, draft: Draft) -> Self:
        """Narrow down or blame an event after a transaction failed in `seconds`, and PocketBase named no request.

        PocketBase must have shown that it takes a transaction without this event, if there was only one.
        """
        if len(draft.chosen) > 1:
            return self._searching(self.search.narrowed(len(draft.chosen)))
        if not draft.chosen.events:
            return self._not_rejected(EventRefused(draft.first.id, str(error)))
        if not error.answered:
            return self._doubted(0, NO_ANSWER.format(seconds=seconds), draft, ENOUGH_UNANSWERED)
        if error.failed_as_a_whole:
            return self._doubted(0, TOO_SLOW.format(seconds=seconds), draft, ENOUGH_SLOW)
        return self._doubted(0, REFUSED_AS_A_WHOLE.format(why=error.why), draft)

    def expect_marked(self) -> None:
        """Make sure that there is no event that can't even be rejected, unless others can.

        Raises:
            TroubleError: if there is one, and no other event shows that it is the only one.
        """
        for event, why in self.search.unmarked.items():
            raise TroubleError(
                why=f"it lets nobody change the event {event}: {why} If rules of our collections were edited, run"
                " `pocketbase-events init`; if a hook is behind it, mend it, or delete the event as a superuser."
            )

    def _not_rejected(self, refused: EventRefused) -> Self:
        """Go on without an event that can be neither recorded nor rejected.

        Seen if its data came in under an older PocketBase and is not JSON to the present one, or if a hook objects.
        """
        rest = replace(self, events=[event for event in self.events if event.id != refused.id])
        if refused.certain:
            return replace(rest, aside={**self.aside, refused.id: refused.why})
        self.expect_marked()
        return replace(rest, search=self.search.not_marked(refused.id, refused.why))

    def _doubted(self, place: int, why: str, draft: Draft, enough: int = ENOUGH) -> Self:
        """Blame the event at this place of the transaction once it has failed alone often enough."""
        if len(draft.chosen) > 1:
            return self._searching(self.search.isolated(place))
        search = self.search.failed_alone(why)
        is_enough = search.attempts >= enough
        return self._searching(search.event_refused(draft.first.id, why) if is_enough else search)

    def _searching(self, search: Search) -> Self:
        return replace(self, search=search)
