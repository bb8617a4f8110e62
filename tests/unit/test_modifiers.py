"""PocketBase's modifiers: which ones an event may use, and the values that they give. Pure: no PocketBase here."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import Pending
from pocketbase_events.core.modifiers import Modifier, Operation, modified, modifier_of
from pocketbase_events.core.projection import Change, Refused, merge, project
from pocketbase_events.core.schema import FieldDefinition, Target

TARGET = Target(
    collection="items",
    version="1",
    fields=(
        FieldDefinition(name="title", type="text"),
        FieldDefinition(name="qty", type="number"),
        FieldDefinition(name="tags", type="select", maxSelect=9, values=("a", "b", "c")),
        FieldDefinition(name="owner", type="relation", maxSelect=1),
        FieldDefinition(name="deleted", type="bool"),
    ),
)
texts = st.sampled_from(["a", "b", "c", "d", ""])


def projected(data: Any, type_: Any = "update") -> Change | Refused:
    event = Pending("r1", type_, "items", "i1", "", json.dumps(data), damaged=False, schema_version="1")
    return project(event, data, TARGET)


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        ("qty+", Modifier("qty", "add")),
        ("qty-", Modifier("qty", "subtract")),
        ("+tags", Modifier("tags", "prepend")),
        ("qty", None),
    ],
)
def test_a_key_with_a_sign_is_a_modifier(key: str, modifier: Modifier | None) -> None:
    assert modifier_of(key) == modifier


@pytest.mark.parametrize(
    ("before", "operation", "operand", "after"),
    [
        (2.9, "add", 0.2, 2.9 + 0.2),
        (None, "subtract", 5, -5),
        (2**53, "add", 1, float(2**53)),
        (1.5, "subtract", 0.5, 1),
        (["a", "b"], "add", ["c", "a"], ["a", "b", "c"]),
        (["a", "b", "c"], "prepend", ["b", "d"], ["b", "d", "a", "c"]),
        (["a", "b"], "subtract", "a", ["b"]),
        (["a"], "subtract", ["x"], ["a"]),
        (None, "add", "a", ["a"]),
        ("a", "add", ["", "b"], ["a", "b"]),
        (["a"], "prepend", [{"b": 1}], [{"b": 1}, "a"]),  # in a log that was tampered with
    ],
)
def test_a_modifier_gives_what_pocketbase_makes_of_it(
    before: Any, operation: Operation, operand: Any, after: Any
) -> None:
    value = modified(before, operation, operand)
    assert value == after
    assert type(value) is type(after)


@given(st.lists(texts), st.lists(texts))
def test_a_list_holds_each_value_once_and_loses_subtracted_ones(items: Sequence[str], operands: Sequence[str]) -> None:
    added = modified(modified(None, "add", list(items)), "add", list(operands))
    assert len(set(added)) == len(added)
    assert set(added) == {*items, *operands} - {""}
    assert set(modified(added, "subtract", list(operands))) == set(items) - set(operands) - {""}


@given(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(-(2**53) + 1, 2**53 - 1))
def test_whole_numbers_add_up_and_are_taken_back(start: int, operand: int) -> None:
    there = modified(start, "add", operand)
    assert there == float(start) + float(operand)
    if abs(start + operand) < 2**53:
        assert modified(there, "subtract", operand) == start


@pytest.mark.parametrize("data", [{"qty+": 1}, {"qty-": 0.5}, {"tags+": "a"}, {"+tags": ["a", "b"]}, {"tags-": []}])
def test_a_modifier_that_fits_reaches_pocketbase_as_it_was_given(data: dict[str, Any]) -> None:
    change = projected(data)
    assert isinstance(change, Change)
    key, operand = next(iter(data.items()))
    assert change.fields == {key: [operand] if isinstance(operand, str) else operand}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"qty+": None}, 'A modifier of "qty" takes a number, not nothing.'),
        ({"qty+": "3"}, 'A modifier of "qty" takes a number, not the text "3".'),
        ({"qty+": True}, 'A modifier of "qty" takes a number, not true.'),
        ({"+qty": 3}, 'use "qty+" or "qty-"'),
        ({"tags+": 3}, 'A modifier of "tags" takes a text or a list of texts, not the number 3.'),
        ({"tags-": None}, "takes a text or a list of texts, not nothing"),
        ({"tags+": ["a", 1]}, "takes a text or a list of texts, not a list"),
        ({"title+": "x"}, '"title" takes no modifier'),
        ({"owner+": "x"}, '"owner" takes no modifier'),
        ({"nothing+": 1}, 'items has no field "nothing"'),
        ({"deleted+": 1}, '"deleted" can\'t be set by an event'),
        ({"deleted": True}, "Append an event of type delete instead."),
        ({"deleted": 0}, '"deleted" can\'t be set by an event'),
    ],
)
def test_a_modifier_that_pocketbase_would_misread_is_refused(data: dict[str, Any], sentence: str) -> None:
    refused = projected(data)
    assert isinstance(refused, Refused)
    assert sentence in refused.why


def test_a_create_takes_no_modifier() -> None:
    refused = projected({"qty+": 1}, "create")
    assert isinstance(refused, Refused)
    assert 'no field "qty+"' in refused.why


def test_an_update_of_deleted_to_false_restores_the_item() -> None:
    assert projected({"deleted": False}) == Change("update", "items", "i1", {"deleted": False})


def test_a_modifier_is_a_write_of_its_own() -> None:
    changes = [projected(data) for data in ({"title": "x"}, {"qty+": 1}, {"qty": 5}, {"qty+": 2}, {"deleted": False})]
    writes = merge([change for change in changes if isinstance(change, Change)], {"items": TARGET})
    assert [write.fields for write in writes] == [change.fields for change in changes if isinstance(change, Change)]
