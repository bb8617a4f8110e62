"""Any JSON text is read as every reader reads it, or refused in a sentence."""

import json
import math
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import rfc8785
from hypothesis import assume, given
from hypothesis import strategies as st
from support.strategies import any_texts, json_values, sentence

from pocketbase_events.core.events import dump
from pocketbase_events.core.json_text import MAX_DEPTH, UnreadableJsonError, read_data, read_json, read_shown
from pocketbase_events.pb.accounts import expires_at
from pocketbase_events.pb.records import Status


def accepted(text: str) -> tuple[bool, Any]:
    """Whether the text is read, and the value."""
    try:
        return True, read_json(text)
    except UnreadableJsonError as error:
        sentence(str(error), 300)
        return False, None


def all_numbers(value: Any) -> Iterator[float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from all_numbers(inner)


def why_unreadable(text: str) -> str | None:
    """Why a text is not to be read, found by Python's own reader; None when it is."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            raise ValueError("twice")
        return found

    if deepest(text) > MAX_DEPTH:
        return "deep"
    try:
        value = json.loads(text, parse_int=float, object_pairs_hook=pairs)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "surrogate"
    except ValueError as error:
        return str(error)
    return None if all(map(math.isfinite, all_numbers(value))) else "number"


def deepest(text: str) -> int:
    """How deep brackets nest, texts left out."""
    depth = found = 0
    for bracket in re.findall(r"[\[{}\]]", re.sub(r'"(?:[^"\\]|\\.)*("|\\?$)', "", text, flags=re.DOTALL)):
        depth += 1 if bracket in "[{" else -1
        found = max(found, depth)
    return found


@given(any_texts)
def test_a_json_text_is_read_as_every_reader_reads_it_or_refused_in_a_sentence(text: str) -> None:
    read, value = accepted(text)
    assert read == (why_unreadable(text) is None)
    if read:
        assert rfc8785.dumps(value) == rfc8785.dumps(json.loads(text, parse_int=float))


@given(json_values.map(json.dumps) | any_texts)  # few of any texts can be read
def test_what_is_read_has_one_dump_that_survives_any_trip(text: str) -> None:
    read, value = accepted(text)
    assume(read)
    canonical = rfc8785.dumps(value)
    hashed = {
        "actor": "",
        "collection": "c",
        "data": value,
        "event_id": "e",
        "item_id": "i",
        "seq": 1,
        "timestamp": "t",
    }
    event = {**hashed, "type": "create"}
    assert dump(event) == rfc8785.dumps(event)
    for again in (canonical.decode(), json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        assert rfc8785.dumps(read_json(again)) == canonical


@given(any_texts, st.booleans())
def test_an_events_data_is_read_as_its_text_is_and_never_where_it_is_damaged(text: str, damaged: bool) -> None:
    try:
        value = read_data(text, damaged=damaged)
    except UnreadableJsonError as error:
        sentence(str(error), 300)
        assert damaged or not accepted(text)[0]
    else:
        assert not damaged
        assert (value is None) if not text else rfc8785.dumps(value) == rfc8785.dumps(read_json(text))


@given(any_texts | st.binary(max_size=30) | any_texts.map(str.encode), st.binary(max_size=2), st.integers(0, 40))
def test_what_pocketbase_shows_is_read_or_is_not_json(text: str | bytes, more: bytes, place: int) -> None:
    if isinstance(text, bytes):
        text = text[:place] + more + text[place:]
    try:
        value = read_shown(text)
    except (ValueError, RecursionError):
        return
    assert all(map(math.isfinite, all_numbers(value)))
    if isinstance(text, str) and accepted(text)[0]:
        assert rfc8785.dumps(value) == rfc8785.dumps(read_json(text))


ends = st.fixed_dictionaries({"exp": json_values | st.just(10**400)})


@given(st.binary(max_size=20) | (json_values | ends).map(lambda claims: json.dumps(claims).encode()))
def test_whatever_a_token_says_it_ends_at_some_time(payload: bytes) -> None:
    for token in (payload.decode(errors="replace"), f"x.{urlsafe_b64encode(payload).decode()}.y"):
        assert isinstance(expires_at(token), float)


STATUS = {
    "hash": "", "hold_until": "", "hold_by": "", "last_hash": "", "last_timestamp": "", "pending": 0, "rejected": 0,
    "oldest_pending": "", "now": "2026-01-01 00:00:00.000Z", "triggers": [],
}  # fmt: skip


@given(*[st.floats(allow_nan=False) | json_values | st.sampled_from([1e300, math.inf, 2**63 - 1, 2**53])] * 2)
def test_whatever_stands_where_a_seq_belongs_is_a_seq_that_can_be_compared(head: Any, last: Any) -> None:
    status = Status.model_validate({**STATUS, "seq": head, "last_seq": last})
    for told_, stands in ((status.seq, head), (status.last_seq, last)):
        assert isinstance(told_, int)
        assert told_ in (-1, stands)
        assert abs(told_) < 2**53
