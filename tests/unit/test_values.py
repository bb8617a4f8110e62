"""Laws of values: being stored, being the same, being empty."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.folding import TARGET, field, item, json_values, texts, told

from pocketbase_events.core.fold import row_fields
from pocketbase_events.core.values import as_stored, is_empty, same, to_pocketbase, why_not_fitting, why_unfit

ids = st.sampled_from(["f1", "f2", "f3"])
choices = st.sampled_from(["a", "b", "1"])
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
dates = st.from_regex(
    r"\A(0002|1969|2026|9998)-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?\Z"
)
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "editor": texts,
    "email": texts,
    "url": texts,
    "auto": texts,
    "number": numbers,
    "bool": st.booleans(),
    "date": st.just("") | dates,
    "one": st.just("") | choices,
    "many": st.just("") | choices | st.lists(st.just("") | choices, max_size=5),
    "friend": st.just("") | ids,
    "friends": st.just("") | ids | st.lists(st.just("") | ids, max_size=5),
    "json": json_values,
    "place": st.fixed_dictionaries({"lon": numbers, "lat": numbers}),
}
given_values = st.sampled_from(sorted(FITTING)).flatmap(
    lambda name: st.tuples(st.just(name), st.none() | FITTING[name], st.none() | FITTING[name])
)


@given(given_values)
def test_a_stored_value_is_stored_as_it_is_and_the_same_as_what_was_given(case: tuple[str, Any, Any]) -> None:
    definition, value = field(case[0]), case[1]
    stored = as_stored(definition, value)
    assert as_stored(definition, stored) == stored
    assert same(definition, value, stored)
    assert why_not_fitting(definition, value) is None
    assert why_not_fitting(definition, stored) is None
    assert why_unfit(definition, value) is None


@given(given_values)
def test_being_the_same_has_no_direction(case: tuple[str, Any, Any]) -> None:
    definition, one, other = field(case[0]), case[1], case[2]
    assert same(definition, one, one)
    assert same(definition, one, other) == same(definition, other, one)
    if same(definition, one, other):
        assert is_empty(definition, one) == is_empty(definition, other)


@given(given_values)
def test_what_is_the_same_as_nothing_is_empty(case: tuple[str, Any, Any]) -> None:
    definition, value = field(case[0]), case[1]
    assert is_empty(definition, None)
    if definition.type != "json":
        assert is_empty(definition, value) == same(definition, value, None)


@pytest.mark.parametrize(
    ("name", "value", "empty"),
    [
        ("number", 0, True),
        ("number", -0.0, True),
        ("number", 1, False),
        ("bool", False, True),
        ("bool", True, False),
        ("text", " ", False),
        ("many", [""], True),
        ("many", [], True),
        ("many", ["a"], False),
        ("json", "", True),
        ("json", [], True),
        ("json", {}, True),
        ("json", 0, False),
        ("json", False, False),
        ("json", [0], False),
        ("place", {"lon": 0.0, "lat": 0}, True),
        ("place", {"lon": 0, "lat": 1}, False),
    ],
)
def test_what_a_required_field_refuses_is_empty(name: str, value: Any, empty: bool) -> None:
    assert is_empty(field(name), value) is empty


@given(given_values)
def test_a_row_that_holds_what_an_event_gave_is_not_a_difference(case: tuple[str, Any, Any]) -> None:
    name, value, before = case
    row = {name: as_stored(field(name), value)}
    assert told(item(("create", {name: before}), ("update", {name: value})), **row) is None


@given(given_values)
def test_a_row_differs_in_a_field_exactly_if_the_values_are_not_the_same(case: tuple[str, Any, Any]) -> None:
    name, logged, live = case
    definition = field(name)
    row = {name: as_stored(definition, live)}
    expected = None if same(definition, logged, live) else {name: (as_stored(definition, logged), row[name])}
    assert told(item(("create", {}), ("update", {name: logged})), **row) == expected


@given(given_values)
def test_the_fields_of_a_row_are_sent_in_the_form_in_which_they_are_kept(case: tuple[str, Any, Any]) -> None:
    name, value, _ = case
    logged = item(("create", {"text": "x"}), ("update", {name: value}), ("update", {"gone": 1}), ("delete", None))
    assert row_fields(TARGET, logged) == {
        "text": "x", name: to_pocketbase(field(name), value), "deleted": True,
    }  # fmt: skip
