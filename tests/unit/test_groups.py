"""Which events are a group, and that none is cut. Pure: no PocketBase here."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import Pending
from pocketbase_events.core.groups import first_groups, groups_of, without_last_group
from pocketbase_events.core.schema import ROW_CREATE_RULE, FieldDefinition, Target, row_update_rule
from pocketbase_events.core.transaction import select

ITEMS = Target(
    collection="items",
    version="1",
    fields=(FieldDefinition(name="title", type="text"), FieldDefinition(name="deleted", type="bool")),
    row_create_rule=ROW_CREATE_RULE,
    row_update_rule=row_update_rule(versioned=False),
)


def event(number: int, together: str, actor: str = "", data: str = '{"title": "x"}') -> Pending:
    return Pending(
        f"e{number}", "update", "items", "i1", actor, data, damaged=False, schema_version="1", together=together
    )


def events(*groups: str) -> list[Pending]:
    return [event(number, together) for number, together in enumerate(groups)]


def shape(groups: Sequence[Sequence[Pending]]) -> list[list[str]]:
    return [[member.id for member in members] for members in groups]


pages = st.lists(
    st.builds(lambda together, actor: (together, actor), st.sampled_from(["", "a", "b"]), st.sampled_from("xy"))
)


def test_neighbours_with_the_same_text_and_actor_are_a_group() -> None:
    page = [event(0, ""), event(1, ""), event(2, "a"), event(3, "a"), event(4, "a", "ann"), event(5, ""), event(6, "a")]
    assert shape(list(groups_of(page))) == [["e0"], ["e1"], ["e2", "e3"], ["e4"], ["e5"], ["e6"]]


@given(pages, st.integers(1, 10))
def test_a_page_cuts_no_group(members: list[tuple[str, str]], most: int) -> None:
    all_events = [event(number, together, actor) for number, (together, actor) in enumerate(members)]
    page, rest = first_groups(all_events, most)
    assert [*page, *rest] == all_events
    groups = list(groups_of(all_events))
    assert shape([*groups_of(page), *groups_of(rest)]) == shape(groups)
    assert len(page) <= max(most, len(groups[0]) if groups else 0)
    assert bool(page) is bool(all_events)


@pytest.mark.parametrize(
    ("page", "whole"),
    [([], 0), (["", ""], 2), (["", "a"], 1), (["a", "a", "b", "b"], 2), (["a", "a"], 2), (["a", ""], 2)],
)
def test_a_group_at_the_end_of_a_look_waits_for_the_next_one(page: list[str], whole: int) -> None:
    assert len(without_last_group(events(*page))) == whole


def test_one_bad_event_rejects_its_group_and_nothing_else() -> None:
    page = [event(0, ""), event(1, "a"), event(2, "a", data='{"nothing": 1}'), event(3, "a"), event(4, "")]
    chosen = select(page, {}, {"items": ITEMS}, limit=9, most=9)
    assert [each.id for each in chosen.events] == ["e0", "e4"]
    why = {each.event.id: each.why for each in chosen.rejections}
    assert why["e2"].startswith('items has no field "nothing"')
    assert why["e1"] == why["e3"] == f"Rejected together with the event e2, which was rejected: {why['e2']}"


def test_more_than_a_hundred_events_are_no_group() -> None:
    page = events(*["a"] * 101, "")
    chosen = select(page, {}, {"items": ITEMS}, limit=400, most=400)
    assert [each.id for each in chosen.events] == ["e101"]
    assert len(chosen.rejections) == 101
    assert chosen.rejections[0].why.startswith("At most 100 events may be appended together; this group has 101.")


@pytest.mark.parametrize(("size", "largest", "now"), [(150, 400, 150), (450, 400, 349), (1000, 400, 400), (60, 24, 24)])
def test_the_rest_of_a_group_that_is_rejected_in_parts_is_never_small_enough_to_be_recorded(
    size: int, largest: int, now: int
) -> None:
    bad = {f"e{number}": "No." for number in range(size)}
    chosen = select(events(*["a"] * size), bad, {"items": ITEMS}, limit=400, most=400, largest=largest)
    assert len(chosen.rejections) == now
    assert len(chosen.cut) == size - now
    assert not chosen.events


def test_a_group_is_taken_whole_however_small_the_limit() -> None:
    chosen = select(events("a", "a", "a", ""), {}, {"items": ITEMS}, limit=1, most=1)
    assert [each.id for each in chosen.events] == ["e0", "e1", "e2"]
