"""What an answer says about the events of a page: which one is to blame, and what its author will read. Pure."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Self

from pocketbase_events.core.events import Pending
from pocketbase_events.core.groups import groups_of, rejected_together
from pocketbase_events.core.modifiers import field_of
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
UNFIT_ROW = (
    " The event does not set {fields}: the row no longer fits its collection. Append an update with a value that fits"
    " for each field named here and this event as one group, or ask the operator to relax the field."
)
TOO_MANY = "The group needs more requests than PocketBase's batch API takes (Batch max requests). Append fewer at once."
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
        search = self.search.after_commit(count).refusing(draft.chosen.cut)
        return replace(self, events=self.events[count:], search=search, aside=aside)

    def too_large(self, error: BatchTooLargeError, draft: Draft) -> Self:
        """Try half of what PocketBase found too large.

        Raises:
            BatchTooLargeError: if it was one event, and its data are not the reason.
        """
        if draft.chosen.units == 1 and draft.transaction.writes and error.in_bytes:
            return self._searching(self.search.event_refused(self._together(draft.first.id, TOO_LARGE)))
        if draft.chosen.units == 1 and len(draft.chosen) > 1:
            return self._searching(self.search.event_refused(self._together(draft.first.id, TOO_MANY)))
        return self._searching(self.search.too_large(error.half(len(draft.chosen))))

    def row_refused(self, refused: RowRefused, draft: Draft) -> Self:
        """Blame the event whose row PocketBase refused, or find it among those whose writes were merged.

        A server error must come again, with the event alone.
        """
        write, why = refused.write, (refused.why or NO_REASON) + _advice(refused)
        if len(write.events) > 1 and not write.group:
            return self._searching(self.search.one_by_one(write.events[-1]))
        # The row got the value of the last event that sets a field.
        place = next((each for each in reversed(write.events) if _sets(draft, each, refused.fields)), write.events[0])
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._doubted(place, why, draft)
        event = draft.chosen.events[place].id
        return self._searching(self.search.row_refused(self._together(event, why), place))

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
            return self._searching(self.search.event_refused(self._together(refused.id, why)))
        return self._doubted(ids.index(refused.id), why, draft)

    def failed(self, error: OutcomeUnknownError, seconds: float, draft: Draft) -> Self:
        """Narrow down or blame an event after a transaction failed in `seconds`, and PocketBase named no request.

        PocketBase must have shown that it takes a transaction without this event, if there was only one.
        """
        if draft.chosen.units > 1:
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
        """Go on without an event that can be neither recorded nor rejected, and without its group, which stays whole.

        Seen if its data came in under an older PocketBase and is not JSON to the present one, or if a hook objects.
        """
        aside = {refused.id: refused.why, **{each.id: refused.why for each in self._members(refused.id)}}
        rest = replace(self, events=[event for event in self.events if event.id not in aside])
        if refused.certain:
            return replace(rest, aside={**self.aside, **aside})
        self.expect_marked()
        return replace(rest, search=self.search.not_marked(aside))

    def _doubted(self, place: int, why: str, draft: Draft, enough: int = ENOUGH) -> Self:
        """Blame the event at this place of the transaction once it has failed alone often enough."""
        if draft.chosen.units > 1:
            return self._searching(self.search.isolated(place))
        search = self.search.failed_alone(why)
        if search.attempts >= enough:
            search = search.event_refused(self._together(draft.chosen.events[place].id, why))
        return self._searching(search)

    def _together(self, event: str, why: str) -> Mapping[str, str]:
        """The sentences that reject an event, by its record's id, and the others of its group."""
        return rejected_together(self._members(event), {event: why})

    def _members(self, event: str) -> Sequence[Pending]:
        """The events of the group that an event belongs to, by its record's id."""
        return next(members for members in groups_of(self.events) if any(each.id == event for each in members))

    def _searching(self, search: Search) -> Self:
        return replace(self, search=search)


def _advice(refused: RowRefused) -> str:
    """What to do about a row that was invalid before: PocketBase validates all fields of a row at each update."""
    untouched = refused.fields - {field_of(key) for key in refused.write.fields}
    if refused.write.inserts or not refused.is_explained or not untouched or untouched != refused.fields:
        return ""
    return UNFIT_ROW.format(fields=", ".join(sorted(untouched)))


def _sets(draft: Draft, place: int, fields: Container[str]) -> bool:
    """Whether the event at this place of the transaction sets one of the fields."""
    change = draft.chosen.changes[place]
    return change is not None and any(field_of(key) in fields for key in change.fields)
