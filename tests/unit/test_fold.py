"""Folding a log into rows."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.folding import ID, TARGET, event, item, json_values

from pocketbase_events.core.events import Head, Recorded
from pocketbase_events.core.fold import Fold, changes_of

logs = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "update", "update", "update", "delete"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["items", "items", "others", "unknown"]),
        st.sampled_from(["text", "number", "json", "auto", "gone"]),
        st.none() | st.just("") | st.integers(0, 3) | json_values,
    ),
    max_size=30,
).map(
    lambda steps: [
        event(seq, type_, None if type_ == "delete" else {name: value}, item_id, collection)
        for seq, (type_, item_id, collection, name, value) in enumerate(steps, 1)
    ]
)


def everything(fold: Fold) -> Any:
    return fold.rows, fold.head, fold.orphans


@given(logs, st.lists(st.integers(0, 30), max_size=4), st.booleans())
def test_folding_in_one_go_or_in_parts_gives_the_same_rows(
    log: list[Recorded], cuts: list[int], with_schema: bool
) -> None:
    targets = {"items": TARGET if with_schema else None, "others": None}
    whole, parts = Fold(targets), Fold(targets)
    whole.apply(log)
    places = [0, *sorted(cuts), len(log)]
    for start, end in pairwise(places):
        parts.apply(log[start:end])
    assert everything(parts) == everything(whole)


@given(logs)
def test_a_row_is_what_its_last_create_and_the_updates_since_then_gave(log: list[Recorded]) -> None:
    fold = Fold({"items": None})
    fold.apply(log)
    expected: dict[str, dict[str, Any]] = {}
    orphans = []
    for each in log:
        if each.collection != "items":
            continue
        if each.type == "create":
            expected[each.item_id] = {**each.data, "deleted": False}
        elif each.item_id not in expected:
            orphans.append(each.seq)
        else:
            expected[each.item_id] |= {"deleted": True} if each.type == "delete" else each.data
    assert {key: {**row.fields, "deleted": row.deleted} for key, row in fold.rows["items"].items()} == expected
    assert fold.orphans == orphans
    assert fold.head == (log[-1].head if log else Head(0, ""))


@given(logs)
def test_the_seq_of_a_value_is_that_of_the_event_that_gave_it(log: list[Recorded]) -> None:
    fold = Fold({"items": None})
    fold.apply(log)
    for item_id, row in fold.rows["items"].items():
        for name, value in row.fields.items():
            giver = log[row.seq_of(name) - 1]
            assert (giver.collection, giver.item_id, giver.data) == ("items", item_id, {name: value})


def test_what_a_create_says_of_the_id_is_not_a_field() -> None:
    assert item(("create", {"id": ID, "text": "x"})).fields == {"text": "x"}


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_data_that_is_no_object_gives_no_field(data: Any) -> None:
    assert item(("create", data)).fields == {}


def test_changes_are_what_was_before_and_what_is_after() -> None:
    before = item(("create", {"text": "x", "number": 1}))
    assert changes_of(event(2, "update", {"text": None}), before) == {"text": ("x", None)}
    assert changes_of(event(2, "update", {"url": "u"}), before) == {"url": (None, "u")}
    assert changes_of(event(2, "delete", None), before) == {"deleted": (False, True)}
    assert changes_of(event(1, "create", {"id": ID, "text": "x"}), None) == {"text": (None, "x")}
    assert changes_of(event(2, "create", {"text": "y"}), before) == {"text": (None, "y")}
