"""What an event does to a row, and when two changes may become one write. Pure: no PocketBase here."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import Pending
from pocketbase_events.core.projection import Change, Refused, Write, merge, project
from pocketbase_events.core.schema import FieldDefinition, Target
from pocketbase_events.core.values import is_welcome

FIELDS = (
    FieldDefinition(name="id", type="text"),
    FieldDefinition(name="title", type="text", required=True),
    FieldDefinition(name="code", type="text"),
    FieldDefinition(name="auto", type="text", autogeneratePattern="[a-z]{5}"),
    FieldDefinition(name="qty", type="number"),
    FieldDefinition(name="done", type="bool"),
    FieldDefinition(name="due", type="date"),
    FieldDefinition(name="meta", type="json"),
    FieldDefinition(name="tags", type="select", maxSelect=3),
    FieldDefinition(name="colour", type="select", maxSelect=1),
    FieldDefinition(name="friend", type="relation", maxSelect=1),
    FieldDefinition(name="place", type="geoPoint"),
    FieldDefinition(name="secret", type="text", hidden=True),
    FieldDefinition(name="photo", type="file"),
    FieldDefinition(name="created", type="autodate"),
    FieldDefinition(name="deleted", type="bool"),
)
TARGET = Target(
    collection="items",
    version="1",
    fields=FIELDS,
    indexes=("CREATE UNIQUE INDEX idx_code ON items (code)", "CREATE INDEX idx_qty ON items (qty)"),
)


def event(type_: str, item_id: str = "item00000000001", collection: str = "items") -> Pending:
    return Pending("r1", type_, collection, item_id, "", "", damaged=False, schema_version="1")  # type: ignore[arg-type]


def why(type_: str, data: Any, item_id: str = "item00000000001") -> str:
    outcome = project(event(type_, item_id), data, TARGET)
    assert isinstance(outcome, Refused), outcome
    return outcome.why


def fields(type_: str, data: Any) -> Any:
    outcome = project(event(type_), data, TARGET)
    assert isinstance(outcome, Change), outcome
    return outcome.fields


def test_a_create_gives_exactly_its_fields() -> None:
    assert fields("create", {"title": "a", "qty": 1}) == {"title": "a", "qty": 1}
    assert fields("create", None) == {}
    assert fields("create", {"id": "item00000000001"}) == {}


def test_an_update_gives_its_one_field() -> None:
    assert fields("update", {"qty": None}) == {"qty": None}


@pytest.mark.parametrize("data", [None, {}])
def test_a_delete_marks_the_row(data: Any) -> None:
    assert fields("delete", data) == {"deleted": True}


@pytest.mark.parametrize(
    ("type_", "data", "says"),
    [
        ("create", [], "an object"),
        ("create", "x", "an object"),
        ("create", 0, "an object"),
        ("create", {"id": "other0000000001"}, "item_id is"),
        ("create", {"id": 5}, "item_id is"),
        ("update", None, "this is nothing"),
        ("update", {}, "has 0"),
        ("update", {"qty": 1, "done": True}, "has 2"),
        ("update", ["qty"], "this is a list"),
        ("update", {"id": "item00000000001"}, "never changes"),
        ("delete", {"qty": 1}, "no data"),
        ("delete", [], "no data"),
        ("delete", False, "no data"),
        ("create", {"titel": "a"}, "Its fields are: title, code"),
        ("update", {"title:autogenerate": "x"}, "no field"),
        ("update", {"items.qty": 1}, "no field"),
        ("update", {"collectionId": "x"}, "no field"),
        ("create", {"deleted": False}, "type delete"),
        ("update", {"deleted": True}, "type delete"),
        ("update", {"secret": "x"}, "hidden"),
        ("update", {"photo": "x.png"}, "counted from 0"),
        ("update", {"created": "2026-01-01"}, "type autodate"),
    ],
)
def test_data_of_the_wrong_shape_is_refused_with_a_sentence(type_: str, data: Any, says: str) -> None:
    assert says in why(type_, data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 5),
        ("title", True),
        ("title", ["a"]),
        ("qty", "5"),
        ("qty", True),
        ("qty", [5]),
        ("done", "true"),
        ("done", 1),
        ("due", 5),
        ("due", "tomorrow"),
        ("due", "2026-13-01"),
        ("due", "2026-02-30 00:00:00Z"),
        ("due", "2026-01-01T25:00:00Z"),
        ("due", "2026-01-01T24:00:00Z"),
        ("due", "0001-01-01 00:00:00.000Z"),
        ("due", "9999-12-31T23:59:59-05:00"),
        ("due", "\u0662\u0660\u0662\u0666-01-01"),
        ("tags", {"a": 1}),
        ("tags", [1]),
        ("tags", 3),
        ("colour", ["red"]),
        ("colour", 1),
        ("colour", '["red"]'),
        ("friend", ["item00000000001"]),
        ("friend", 7),
        ("place", {"lon": 1}),
        ("place", {"lon": "1", "lat": 2}),
        ("place", [1, 2]),
    ],
)
def test_a_value_of_another_json_type_is_refused_with_what_the_field_takes(field: str, value: Any) -> None:
    sentence = why("update", {field: value})
    assert sentence.startswith(f'"{field}" takes ')
    assert "null to clear" in sentence


@pytest.mark.parametrize("field", [f.name for f in TARGET.settable])
def test_null_clears_any_field(field: str) -> None:
    assert fields("update", {field: None}) == {field: None}


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("meta", "true", '"true"'),
        ("meta", "[1]", '"[1]"'),
        ("meta", 'say "x"\x01', '"say \\"x\\"\\u0001"'),
        ("meta", {"a": "1"}, {"a": "1"}),
        ("colour", "[red", "[red"),
        ("colour", "", ""),
        ("tags", "a", ["a"]),
        ("tags", ["a", "b"], ["a", "b"]),
        ("title", '"x"', '"x"'),
    ],
)
def test_values_are_sent_so_that_pocketbase_keeps_them(field: str, value: Any, sent: Any) -> None:
    assert fields("update", {field: value}) == {field: sent}


@pytest.mark.parametrize("item_id", ["a/b", "..", "a?b", "%2f", 'a"b', "a'b", "a b", "a\nb", "a\0b", "a\\b", "a:b"])
def test_an_id_that_no_row_can_have_is_refused(item_id: str) -> None:
    assert "no id may hold" in why("update", {"qty": 1}, item_id)


def test_a_collection_that_is_not_attached_is_refused_by_its_name() -> None:
    outcome = project(event("create", collection="us\ners" * 100), None, None)
    assert isinstance(outcome, Refused)
    assert "not attached" in outcome.why
    assert "\n" not in outcome.why
    assert len(outcome.why) < 300


# -- merging -----------------------------------------------------------------------------------------------

TARGETS = {"items": TARGET}


def change(type_: str, item_id: str, **given: Any) -> Change:
    return Change(type_, "items", item_id, {"deleted": True} if type_ == "delete" else given)  # type: ignore[arg-type]


def shape(changes: list[Change], *, merging: bool = True) -> list[list[int]]:
    return [write.events for write in merge(changes, TARGETS, merging=merging)]


def test_updates_of_optional_fields_join_the_create_that_leaves_them_out() -> None:
    changes = [
        change("create", "a", title="x"),
        change("update", "a", qty=1),
        change("update", "a", done=True),
    ]
    writes = merge(changes, TARGETS)
    assert [(w.inserts, w.fields, w.events) for w in writes] == [
        (True, {"title": "x", "qty": 1, "done": True}, [0, 1, 2])
    ]


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        # the create alone would be invalid
        ([change("create", "a"), change("update", "a", title="x")], [[0], [1]]),
        ([change("create", "a", title=""), change("update", "a", title="x")], [[0], [1]]),
        ([change("create", "a", title=" "), change("update", "a", title="x")], [[0], [1]]),
        ([change("create", "a", title="x" * 5001), change("update", "a", title="x")], [[0], [1]]),
        ([change("create", "a"), change("update", "a", auto=None)], [[0], [1]]),
        # order matters to other rows
        ([change("create", "a"), change("update", "a", code="1")], [[0], [1]]),
        ([change("create", "a"), change("update", "a", friend="b")], [[0], [1]]),
        # the first update of a row shows that the rest of it is valid; the second relies on that
        ([change("update", "a", qty=1), change("update", "a", done=True)], [[0], [1]]),
        (
            [change("update", "a", qty=1), change("update", "a", done=True), change("update", "a", meta=1)],
            [[0], [1, 2]],
        ),
        # a value that PocketBase surely takes may be replaced before it is written
        ([change("create", "a", title="x", qty=1), change("update", "a", qty=2)], [[0, 1]]),
        ([change("create", "a", title="x" * 5000), change("update", "a", title="")], [[0, 1]]),
        (
            [change("update", "a", qty=1), change("update", "a", qty=None), change("update", "a", qty=3)],
            [[0, 1, 2]],
        ),
        # each other value is checked
        ([change("update", "a", meta=1), change("update", "a", meta=2)], [[0], [1]]),
        ([change("update", "a", code="1"), change("update", "a", code="2")], [[0], [1]]),
        # nothing follows a delete
        ([change("create", "a"), change("delete", "a"), change("update", "a", qty=1)], [[0, 1], [2]]),
        ([change("create", "a"), change("create", "a")], [[0], [1]]),
        ([change("create", "a"), change("create", "b"), change("update", "a", qty=1)], [[0, 2], [1]]),
    ],
)
def test_changes_join_only_if_that_makes_no_difference(changes: list[Change], events: list[list[int]]) -> None:
    assert shape(changes) == events


@pytest.mark.parametrize(
    ("limits", "value", "welcome"),
    [
        ({"type": "number"}, -1.5, True),
        ({"type": "number", "required": True}, 0, False),
        ({"type": "number", "min": 0}, 1, False),
        ({"type": "number", "onlyInt": True}, 1, False),
        ({"type": "bool"}, False, True),
        ({"type": "bool", "required": True}, False, False),
        ({"type": "bool", "required": True}, None, False),
        ({"type": "text"}, None, True),
        ({"type": "text", "max": 3}, "äöü", True),
        ({"type": "text", "max": 3}, "four", False),
        ({"type": "text", "min": 1}, "one", False),
        ({"type": "text", "pattern": "^a"}, "a", False),
        ({"type": "text", "autogeneratePattern": "[a-z]{3}"}, "", False),
        ({"type": "email"}, "a@example.com", False),
        ({"type": "json"}, 1, False),
    ],
)
def test_only_what_a_plain_field_surely_takes_is_replaced_unwritten(
    limits: dict[str, Any], value: Any, welcome: bool
) -> None:
    assert is_welcome(FieldDefinition(name="field", **limits), value) is welcome


def test_without_merging_every_change_is_a_write() -> None:
    assert shape([change("create", "a"), change("update", "a", qty=1)], merging=False) == [[0], [1]]


def values(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(["", "1", "2"]) if name in ("title", "code") else st.integers(0, 3)


changes_strategy = st.lists(
    st.builds(
        lambda type_, item, given: change(type_, item, **({} if type_ == "delete" else dict([given]))),
        st.sampled_from(["create", "update", "update", "update", "delete"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["title", "code", "qty", "done", "meta", "friend"]).flatmap(
            lambda name: st.tuples(st.just(name), values(name))
        ),
    ),
    max_size=12,
)


def applied(writes: list[Write]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for write in writes:
        rows.setdefault(write.item_id, {}).update(write.fields)
    return rows


@given(changes_strategy)
def test_merged_or_one_by_one_the_rows_are_the_same(changes: list[Change]) -> None:
    merged = merge(changes, TARGETS)
    assert applied(merged) == applied(merge(changes, TARGETS, merging=False))
    assert sorted(index for write in merged for index in write.events) == list(range(len(changes)))
