"""What an answer says about the events of a page."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from pocketbase_events.core.events import EMPTY, Pending
from pocketbase_events.core.schema import ROW_CREATE_RULE, FieldDefinition, Target, row_update_rule
from pocketbase_events.core.transaction import EventRefused, RowRefused
from pocketbase_events.errors import BatchTooLargeError, OutcomeUnknownError, TroubleError
from pocketbase_events.jobs.record.batch_size import BatchSize
from pocketbase_events.jobs.record.blame import NO_REASON, TOO_LARGE, Page
from pocketbase_events.jobs.record.drafts import Basis, Draft, Drafting
from pocketbase_events.jobs.record.refusals import ENOUGH, ENOUGH_SLOW, ENOUGH_UNANSWERED, Search

ITEMS = Target(
    collection="items",
    version="1",
    fields=(FieldDefinition(name="title", type="text"),),
    row_create_rule=ROW_CREATE_RULE,
    row_update_rule=row_update_rule(versioned=False),
)
DRAFTING = Drafting(lambda: datetime(2026, 5, 1, tzinfo=UTC), uuid4)
NO_ANSWER = OutcomeUnknownError(why="ReadTimeout")
TIME_OUT = OutcomeUnknownError(why="Batch transaction failed.", answered=True, failed_as_a_whole=True)
FIREWALL = OutcomeUnknownError(why="status 403", answered=True)


def page(count: int) -> Page:
    data = json.dumps({"title": "x"})
    events = [Pending(f"e{n}", "create", "items", f"i{n:014d}", "", data, False, "1") for n in range(count)]
    return Page(events, Search(count))


def draft(of: Page) -> Draft:
    return DRAFTING.draft(Basis(EMPTY, "", {"items": ITEMS}), of.events, of.search, BatchSize(100))


def until_refused(start: Page, answer: Callable[[Page], Page]) -> tuple[int, str]:
    """How many answers of a kind it takes until the first event is refused, and the sentence then."""
    for count in range(1, 100):
        start = answer(start)
        if start.search.refused:
            return count, start.search.refused["e0"]
    raise AssertionError("nobody is to blame")


@pytest.mark.parametrize(
    ("error", "enough", "says"),
    [
        (NO_ANSWER, ENOUGH_UNANSWERED, "gave no answer"),
        (TIME_OUT, ENOUGH_SLOW, "batch time-out"),
        (FIREWALL, ENOUGH, "status 403"),
    ],
)
def test_an_event_that_fails_alone_is_to_blame_once_it_did_so_often_enough(
    error: OutcomeUnknownError, enough: int, says: str
) -> None:
    count, why = until_refused(page(1), lambda now: now.failed(error, 3.1, draft(now)))
    assert count == enough
    assert says in why


def test_a_server_error_for_a_row_must_come_again_with_the_event_alone() -> None:
    def answer(now: Page) -> Page:
        sent = draft(now)
        return now.row_refused(RowRefused(sent.transaction.writes[0], None, 500), sent)

    assert until_refused(page(1), answer) == (ENOUGH, NO_REASON)
    assert until_refused(page(9), answer) == (ENOUGH + 1, NO_REASON)


def test_a_refusal_with_another_status_is_believed_at_once() -> None:
    start = page(9)
    sent = draft(start)
    refused = start.row_refused(RowRefused(sent.transaction.writes[4], "not today", 403), sent)
    assert refused.search.refused == {"e4": "not today"}


def test_of_a_group_the_event_is_to_blame_that_set_the_refused_value() -> None:
    created, *_ = page(1).events
    updates = [replace(created, id=f"u{n}", type="update") for n in range(2)]
    start = Page([replace(each, together="save") for each in (created, *updates)], Search(3))
    sent = draft(start)
    [write] = sent.transaction.writes
    refused = start.row_refused(RowRefused(write, "title: too long", fields=frozenset({"title"})), sent)
    assert refused.search.refused["u1"] == "title: too long"
    assert {key: "u1" in why for key, why in refused.search.refused.items() if key != "u1"} == {"e0": True, "u0": True}


def test_many_events_that_fail_together_are_sent_in_smaller_parts() -> None:
    start = page(64)
    assert len(draft(start.failed(TIME_OUT, 3.1, draft(start))).chosen) == 4


def test_what_is_too_large_is_halved_and_one_event_that_is_too_large_is_refused() -> None:
    large = BatchTooLargeError(in_bytes=True)
    assert page(8).too_large(large, draft(page(8))).search.limit == 4
    assert page(1).too_large(large, draft(page(1))).search.refused == {"e0": TOO_LARGE}
    with pytest.raises(BatchTooLargeError):
        page(1).too_large(BatchTooLargeError(in_bytes=False), draft(page(1)))


def test_an_event_that_cannot_be_rejected_is_skipped_and_left_aside_when_another_one_passes() -> None:
    start = page(2)
    doubted = Page(start.events, start.search.event_refused({"e0": "hands off"}))
    skipped = doubted.event_refused(EventRefused("e0", "hands off", certain=False), draft(doubted))
    assert ([event.id for event in skipped.events], skipped.aside) == (["e1"], {})
    assert skipped.committed(draft(skipped)).aside == {"e0": "hands off"}


def test_a_group_is_left_aside_as_a_whole() -> None:
    start = page(4)
    events = [start.events[0], *(replace(each, together="save") for each in start.events[1:3]), start.events[3]]
    doubted = Page(events, start.search.event_refused({"e1": "hands off", "e2": "together with it"}))
    skipped = doubted.event_refused(EventRefused("e2", "hands off", certain=False), draft(doubted))
    assert [event.id for event in skipped.events] == ["e0", "e3"]
    assert skipped.committed(draft(skipped)).aside == {"e1": "hands off", "e2": "hands off"}


def test_if_no_event_can_be_changed_it_is_trouble() -> None:
    start = page(2)
    search = start.search.event_refused({"e0": "hands off"}).event_refused({"e1": "hands off"})
    doubted = Page(start.events, search)
    skipped = doubted.event_refused(EventRefused("e0", "hands off", certain=False), draft(doubted))
    with pytest.raises(TroubleError, match="e0"):
        skipped.event_refused(EventRefused("e1", "hands off", certain=False), draft(skipped))
    with pytest.raises(TroubleError, match="e0"):
        skipped.expect_marked()


def test_an_event_whose_own_content_is_the_reason_is_left_aside_at_once() -> None:
    start = page(1)
    doubted = Page(start.events, start.search.event_refused({"e0": "no JSON"}))
    aside = doubted.event_refused(EventRefused("e0", "data: no JSON"), draft(doubted))
    assert (aside.events, aside.aside) == ([], {"e0": "data: no JSON"})
