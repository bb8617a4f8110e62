"""Rows that are what the log says, and rows that are not."""

import json
from typing import Any

import pytest
from support.folding import EMPTY_ROW, ID, TARGET, item, told

from pocketbase_events.core.fold import Difference, difference

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
def test_a_value_in_any_of_its_forms_is_not_a_difference(name: str, logged: Any, live: Any) -> None:
    assert told(item(("create", {name: logged})), **{name: live}) is None
    assert told(item(("create", {}), ("update", {name: logged})), **{name: live}) is None


def test_a_row_that_nothing_was_given_to_is_empty() -> None:
    assert told(item(("create", None))) is None


def test_a_row_that_is_marked_as_the_log_has_it_is_not_a_difference() -> None:
    deleted = item(("create", {"text": "x"}), ("delete", None))
    assert told(deleted, text="x", deleted=True) is None


@pytest.mark.parametrize("name", ["secret", "key", "created", "id", "nofield"])
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
def test_a_changed_field_is_reported_with_both_values(name: str, logged: Any, live: Any, shown: Any) -> None:
    found = difference(TARGET, ID, item(("create", {name: logged})), {**EMPTY_ROW, name: live})
    assert found == Difference("items", ID, "changed", {name: (shown, live)})
    # True is 1 to Python: the values must be told as what they are.
    assert json.dumps(found.fields[name]) == json.dumps([shown, live])


def test_exactly_the_changed_fields_are_reported() -> None:
    logged = item(("create", {"text": "x", "number": 1, "json": {"a": 1}, "many": ["a"]}), ("update", {"number": 2}))
    assert told(logged, text="y", number=1, json={"a": 1.0}, many=["a"], url="u") == {
        "text": ("x", "y"), "number": (2, 1), "url": ("", "u"),
    }  # fmt: skip


@pytest.mark.parametrize("deleted", [True, False])
def test_a_mark_that_differs_from_the_log_is_reported(deleted: bool) -> None:
    steps = [("create", {"text": "x"}), ("delete", None)][: 2 if deleted else 1]
    assert told(item(*steps), text="x", deleted=not deleted) == {"deleted": (deleted, not deleted)}


def test_rows_that_one_side_lacks_are_missing_or_extra() -> None:
    assert difference(TARGET, ID, item(("create", {})), None) == Difference("items", ID, "missing", {})
    assert difference(TARGET, ID, None, EMPTY_ROW) == Difference("items", ID, "extra", {})
    assert difference(TARGET, ID, None, None) is None
