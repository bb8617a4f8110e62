"""The rows that a log implies, and what sets a row apart from them. Pure: no PocketBase here."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import Head, Recorded
from pocketbase_events.core.fold import Difference, Fold, Item, Unfit, changes_of, difference, row_fields, unfit
from pocketbase_events.core.schema import FieldDefinition, Target
from pocketbase_events.core.values import as_stored, is_empty, same, to_pocketbase, why_not_fitting, why_unfit

ID = "item00000000001"
SETTABLE = (
    FieldDefinition(name="text", type="text"),
    FieldDefinition(name="editor", type="editor"),
    FieldDefinition(name="email", type="email"),
    FieldDefinition(name="url", type="url"),
    FieldDefinition(name="number", type="number"),
    FieldDefinition(name="bool", type="bool"),
    FieldDefinition(name="date", type="date"),
    FieldDefinition(name="one", type="select", maxSelect=1, values=("a", "b", "1")),
    FieldDefinition(name="many", type="select", maxSelect=3, values=("a", "b", "1")),
    FieldDefinition(name="friend", type="relation", maxSelect=1, collectionId="pbc_1"),
    FieldDefinition(name="friends", type="relation", maxSelect=3, collectionId="pbc_1"),
    FieldDefinition(name="json", type="json"),
    FieldDefinition(name="place", type="geoPoint"),
    FieldDefinition(name="auto", type="text", autogeneratePattern="[a-z]{5}"),
)
OTHERS = (
    FieldDefinition(name="id", type="text"),
    FieldDefinition(name="secret", type="text", hidden=True),
    FieldDefinition(name="photo", type="file"),
    FieldDefinition(name="key", type="password"),
    FieldDefinition(name="created", type="autodate"),
    FieldDefinition(name="deleted", type="bool"),
)
TARGET = Target(collection="items", version="1", fields=(*OTHERS, *SETTABLE))
EMPTY_ROW: dict[str, Any] = {
    "id": ID, "text": "", "editor": "", "email": "", "url": "", "number": 0, "bool": False, "date": "", "one": "",
    "many": [], "friend": "", "friends": [], "json": None, "place": {"lon": 0, "lat": 0}, "auto": "k4x2p",
    "photo": "", "created": "2026-01-01 00:00:00.000Z", "deleted": False,
}  # fmt: skip


def field(name: str) -> FieldDefinition:
    found = TARGET.field(name)
    assert found is not None
    return found


def event(seq: int, type_: str, data: Any, item_id: str = ID, collection: str = "items") -> Recorded:
    return Recorded(
        id=f"r{seq}", seq=seq, event_id=f"e{seq}", timestamp="2026-01-01 00:00:00.000Z", type=type_,  # type: ignore[arg-type]
        collection=collection, item_id=item_id, data=data, actor="", hash=f"h{seq}",
    )  # fmt: skip


def folded(*events: tuple[str, Any], target: Target | None = TARGET) -> Fold:
    """The fold of these events of one item: its create first, where a type is not given otherwise."""
    fold = Fold({"items": target})
    fold.apply(event(seq, type_, data) for seq, (type_, data) in enumerate(events, 1))
    return fold


def item(*events: tuple[str, Any]) -> Item:
    return folded(*events).rows["items"][ID]


def told(logged: Item | None, target: Target = TARGET, /, **row: Any) -> dict[str, Any] | None:
    """The fields in which a row, empty but for what is given, differs from the log; None when in none."""
    found = difference(target, ID, logged, {**EMPTY_ROW, **row})
    return None if found is None else dict(found.fields)


def edited(name: str, **changes: Any) -> Target:
    """The target after a schema edit of one field."""
    fields = [each.model_copy(update=changes) if each.name == name else each for each in TARGET.fields]
    return Target(collection="items", version="2", fields=tuple(fields))


def without(name: str) -> Target:
    fields = [each for each in TARGET.fields if each.name != name]
    return Target(collection="items", version="2", fields=tuple(fields))


# -- folding -----------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
json_values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
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


def test_what_a_create_says_of_the_id_is_no_field() -> None:
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


# -- rows that are what the log says -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "logged", "live"),
    [
        ("date", "2026-01-31", "2026-01-31 00:00:00.000Z"),
        ("date", "2026-01-31 09:30:00", "2026-01-31 09:30:00.000Z"),
        ("date", "2026-01-31T09:30:00Z", "2026-01-31 09:30:00.000Z"),
        ("date", "2026-01-31T09:30:00.5", "2026-01-31 09:30:00.500Z"),
        ("date", "2026-01-31 09:30:00.123999999Z", "2026-01-31 09:30:00.123Z"),
        ("date", "2026-01-31 00:30:00+02:00", "2026-01-30 22:30:00.000Z"),
        ("date", "2026-12-31T23:30:00.25-05:30", "2027-01-01 05:00:00.250Z"),
        ("date", "0002-01-01", "0002-01-01 00:00:00.000Z"),
        ("date", None, ""),
        ("text", None, ""),
        ("editor", None, ""),
        ("email", None, ""),
        ("url", None, ""),
        ("one", None, ""),
        ("friend", None, ""),
        ("number", None, 0),
        ("number", 0, 0),
        ("number", -0.0, 0),
        ("number", 1, 1.0),
        ("number", 1.0, 1),
        ("number", 9007199254740994.0, 9007199254740994),
        ("number", 0.1, 0.1),
        ("bool", None, False),
        ("many", None, []),
        ("many", [], []),
        ("many", "", []),
        ("many", "a", ["a"]),
        ("many", ["b", "a", "b"], ["b", "a"]),
        ("many", ["", "a"], ["a"]),
        ("friends", "f1", ["f1"]),
        ("friends", ["f2", "f1", "f2"], ["f2", "f1"]),
        ("json", None, None),
        ("json", 1, 1.0),
        ("json", [1.0, {"a": 0, "b": 1e3}], [1, {"b": 1000, "a": 0.0}]),
        ("json", {"a": 1, "b": {"c": [], "d": {}}}, {"b": {"d": {}, "c": []}, "a": 1}),
        ("json", "", ""),
        ("json", "1", "1"),
        ("place", None, {"lon": 0, "lat": 0}),
        ("place", {"lon": 1.0, "lat": -0.0}, {"lat": 0, "lon": 1}),
    ],
)
def test_a_value_in_any_of_its_forms_is_no_difference(name: str, logged: Any, live: Any) -> None:
    assert told(item(("create", {name: logged})), **{name: live}) is None
    assert told(item(("create", {}), ("update", {name: logged})), **{name: live}) is None


def test_a_row_that_nothing_was_given_to_is_empty() -> None:
    assert told(item(("create", None))) is None


def test_a_row_that_is_marked_as_the_log_has_it_is_no_difference() -> None:
    deleted = item(("create", {"text": "x"}), ("delete", None))
    assert told(deleted, text="x", deleted=True) is None


@pytest.mark.parametrize("name", ["secret", "photo", "key", "created", "id", "nofield"])
def test_fields_that_no_event_can_set_do_not_count(name: str) -> None:
    assert told(item(("create", {"text": "x"})), text="x", **{name: "anything"}) is None
    # Nor do they where an event did set them, back then.
    assert told(item(("create", {"text": "x", name: "once"})), text="x", **{name: "anything"}) is None


@pytest.mark.parametrize("data", [None, {}, {"auto": ""}, {"auto": None}])
def test_what_pocketbase_generated_does_not_count(data: Any) -> None:
    assert told(item(("create", data)), auto="k4x2p") is None


@pytest.mark.parametrize("value", ["", None])
def test_a_generated_field_that_an_update_emptied_counts(value: Any) -> None:
    emptied = item(("create", {}), ("update", {"auto": value}))
    assert told(emptied, auto="") is None
    assert told(emptied, auto="k4x2p") == {"auto": ("", "k4x2p")}


def test_a_generated_field_that_an_event_set_counts() -> None:
    assert told(item(("create", {"auto": "mine"})), auto="mine") is None
    assert told(item(("create", {"auto": "mine"})), auto="k4x2p") == {"auto": ("mine", "k4x2p")}
    assert told(item(("create", {}), ("update", {"auto": "mine"})), auto="k4x2p") == {"auto": ("mine", "k4x2p")}


# -- rows that are not -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "logged", "live", "shown"),
    [
        ("text", "x", "X", "x"),
        ("text", " x", "x", " x"),
        ("text", "1", "1.0", "1"),
        ("text", None, "x", ""),
        ("number", 1, 2, 1),
        ("number", 0.1, 0.1000000000001, 0.1),
        ("number", None, 1, 0),
        ("bool", True, False, True),
        ("bool", None, True, False),
        ("date", "2026-01-31", "2026-01-31 00:00:00.001Z", "2026-01-31 00:00:00.000Z"),
        ("date", "2026-01-31T09:30:00+02:00", "2026-01-31 09:30:00.000Z", "2026-01-31 07:30:00.000Z"),
        ("date", "2026-01-31", "", "2026-01-31 00:00:00.000Z"),
        ("one", "a", "b", "a"),
        ("many", ["a", "b"], ["b", "a"], ["a", "b"]),
        ("many", "a", [], ["a"]),
        ("friends", ["f1"], ["f1", "f2"], ["f1"]),
        ("json", 1, True, 1),
        ("json", False, 0, False),
        ("json", [1], [True], [1]),
        ("json", {"a": [0]}, {"a": [False]}, {"a": [0]}),
        ("json", 1, "1", 1),
        ("json", None, "", None),
        ("json", "", None, ""),
        ("json", [], None, []),
        ("json", [], {}, []),
        ("json", [1, 2], [2, 1], [1, 2]),
        ("json", {"a": None}, {}, {"a": None}),
        ("place", {"lon": 1, "lat": 2}, {"lon": 2, "lat": 1}, {"lon": 1, "lat": 2}),
        ("place", None, {"lon": 0, "lat": 1}, {"lon": 0, "lat": 0}),
    ],
)
def test_a_changed_field_is_told_with_both_values(name: str, logged: Any, live: Any, shown: Any) -> None:
    found = difference(TARGET, ID, item(("create", {name: logged})), {**EMPTY_ROW, name: live})
    assert found == Difference("items", ID, "changed", {name: (shown, live)})
    # True is 1 to Python: the values must be told as what they are.
    assert json.dumps(found.fields[name]) == json.dumps([shown, live])


def test_exactly_the_changed_fields_are_told() -> None:
    logged = item(("create", {"text": "x", "number": 1, "json": {"a": 1}, "many": ["a"]}), ("update", {"number": 2}))
    assert told(logged, text="y", number=1, json={"a": 1.0}, many=["a"], url="u") == {
        "text": ("x", "y"), "number": (2, 1), "url": ("", "u"),
    }  # fmt: skip


@pytest.mark.parametrize("deleted", [True, False])
def test_a_mark_that_the_log_has_otherwise_is_told(deleted: bool) -> None:
    steps = [("create", {"text": "x"}), ("delete", None)][: 2 if deleted else 1]
    assert told(item(*steps), text="x", deleted=not deleted) == {"deleted": (deleted, not deleted)}


def test_rows_that_one_side_lacks_are_missing_or_extra() -> None:
    assert difference(TARGET, ID, item(("create", {})), None) == Difference("items", ID, "missing", {})
    assert difference(TARGET, ID, None, EMPTY_ROW) == Difference("items", ID, "extra", {})
    assert difference(TARGET, ID, None, None) is None


# -- laws of values ----------------------------------------------------------------------------------------

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
def test_a_row_that_holds_what_an_event_gave_is_no_difference(case: tuple[str, Any, Any]) -> None:
    name, value, before = case
    row = {name: as_stored(field(name), value)}
    assert told(item(("create", {name: before}), ("update", {name: value})), **row) is None


@given(given_values)
def test_a_row_differs_in_a_field_exactly_where_the_values_are_not_the_same(case: tuple[str, Any, Any]) -> None:
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


# -- what today's schema can't hold ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "name", "value", "says"),
    [
        (without("text"), "text", "x", "is gone"),
        (without("text"), "text", None, "is gone"),
        (edited("text", hidden=True), "text", "x", "it is hidden"),
        (edited("text", type="file"), "text", "x", "its type is file"),
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
def test_a_value_that_the_schema_can_not_hold_is_told_with_its_seq_and_is_no_difference(
    target: Target, name: str, value: Any, says: str
) -> None:
    fold = folded(("create", {}), ("update", {name: value}), target=target)
    found = unfit(target, fold.rows["items"])
    assert [(each.collection, each.field, list(each.seqs), each.count) for each in found] == [("items", name, [2], 1)]
    assert says in found[0].why
    row = {**EMPTY_ROW, name: "whatever is there now"}
    if "required" not in says:
        assert difference(target, ID, fold.rows["items"][ID], row) is None


def test_a_required_field_that_no_event_gave_is_told_with_the_seq_of_the_create() -> None:
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
def test_a_value_that_the_schema_can_hold_is_not_told(target: Target, name: str, value: Any) -> None:
    assert unfit(target, folded(("create", {name: value}), target=target).rows["items"]) == []


def test_a_required_field_that_pocketbase_generates_is_not_told() -> None:
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
def test_a_value_that_a_later_event_replaced_is_not_told(target: Target, name: str, value: Any, later: Any) -> None:
    fold = folded(("create", {name: value}), ("update", {name: later}), target=target)
    assert unfit(target, fold.rows["items"]) == []
    again = folded(("create", {name: value}), ("update", {name: later}), ("update", {name: value}), target=target)
    assert [list(each.seqs) for each in unfit(target, again.rows["items"])] == [[3]]


def test_what_many_items_have_in_common_is_told_once_with_the_first_seqs() -> None:
    target = edited("one", values=("b",))
    fold = Fold({"items": target})
    fold.apply(event(seq, "create", {"one": "a", "number": seq}, f"item{seq}") for seq in range(1, 9))
    fold.apply([event(9, "create", {"one": "1"}, "item9"), event(10, "create", {"one": "b"}, "item10")])
    fold.apply([event(11, "update", {"one": "a"}, "item9"), event(12, "update", {"one": "b"}, "item1")])
    assert unfit(target, fold.rows["items"]) == [
        Unfit("items", "one", 'no longer has the choice "a"', [2, 3, 4, 5, 6], 8)
    ]


def test_each_field_and_each_reason_is_told_apart() -> None:
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
