"""Which events take other events back, and which would lose a later change. Pure: no PocketBase here."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.undo import ABSENT, Conflict, State, Step, after, revert, undo

CREATE: tuple[str, Any] = ("create", {"title": "a", "qty": 1})


def history(*events: tuple[str, Any]) -> list[Recorded]:
    return [
        Recorded(f"r{seq}", seq, "", "", type_, "notes", "n1", data, "", "")  # type: ignore[arg-type]
        for seq, (type_, data) in enumerate(events, 1)
    ]


def state_after(events: Sequence[Recorded]) -> State:
    state = ABSENT
    for event in events:
        state = after(state, event)
    return state


def appended(events: Sequence[Recorded], steps: Sequence[Step]) -> list[Recorded]:
    return history(*((event.type, event.data) for event in events), *((step.type, step.data) for step in steps))


def told(steps: Sequence[Step]) -> list[tuple[str, Any]]:
    return [(step.type, step.data) for step in steps]


@pytest.mark.parametrize(
    ("events", "seqs", "steps"),
    [
        ([CREATE], {1}, [("delete", None)]),
        ([CREATE, ("delete", None)], {2}, [("update", {"deleted": False})]),
        ([CREATE, ("delete", None), ("update", {"deleted": False})], {3}, [("delete", None)]),
        ([CREATE, ("update", {"title": "b"})], {2}, [("update", {"title": "a"})]),
        ([CREATE, ("update", {"note": "b"})], {2}, [("update", {"note": None})]),
        ([CREATE, ("update", {"qty+": 2})], {2}, [("update", {"qty-": 2})]),
        ([CREATE, ("update", {"qty-": 2}), ("update", {"qty+": 7})], {2}, [("update", {"qty+": 2})]),
        ([CREATE, ("update", {"tags+": "x"})], {2}, [("update", {"tags": None})]),
        ([CREATE, ("update", {"title": "b"}), ("update", {"title": "c"})], {2, 3}, [("update", {"title": "a"})]),
        ([CREATE, ("update", {"title": "b"}), ("update", {"note": "c"})], {2}, [("update", {"title": "a"})]),
        (
            [CREATE, ("update", {"title": "b"}), ("delete", None)],
            {2, 3},
            [("update", {"deleted": False}), ("update", {"title": "a"})],
        ),
        ([CREATE, ("delete", None)], {1, 2}, []),
        (
            [CREATE, ("delete", None), ("update", {"deleted": False}), ("update", {"title": "b"}), ("delete", None)],
            {3, 4, 5},
            [("update", {"deleted": False}), ("update", {"title": "a"}), ("delete", None)],
        ),
    ],
)
def test_an_event_is_taken_back_by_its_opposite(
    events: list[tuple[str, Any]], seqs: set[int], steps: list[tuple[str, Any]]
) -> None:
    plan = undo(history(*events), seqs, force=False)
    assert told(plan.steps) == steps
    assert plan.conflicts == []


@pytest.mark.parametrize(
    ("events", "seqs", "conflict", "forced"),
    [
        ([CREATE, ("update", {"title": "b"})], {1}, Conflict(1, "deleted", 2), [("delete", None)]),
        (
            [CREATE, ("update", {"title": "b"}), ("update", {"title": "c"})],
            {2},
            Conflict(2, "title", 3),
            [("update", {"title": "a"})],
        ),
        (
            [CREATE, ("update", {"qty+": 2}), ("update", {"qty": 9})],
            {2},
            Conflict(2, "qty", 3),
            [("update", {"qty-": 2})],
        ),
        (
            [CREATE, ("update", {"qty": 9}), ("update", {"qty+": 2})],
            {2},
            Conflict(2, "qty", 3),
            [("update", {"qty": 1})],
        ),
        (
            [CREATE, ("update", {"title": "b"}), ("delete", None)],
            {2},
            Conflict(2, "title", 3),
            [("update", {"deleted": False}), ("update", {"title": "a"}), ("delete", None)],
        ),
        ([CREATE, ("delete", None), ("update", {"deleted": False})], {2}, Conflict(2, "deleted", 3), []),
        (
            [CREATE, ("update", {"title": "b"}), ("delete", None), ("update", {"deleted": False}), ("delete", None)],
            {2, 4, 5},
            Conflict(2, "title", 3),
            [("update", {"deleted": False}), ("update", {"title": "a"}), ("delete", None)],
        ),
    ],
)
def test_what_was_changed_again_since_is_a_conflict_and_left_out_unless_forced(
    events: list[tuple[str, Any]], seqs: set[int], conflict: Conflict, forced: list[tuple[str, Any]]
) -> None:
    plan = undo(history(*events), seqs, force=False)
    assert (plan.steps, plan.conflicts) == ([], [conflict])
    plan = undo(history(*events), seqs, force=True)
    assert (told(plan.steps), plan.conflicts) == (forced, [conflict])


def test_a_step_tells_what_it_changes() -> None:
    plan = undo(history(CREATE, ("update", {"qty+": 2})), {2}, force=False)
    assert plan.steps == [Step("update", "notes", "n1", {"qty-": 2}, "qty", 3, 1)]


updates = st.one_of(
    st.builds(lambda value: {"title": value}, st.sampled_from(["a", "b", None])),
    st.builds(lambda value: {"qty": value}, st.integers(0, 9)),
    st.builds(lambda sign, value: {f"qty{sign}": value}, st.sampled_from("+-"), st.integers(0, 9) | st.floats(0, 1)),
    st.builds(lambda value: {"tags+": value}, st.sampled_from("xyz")),
    st.builds(lambda value: {"tags-": value}, st.sampled_from("xyz")),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Recorded]:
    """A create, and events that a worker would record after it."""
    events: list[tuple[str, Any]] = [("create", {"title": "a", "qty": 1})]
    deleted = False
    for data in draw(st.lists(updates | st.just("delete or restore"), max_size=8)):
        if data == "delete or restore":
            events.append(("update", {"deleted": False}) if deleted else ("delete", None))
            deleted = not deleted
        elif not deleted:
            events.append(("update", data))
    return history(*events)


def shown(state: State) -> dict[str, Any]:
    """Fields with values: null and an empty list are one to PocketBase, and so are null and 0."""
    return {"deleted": state.deleted, **{name: value for name, value in state.fields.items() if value}}


@given(histories(), st.integers(1, 9))
def test_taking_back_everything_since_a_seq_gives_the_item_of_that_moment(events: list[Recorded], to: int) -> None:
    plan = undo(events, {event.seq for event in events if event.seq > to}, force=False)
    assert plan.conflicts == []
    assert shown(state_after(appended(events, plan.steps))) == shown(state_after(events[:to]))


@given(histories(), st.integers(1, 9))
def test_undo_of_undo_is_nothing(events: list[Recorded], to: int) -> None:
    plan = undo(events, {event.seq for event in events if event.seq > to}, force=False)
    undone = appended(events, plan.steps)
    again = undo(undone, {event.seq for event in undone[len(events) :]}, force=False)
    assert again.conflicts == []
    assert shown(state_after(appended(undone, again.steps))) == shown(state_after(events))


@given(histories(), st.integers(0, 9))
def test_reverting_gives_the_item_of_that_moment(events: list[Recorded], to: int) -> None:
    then = state_after(events[:to])
    steps = revert(events[0], state_after(events), then)
    after_all = state_after(appended(events, steps))
    assert shown(after_all) == shown(then) if then.exists else after_all.deleted


@given(histories(), st.sets(st.integers(1, 9)), st.booleans())
def test_whatever_is_undone_the_events_can_be_recorded(events: list[Recorded], seqs: set[int], force: bool) -> None:
    deleted = state_after(events).deleted
    for step in undo(events, seqs, force=force).steps:
        restores = step.type == "update" and step.field == "deleted"
        assert deleted is restores
        deleted = step.type == "delete"
