"""What today's schema can't hold."""

from typing import Any

import pytest
from support.folding import EMPTY_ROW, ID, TARGET, edited, event, folded, without

from pocketbase_events.core.fold import Fold, Unfit, difference, unfit
from pocketbase_events.core.schema import FieldDefinition, Target


@pytest.mark.parametrize(
    ("target", "name", "value", "says"),
    [
        (without("text"), "text", "x", "is gone"),
        (without("text"), "text", None, "is gone"),
        (edited("text", hidden=True), "text", "x", "it is hidden"),
        (edited("text", type="file"), "text", "x", "is a file field now"),
        (edited("one", values=("b",)), "one", "a", 'no longer has the choice "a"'),
        (edited("many", values=("b",)), "many", ["b", "a"], 'no longer has the choice "a"'),
        (edited("many", values=("b",)), "many", "a", 'no longer has the choice "a"'),
        (edited("many", max_select=1), "many", ["a", "b"], "takes a text now"),
        (edited("text", required=True), "text", "", "is required now"),
        (edited("text", required=True), "text", None, "is required now"),
        (edited("number", required=True), "number", 0, "is required now"),
        (edited("bool", required=True), "bool", False, "is required now"),
        (edited("json", required=True), "json", [], "is required now"),
        (edited("many", required=True), "many", [], "is required now"),
        (edited("place", required=True), "place", {"lon": 0, "lat": 0}, "is required now"),
        (edited("auto", required=True), "auto", "", "is required now"),
        (edited("text", type="number"), "text", "1", "takes a number now"),
        (edited("number", type="text"), "number", 1, "takes a text now"),
        (edited("json", type="bool"), "json", 1, "takes true or false now"),
        (edited("text", type="date"), "text", "tomorrow", "takes a date"),
    ],
)
def test_a_value_that_the_schema_cannot_hold_is_reported_with_its_seq_and_is_not_a_difference(
    target: Target, name: str, value: Any, says: str
) -> None:
    fold = folded(("create", {}), ("update", {name: value}), target=target)
    found = unfit(target, fold.rows["items"])
    assert [(each.collection, each.field, list(each.seqs), each.count) for each in found] == [("items", name, [2], 1)]
    assert says in found[0].why
    row = {**EMPTY_ROW, name: "whatever is there now"}
    if "required" not in says:
        assert difference(target, ID, fold.rows["items"][ID], row) is None


def test_a_required_field_that_no_event_gave_is_reported_with_the_seq_of_the_create() -> None:
    target = edited("text", required=True)
    fold = folded(("create", {"number": 1}), ("update", {"number": 2}), target=target)
    assert [(each.field, list(each.seqs)) for each in unfit(target, fold.rows["items"])] == [("text", [1])]


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        (edited("one", values=("b",)), "one", ""),
        (edited("one", values=("b",)), "one", None),
        (edited("many", values=("b",)), "many", ["b", ""]),
        (edited("one", max_select=2), "one", "a"),
        (edited("text", type="editor"), "text", "x"),
        (edited("text", required=True), "text", "x"),
        (edited("number", type="json"), "number", 1),
        (TARGET, "text", "x"),
    ],
)
def test_a_value_that_the_schema_can_hold_is_not_reported(target: Target, name: str, value: Any) -> None:
    assert unfit(target, folded(("create", {name: value}), target=target).rows["items"]) == []


def test_a_required_field_that_pocketbase_generates_is_not_reported() -> None:
    target = edited("auto", required=True)
    assert unfit(target, folded(("create", {}), target=target).rows["items"]) == []


@pytest.mark.parametrize(
    ("target", "name", "value", "later"),
    [
        (edited("one", values=("b",)), "one", "a", "b"),
        (edited("one", values=("b",)), "one", "a", None),
        (edited("text", required=True), "text", "", "x"),
        (edited("text", type="number"), "text", "1", 1),
    ],
)
def test_a_value_that_a_later_event_replaced_is_not_reported(target: Target, name: str, value: Any, later: Any) -> None:
    fold = folded(("create", {name: value}), ("update", {name: later}), target=target)
    assert unfit(target, fold.rows["items"]) == []
    again = folded(("create", {name: value}), ("update", {name: later}), ("update", {name: value}), target=target)
    assert [list(each.seqs) for each in unfit(target, again.rows["items"])] == [[3]]


def test_what_many_items_have_in_common_is_reported_once_with_the_first_seqs() -> None:
    target = edited("one", values=("b",))
    fold = Fold({"items": target})
    fold.apply(event(seq, "create", {"one": "a", "number": seq}, f"item{seq}") for seq in range(1, 9))
    fold.apply([event(9, "create", {"one": "1"}, "item9"), event(10, "create", {"one": "b"}, "item10")])
    fold.apply([event(11, "update", {"one": "a"}, "item9"), event(12, "update", {"one": "b"}, "item1")])
    assert unfit(target, fold.rows["items"]) == [
        Unfit("items", "one", "refused", 'no longer has the choice "a"', [2, 3, 4, 5, 6], 8)
    ]


def test_each_field_and_each_reason_is_reported_separately() -> None:
    target = Target(
        collection="items",
        version="2",
        fields=(
            FieldDefinition(name="one", type="select", maxSelect=1, values=("b",)),
            FieldDefinition(name="text", type="text", required=True),
        ),
    )
    fold = folded(("create", {"one": "a", "number": 1}), target=target)
    fold.apply([event(2, "create", {"one": "1", "text": "x"}, "item2")])
    assert {(each.field, each.why, tuple(each.seqs)) for each in unfit(target, fold.rows["items"])} == {
        ("one", 'no longer has the choice "a"', (1,)),
        ("one", 'no longer has the choice "1"', (2,)),
        ("number", "is gone", (1,)),
        ("text", "is required now, and the log has no value for it", (1,)),
    }
