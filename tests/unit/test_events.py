"""The dump, the chain of hashes, and which JSON can be hashed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import EMPTY, OPTIONAL, Head, Pending, chain_hash, record, timestamp_of
from pocketbase_events.core.json_text import UnreadableJsonError, read_data, read_json

VECTORS = [
    json.loads(line) for line in (Path(__file__).parents[1] / "vectors" / "chain.jsonl").read_text().splitlines()
]
HASHED = ("actor", "collection", "data", "event_id", "item_id", "seq", "timestamp", "type")

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def hashed(event: dict[str, Any]) -> dict[str, Any]:
    return {key: event[key] for key in HASHED}


def pending(data: str, *, damaged: bool = False) -> Pending:
    return Pending("r1", "create", "items", "i1", "", data, damaged, "")


def test_every_hash_of_the_vectors_is_reproduced() -> None:
    previous = ""
    for event in VECTORS:
        assert chain_hash(hashed(event), previous) == event["hash"]
        previous = event["hash"]


def test_recording_gives_the_vectors_their_hashes() -> None:
    head = EMPTY
    for event in VECTORS:
        appended = Pending("r1", event["type"], event["collection"], event["item_id"], event["actor"], "", False, "")
        recorded = record(appended, event["data"], head, event["event_id"], event["timestamp"])
        assert (recorded.seq, recorded.hash) == (event["seq"], event["hash"])
        head = recorded.head


@given(
    st.integers(0, len(VECTORS) - 1),
    st.sampled_from([key for key in HASHED if key != "seq"]),
    json_values,
)
def test_any_single_edit_of_a_recorded_event_changes_its_hash(place: int, key: str, value: Any) -> None:
    event = VECTORS[place]
    previous = VECTORS[place - 1]["hash"] if place else ""
    edited = {**hashed(event), key: value}
    same = json.dumps(edited, sort_keys=True) == json.dumps(hashed(event), sort_keys=True)
    assert (chain_hash(edited, previous) == event["hash"]) == same


@given(json_values)
def test_the_hash_survives_a_trip_through_any_json_text(value: Any) -> None:
    event = {**hashed(VECTORS[0]), "data": value}
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        assert chain_hash({**event, "data": read_json(text)}, "") == chain_hash(event, "")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740991", 9007199254740991),
        ("9007199254740993", 9007199254740992.0),
        ("-9007199254740993", -9007199254740992.0),
        ("100000000000000000000", 1e20),
        ("1" + "0" * 300, 1e300),
        ("1e2", 100.0),
        ("-0", 0),
    ],
)
def test_numbers_are_read_as_doubles(text: str, value: float) -> None:
    assert read_json(text) == value
    assert type(read_json(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1e400", "double"),
        ("[1, -1e999]", "double"),
        ("9" * 5000, "double"),
        ('"\\ud800"', "surrogate"),
        ('{"a": "x\\udfffy"}', "surrogate"),
        ('{"\\ud83d": 1}', "surrogate"),
        ('{"a": 1, "a": 2}', '"a" twice'),
        ('{"a": {"b": 1, "\\u0062": 1}}', '"b" twice'),
        ("[" * 201 + "]" * 201, "levels deep"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "levels deep"),
        ("[" * 9999 + "]" * 9999, "levels deep"),
        ("{", "not JSON"),
        ("nan", "not JSON"),
    ],
)
def test_json_that_readers_disagree_about_is_reported_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(UnreadableJsonError, match=says) as raised:
        read_json(text)
    assert len(str(raised.value)) < 300


def test_whole_characters_written_as_surrogate_pairs_are_read() -> None:
    assert read_json('"\\ud83d\\ude00"') == "😀"


def test_brackets_within_strings_are_no_nesting() -> None:
    text = json.dumps(["[" * 5000, '\\"' + "{" * 5000])
    assert read_json(text) == json.loads(text)


def test_nesting_up_to_the_limit_is_read() -> None:
    assert read_json("[" * 200 + "]" * 200)


def test_data_that_is_not_utf8_is_reported_in_a_sentence() -> None:
    with pytest.raises(UnreadableJsonError, match="UTF-8"):
        read_data('"�"', damaged=True)


def test_no_data_is_null() -> None:
    assert read_data("", damaged=False) is None
    assert read_data("null", damaged=False) is None


def test_a_timestamp_is_utc_with_milliseconds_cut_off() -> None:
    moment = datetime(2026, 1, 31, 9, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp_of(moment) == "2026-01-31 07:30:00.999Z"
    assert timestamp_of(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00.000Z"


def test_the_head_of_a_log_is_its_last_event() -> None:
    recorded = record(pending("{}"), {}, Head(4, "ab"), "id", "2026-01-01 00:00:00.000Z")
    assert recorded.head == Head(5, recorded.hash)


def test_optional_keys_are_hashed_exactly_if_they_are_not_empty() -> None:
    lines = (Path(__file__).parents[1] / "vectors" / "intent.jsonl").read_text().splitlines()
    head = EMPTY
    for event in map(json.loads, lines):
        given = {key: event[key] for key in OPTIONAL if key in event}
        appended = Pending(
            "r1", event["type"], event["collection"], event["item_id"], event["actor"], "", False, "", **given
        )
        recorded = record(appended, event["data"], head, event["event_id"], event["timestamp"])
        assert (recorded.seq, recorded.hash) == (event["seq"], event["hash"])
        assert recorded.hashed == {key: value for key, value in event.items() if key != "hash"}
        head = recorded.head
    assert head.seq == 15
