"""Which events that take something back share a group."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.undo import Step
from pocketbase_events.jobs.append import NewEvent
from pocketbase_events.jobs.take_back import Proposal, carry_out


def item(number: int, count: int) -> list[Step]:
    return [Step("update", "notes", f"n{number}", {"qty": place}, "qty", 0, place) for place in range(count)]


def appended(items: list[list[Step]]) -> list[list[NewEvent]]:
    groups: list[list[NewEvent]] = []

    def append_group(events: Any) -> list[Recorded]:
        groups.append(list(events))
        return []

    list(carry_out(Proposal(items, "why", "one name", [], forced=False, left_out=[], head=1), append_group))
    return groups


@given(st.lists(st.integers(1, 130), max_size=12))
def test_every_event_is_in_one_group_in_order_and_an_item_in_one_if_it_has_room(counts: list[int]) -> None:
    items = [item(number, count) for number, count in enumerate(counts)]
    groups = appended(items)
    assert [(event.item_id, event.data) for group in groups for event in group] == [
        (step.item_id, step.data) for steps in items for step in steps
    ]
    assert all(1 <= len(group) <= 100 for group in groups)
    for number, count in enumerate(counts):
        parts = sum(any(event.item_id == f"n{number}" for event in group) for group in groups)
        assert parts == (1 if count <= 100 else 2)
    assert {(event.reason, event.together) for group in groups for event in group} <= {("why", "one name")}
