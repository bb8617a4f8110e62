"""Events that say the old name of a field are read as if they said the new one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.folding import EMPTY_ROW, ID, TARGET, event

from pocketbase_events.core.fold import Fold, difference
from pocketbase_events.core.renames import as_named_now, with_renamed
from pocketbase_events.core.schema import FieldDefinition, Rename, Target
from pocketbase_events.core.suggestions import renames_suggested

names = st.sampled_from("abcd")


def read(seq: int, data: Any, *renames: Rename) -> Any:
    return as_named_now(event(seq, "update", data), renames).data


@pytest.mark.parametrize(("key", "now"), [("old", "new"), ("old+", "new+"), ("+old", "+new"), ("old-", "new-")])
def test_what_events_up_to_then_say_of_the_old_name_is_said_of_the_new_one(key: str, now: str) -> None:
    rename = Rename("old", "new", 5)
    assert read(5, {key: 1, "other": 2}, rename) == {now: 1, "other": 2}
    assert read(6, {key: 1}, rename) == {key: 1}


@pytest.mark.parametrize("data", [None, {}, {"new": 1}, {"other": 1}, [1], "old"])
def test_other_data_is_read_as_it_is(data: Any) -> None:
    given_event = event(1, "create", data)
    assert as_named_now(given_event, [Rename("old", "new", 5)]) is given_event


def test_two_fields_that_exchanged_their_names_are_told_apart() -> None:
    renames = with_renamed([], {"a": "b", "b": "a"}, 5)
    assert read(3, {"a": 1, "b": 2}, *renames) == {"b": 1, "a": 2}


def test_an_event_that_gives_both_names_keeps_its_value_of_the_new_one() -> None:
    assert read(1, {"old": 1, "new": 2}, Rename("old", "new", 5)) == {"new": 2}


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=6), st.integers(1, 20))
def test_a_field_that_is_renamed_again_and_again_is_followed_from_any_event(
    steps: list[tuple[int, bool]], seq: int
) -> None:
    renames: list[Rename] = []
    at, before, now = 0, "name0", "name0"  # what the event calls it, and what it is called in the end
    for number, (events, back) in enumerate(steps, 1):
        at += events
        new = "name0" if back and now != "name0" else f"name{number}"
        renames = with_renamed(renames, {now: new}, at)
        before = before if seq <= at else new
        now = new
    assert read(seq, {before: 1}, *renames) == {now: 1}


def renamed(*renames: Rename) -> Target:
    """The fields `title` and `count` are called `text` and `number` today."""
    return TARGET.model_copy(update={"renamed": renames})


RENAMED = (Rename("title", "text", 4), Rename("count", "number", 4))
LOG = [
    event(1, "create", {"title": "a", "count": 1}),
    event(2, "update", {"count+": 2}),
    event(3, "update", {"title": "b"}),
    event(5, "update", {"number+": 4}),
]
ROW = {**EMPTY_ROW, "text": "b", "number": 7}


def test_a_fold_goes_on_under_the_new_name_modifiers_included() -> None:
    target = renamed(*RENAMED)
    fold = Fold({"items": target})
    fold.apply(LOG)
    assert fold.rows["items"][ID].fields == {"text": "b", "number": 7}
    assert fold.head == LOG[-1].head
    assert difference(target, ID, fold.rows["items"][ID], ROW) is None


def suggested(row: dict[str, Any], target: Target = TARGET) -> list[tuple[str, str]]:
    fold = Fold({"items": target})
    fold.apply(LOG[:3])
    found = difference(target, ID, fold.rows["items"][ID], row)
    return renames_suggested(target, fold.rows["items"], [found] if found else [])


def test_a_field_that_has_the_values_of_one_that_is_gone_is_suggested() -> None:
    assert suggested({**EMPTY_ROW, "text": "b", "number": 3}) == [("title", "text"), ("count", "number")]


def test_nothing_is_suggested_if_a_row_differs_or_two_fields_agree() -> None:
    assert suggested({**EMPTY_ROW, "text": "c"}) == []
    assert suggested(EMPTY_ROW) == []
    fields = (*TARGET.fields, FieldDefinition(name="name", type="text"))
    twice = Target(collection="items", version="2", fields=fields)
    assert suggested({**EMPTY_ROW, "text": "b", "name": "b"}, twice) == []
