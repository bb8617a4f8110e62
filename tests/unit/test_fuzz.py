"""Whatever the pure parts are given, they do what they say, or refuse it in a sentence."""

import json
import math
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support import Server

from pocketbase_events.cli.show import _moment
from pocketbase_events.core.events import EMPTY, Head, Pending, Recorded, dump, record, timestamp_of
from pocketbase_events.core.fold import Fold, changes_of, difference, row_fields, unfit, unfit_fields
from pocketbase_events.core.json_text import (
    MAX_DEPTH,
    Unreadable,
    UnreadableJsonError,
    read_data,
    read_json,
    read_shown,
)
from pocketbase_events.core.policy import AppendRules, check_rule, compose_create_rule
from pocketbase_events.core.projection import Change, Refused, Write, merge, project
from pocketbase_events.core.schema import (
    ROW_CREATE_RULE,
    ROW_UPDATE_RULE,
    SETTABLE,
    FieldDefinition,
    Target,
    why_no_id,
    why_not_settable,
)
from pocketbase_events.core.transaction import build, group, requests_of
from pocketbase_events.core.values import (
    as_stored,
    describe,
    identical,
    is_empty,
    same,
    to_pocketbase,
    why_not_fitting,
    why_unfit,
)
from pocketbase_events.errors import PocketBaseEventsError, TroubleError, WrongUsageError
from pocketbase_events.jobs import setup
from pocketbase_events.jobs.adopt import _refuse_unreadable
from pocketbase_events.jobs.verify import verify_file
from pocketbase_events.pb.accounts import expires_at, worker_token
from pocketbase_events.pb.api import literal
from pocketbase_events.pb.export_file import BadLine, events_of, line_of
from pocketbase_events.pb.records import Status
from pocketbase_events.pb.schema_files import row_triggers
from pocketbase_events.pb.source import Page
from pocketbase_events.settings import Settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # whatever else the machine does
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)

# What PocketBase stores and shows is UTF-8, so no text that we read holds half a surrogate pair.
characters = st.characters(exclude_categories=("Cs",))
texts = st.text(characters, max_size=12)
words = st.text("abcXYZ_019", min_size=1, max_size=6)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def sentence(text: str, most: int = 5000) -> str:
    """The text, which is one that an author can read in one line and that the field `error` can hold."""
    assert " " in text.strip()
    assert "\n" not in text
    assert len(text) <= most
    return text


# -- JSON ------------------------------------------------------------------------------------------------------

PIECES = [
    "{", "}", "[", "]", ",", ":", '"', '"a"', '"b":', "0", "-0", "-", "1", "1.0", "1e5", "1e400", "-1e999", "1E-999",
    "9" * 17, "9" * 400, "9007199254740993", "0.1", "01", "1.", ".5", "+1", "true", "false", "null", "NaN", "Infinity",
    "-Infinity", " ", "\n", "\t", "\0", "\\", "\\u0061", "\\ud83d\\ude00", "\\ud800", "\\udfff", '"\\ud800"',
    '{"a":1,"a":2}', "\u2028", "😀", "\ufeff", "//", "'", "\\x", "[" * 150, "]" * 150, '{"a":' * 150, "}" * 150,
    "[" * 5000,
]  # fmt: skip
json_texts = json_values.flatmap(
    lambda value: st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)])
)


@st.composite
def edited_texts(draw: st.DrawFn, texts_: st.SearchStrategy[str]) -> str:
    """A text in which pieces were put in, replaced, removed or doubled."""
    text = draw(texts_)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 6)))
        piece = draw(st.sampled_from(PIECES) | st.just(text[start:end] * 2) | texts)
        text = text[:start] + piece + text[end:]
    return text


nested = st.tuples(st.integers(150, 250), st.sampled_from(["[", '{"a":', '[{"a":'])).map(
    lambda case: case[1] * case[0] + "1" + "".join({"[": "]", "{": "}"}.get(c, "") for c in reversed(case[1] * case[0]))
)
any_texts = st.one_of(
    texts,
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    json_texts,
    edited_texts(json_texts),
    edited_texts(nested),
    nested,
)


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


@settings(patient, max_examples=300)
@given(any_texts)
def test_a_json_text_is_read_as_every_reader_reads_it_or_refused_in_a_sentence(text: str) -> None:
    read, value = accepted(text)
    assert read == (why_unreadable(text) is None)
    if read:
        assert rfc8785.dumps(value) == rfc8785.dumps(json.loads(text, parse_int=float))


@settings(patient, max_examples=200)
@given(any_texts)
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


@settings(patient, max_examples=100)
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


@settings(patient, max_examples=200)
@given(any_texts | st.binary(max_size=30) | any_texts.map(str.encode), st.binary(max_size=2), st.integers(0, 40))
def test_what_pocketbase_shows_is_read_or_is_no_json(text: str | bytes, more: bytes, place: int) -> None:
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


# -- exports ---------------------------------------------------------------------------------------------------


def quiet(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
    del what, total
    yield from pages


@st.composite
def chains(draw: st.DrawFn) -> list[Recorded]:
    """A log of up to six events."""
    events: list[Recorded] = []
    head = EMPTY
    for number in range(draw(st.integers(1, 6))):
        type_ = draw(st.sampled_from(["create", "update", "delete"]))
        pending = Pending("", type_, draw(texts), draw(texts), draw(texts), "", damaged=False, schema_version="")
        event_id = str(UUID(int=draw(st.integers(0, 2**128 - 1)) & ~0xFF | number, version=4))
        events.append(record(pending, draw(json_values), head, event_id, f"2026-01-01 00:00:00.00{number}Z"))
        head = events[-1].head
    return events


def read_export(path: Path) -> list[Recorded | BadLine]:
    return [event for page in events_of(path) for event in page]


@st.composite
def edits(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """What may happen to one byte, or to one line, of a file."""
    place = draw(st.integers(0, 10_000))
    byte = bytes([draw(st.integers(0, 255) | st.sampled_from(b'0123456789abcdefE+-."{}[],:\\\n\r\t \0u'))])
    how = draw(st.sampled_from(["replace", "insert", "remove", "remove a line", "double a line", "swap lines", "cut"]))

    def edit(content: bytes) -> bytes:
        at = place % len(content)
        lines = content.splitlines(keepends=True)
        line = place % len(lines)
        before, after = lines[:line], lines[line + 1 :]
        edited = {
            "replace": content[:at] + byte + content[at + 1 :],
            "insert": content[:at] + byte + content[at:],
            "remove": content[:at] + content[at + 1 :],
            "remove a line": b"".join(before + after),
            "double a line": b"".join([*before, lines[line], lines[line], *after]),
            "swap lines": b"".join([*before, *after[:1], lines[line], *after[1:]]),
            "cut": content[:at],
        }[how]
        # Nothing tells a log that was cut off between two lines from a shorter one.
        return content if edited and content.startswith(edited.rstrip(b"\n") + b"\n") else edited or content

    return edit


@settings(patient, max_examples=150)
@given(chains(), edits())
def test_any_edit_of_an_export_is_found_or_leaves_the_very_same_events(
    tmp_path_factory: pytest.TempPathFactory, chain: list[Recorded], edit: Callable[[bytes], bytes]
) -> None:
    content = "".join(map(line_of, chain)).encode()
    path = tmp_path_factory.getbasetemp() / "edited.jsonl"
    path.write_bytes(content)
    assert verify_file(path, quiet).problems == []
    assert list(map(told, read_export(path))) == list(map(told, chain))
    path.write_bytes(edit(content))
    verdict = verify_file(path, quiet)
    for problem in verdict.problems:
        sentence(problem.reason)
    assert bool(verdict.problems) == (list(map(told, read_export(path))) != list(map(told, chain)))


def told(event: Recorded | BadLine) -> bytes:
    """What a line says, to the byte."""
    if isinstance(event, BadLine):
        return f"line {event.number}: {event.why}".encode()
    return rfc8785.dumps({**event.hashed, "hash": event.hash})


lines = st.one_of(
    any_texts.map(str.encode),
    st.binary(max_size=40),
    chains().map(lambda chain: line_of(chain[0]).strip().encode()),
    st.fixed_dictionaries({
        "actor": scalars, "collection": texts, "data": json_values, "event_id": texts | numbers, "hash": texts,
        "item_id": texts, "seq": scalars, "timestamp": texts,
        "type": st.sampled_from(["create", "update", "delete", "Create", "", None, []]),
    }).map(lambda event: json.dumps(event).encode()),
)  # fmt: skip


@settings(patient, max_examples=100)
@given(st.lists(lines, max_size=6))
def test_whatever_a_file_holds_each_line_is_an_event_or_told_why_not(
    tmp_path_factory: pytest.TempPathFactory, given_lines: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.jsonl"
    path.write_bytes(b"\n".join(given_lines))
    found = read_export(path)
    for each in found:
        if isinstance(each, BadLine):
            assert 0 < each.number <= b"\n".join(given_lines).count(b"\n") + 1
            sentence(each.why)
        else:
            assert read_again(tmp_path_factory, each) == [told(each)]
    verdict = verify_file(path, quiet)
    for problem in verdict.problems:
        sentence(problem.reason)
    bad = sum(isinstance(each, BadLine) for each in found)
    assert verdict.events == len(found) - bad
    assert len(verdict.problems) >= bad


def read_again(folder: pytest.TempPathFactory, event: Recorded) -> list[bytes]:
    path = folder.getbasetemp() / "again.jsonl"
    path.write_text(line_of(event))
    return list(map(told, read_export(path)))


# -- events and schemas of any kind ----------------------------------------------------------------------------

TYPES = [*sorted(SETTABLE) * 2, "file", "password", "autodate", "vector", ""]
NAMES = ["id", "deleted", "title", "qty", "done", "meta", "tags", "a", "B", "_", "Title", "collectionId", "expand"]
INDEXES = [
    "CREATE UNIQUE INDEX `i` ON `items` (`title`)", "create  unique\nindex i on items (lower(qty)) where done = 1",
    "CREATE INDEX i ON items (meta)", "", "UNIQUE", "unique (tags", 'CREATE UNIQUE INDEX "i" ON "items" ("a", [B])',
]  # fmt: skip


@st.composite
def definitions(draw: st.DrawFn) -> FieldDefinition:
    """A field as PocketBase may describe it, with options that we know, that we don't, and that make no sense."""
    described: dict[str, Any] = {
        "name": draw(st.sampled_from(NAMES)),
        "type": draw(st.sampled_from(TYPES)),
        "max": draw(st.sampled_from([0, None, "", 7])),
        "id": draw(texts),
    }
    options: dict[str, st.SearchStrategy[Any]] = {
        "hidden": st.booleans(),
        "required": st.booleans(),
        "maxSelect": st.integers(-1, 3) | st.just(2147483647),
        "values": st.lists(st.sampled_from(["a", "b", "", "[a]"]) | texts, max_size=3),
        "collectionId": st.sampled_from(["", "pbc_1", "nowhere"]),
        "autogeneratePattern": st.sampled_from(["", "[a-z]{5}", "("]),
    }
    given_ = draw(st.sets(st.sampled_from(sorted(options))))
    if described["type"] not in ("select", "relation", "file"):
        given_ -= {"maxSelect"}  # which PocketBase gives to no other field
    return FieldDefinition.model_validate({**described, **{name: draw(options[name]) for name in sorted(given_)}})


def targets_named(name: str) -> st.SearchStrategy[Target]:
    """An attached collection of that name, whose fields are of any kind."""
    return st.builds(
        Target,
        collection=st.just(name),
        collection_id=st.just("pbc_1"),
        version=st.just("1"),
        fields=st.lists(definitions(), max_size=8, unique_by=lambda each: each.name).map(tuple),
        indexes=st.none() | st.lists(st.sampled_from(INDEXES), max_size=2).map(tuple),
        row_create_rule=st.just(ROW_CREATE_RULE),
        row_update_rule=st.just(ROW_UPDATE_RULE),
    )


odd_values = st.one_of(
    json_values,
    st.sampled_from(
        [
            "",
            [],
            {},
            "2026-01-31",
            "2026-13-01",
            ["a", "b", "a"],
            ["a", 1],
            {"lon": 1, "lat": 2},
            '["a"]',
            "[",
            0,
            False,
        ]
    ),
    st.fixed_dictionaries({"lon": scalars, "lat": scalars}),
    st.lists(st.sampled_from(["a", "b", ""]), max_size=3),
)
datas = st.one_of(
    json_values,
    st.dictionaries(st.sampled_from(NAMES) | texts, odd_values, max_size=3),
    st.tuples(st.sampled_from(NAMES), odd_values).map(lambda pair: {pair[0]: pair[1]}),
    st.sampled_from([None, {}, {"id": "item1"}, {"id": 1}]),
)
types = st.sampled_from(["create", "update", "update", "delete"])
# PocketBase takes no event without an item_id.
item_ids = st.sampled_from(
    ["item1", "item2", "a#b", "é", "a'b", 'a"b', "a\\b", "a/b", "..", "a?b=1", "%2e", "x" * 1100]
) | st.text(characters, min_size=1, max_size=12)


@st.composite
def pendings(draw: st.DrawFn, collections: Sequence[str] = ("items",)) -> Pending:
    return Pending(
        id=draw(words),
        type=draw(types),
        collection=draw(st.sampled_from(collections)),
        item_id=draw(item_ids),
        actor=draw(texts),
        data=draw(st.one_of(datas.map(json.dumps), datas.map(json.dumps), any_texts)),
        damaged=draw(st.sampled_from([False] * 9 + [True])),
        schema_version="1",
        adopted=draw(st.sampled_from([False] * 9 + [True])),
    )


@settings(patient, max_examples=200)
@given(pendings(), datas, st.none() | targets_named("items"))
def test_whatever_an_event_and_a_schema_say_it_changes_fields_or_is_refused_in_a_sentence(
    event: Pending, data: Any, target: Target | None
) -> None:
    outcome = project(event, data, target)
    if isinstance(outcome, Refused):
        sentence(outcome.why)
        return
    assert target is not None
    assert (outcome.type, outcome.collection, outcome.item_id) == (event.type, "items", event.item_id)
    assert why_no_id(event.item_id) is None
    if event.type == "delete":
        assert outcome.fields == {"deleted": True}
        assert not data
        return
    assert set(outcome.fields) == set(data or {}) - {"id"}
    assert len(outcome.fields) == 1 or event.type == "create"
    for name, sent in outcome.fields.items():
        definition = target.by_name[name]
        assert why_not_settable(definition) is None
        assert why_not_fitting(definition, data[name]) is None
        assert sent == to_pocketbase(definition, data[name])


@st.composite
def groups_of_changes(draw: st.DrawFn) -> tuple[list[Change | None], dict[str, Target]]:
    targets = {name: draw(targets_named(name)) for name in ("items", "others")}
    changes: list[Change | None] = []
    for _ in range(draw(st.integers(0, 12))):
        target = targets[draw(st.sampled_from(sorted(targets)))]
        event = Pending(
            "r", draw(types), target.collection, draw(st.sampled_from("ab")), "", "", damaged=False, schema_version="1"
        )
        names = [each.name for each in target.settable]
        data = {draw(st.sampled_from(names)): draw(odd_values)} if names and event.type != "delete" else None
        outcome = project(event, data, target)
        changes.append(outcome if isinstance(outcome, Change) else None)
    return changes, targets


def in_turn(writes: Iterable[Write]) -> tuple[dict[tuple[str, str], dict[str, Any]], list[tuple[str, str]]]:
    """The rows that writes come to, and which rows were inserted, in turn."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    inserted = []
    for write in writes:
        row = (write.collection, write.item_id)
        rows.setdefault(row, {}).update(write.fields)
        inserted += [row] if write.inserts else []
    return rows, inserted


@settings(patient, max_examples=100)
@given(groups_of_changes())
def test_changes_of_any_kind_come_to_the_same_rows_merged_or_not(
    case: tuple[list[Change | None], dict[str, Target]],
) -> None:
    changes, targets = case
    merged, single = merge(changes, targets), merge(changes, targets, merging=False)
    assert in_turn(merged) == in_turn(single)
    places = [place for place, change in enumerate(changes) if change is not None]
    assert [write.events for write in single] == [[place] for place in places]
    assert sorted(place for write in merged for place in write.events) == places
    assert [write.events[0] for write in merged] == sorted(write.events[0] for write in merged)
    for write in merged:
        assert write.events == sorted(write.events)
        target = targets[write.collection]
        for place in write.events[1:]:
            joined = changes[place]
            assert joined is not None
            assert (joined.collection, joined.item_id) == (write.collection, write.item_id)
            for name in joined.fields:
                assert target.by_name[name].type != "relation"


@settings(patient, max_examples=80)
@given(
    st.lists(pendings(("items", "others", "nowhere")), max_size=8),
    st.sets(st.integers(0, 7), max_size=2),
    targets_named("items"),
    targets_named("others"),
    st.tuples(st.integers(1, 5), st.integers(1, 8)),
    st.booleans(),
)
def test_a_group_is_the_beginning_of_its_page_and_its_transaction_is_one_that_pocketbase_reads(
    events: list[Pending], refused: set[int], items: Target, others: Target, bounds: tuple[int, int], merging: bool
) -> None:
    targets = {"items": items, "others": others}
    page = [replace(event, id=f"r{place}") for place, event in enumerate(events)]
    limit, most = bounds
    chosen = group(page, {f"r{place}": "It may not be." for place in refused}, targets, limit=limit, most=most)
    assert len(chosen.events) == len(chosen.data) == len(chosen.changes) <= limit
    assert len(chosen) == min(most, len(page)) or len(chosen.events) == limit
    taken = [*chosen.events, *(rejection.event for rejection in chosen.rejections)]
    assert sorted(event.id for event in taken) == [event.id for event in page[: len(chosen)]]
    for event, change in zip(chosen.events, chosen.changes, strict=True):
        assert (change is None) == event.adopted
    for rejection in chosen.rejections:
        sentence(rejection.why)
    head = Head(7, "ab")
    made = iter(range(10))
    transaction = build(
        chosen, head, "2026-01-01 00:00:00.000Z", lambda: UUID(int=next(made), version=4), targets, merging=merging
    )
    for event, recorded in zip(chosen.events, transaction.recorded, strict=True):
        assert (recorded.seq, recorded.id, recorded.item_id) == (head.seq + 1, event.id, event.item_id)
        assert rfc8785.dumps(recorded.data) == rfc8785.dumps(read_data(event.data, damaged=False))
        head = recorded.head
    assert transaction.after == head
    requests = requests_of(transaction)
    json.dumps(requests, allow_nan=False)
    assert len(requests) == 1 + len(transaction.writes) + len(chosen)
    for request, write in zip(requests[1:], transaction.writes, strict=False):
        assert addressed(request) == (write.collection, write.item_id)
    marked = requests[1 + len(transaction.writes) :]
    assert [addressed(request) for request in marked] == [("events", event.id) for event in taken]


def addressed(request: dict[str, Any]) -> tuple[str, str | None]:
    """The collection and the record that PocketBase reads from a request of a batch (apis/batch.go)."""
    found = re.fullmatch(r"/api/collections/([^/?]+)/records(?:/([^/?]+))?(?:\?.*)?", request["url"])
    assert found is not None, request["url"]
    return found[1], request["body"]["id"] if request["method"] == "POST" else found[2]


@given(pendings(), targets_named("items"))
def test_rules_that_were_edited_are_trouble_and_no_event_s_fault(event: Pending, target: Target) -> None:
    closed = {"items": target.model_copy(update={"row_update_rule": "1 = 2"})}
    usual = group([event], {}, {"items": target}, limit=1, most=1)
    if usual.changes and usual.changes[0] is not None:
        with pytest.raises(TroubleError, match="attach items"):
            group([event], {}, closed, limit=1, most=1)
    else:
        assert group([event], {}, closed, limit=1, most=1) == usual


@st.composite
def logs(draw: st.DrawFn) -> list[Recorded]:
    """Events of any kind about three items, in the order of their seq."""
    steps = draw(st.lists(st.tuples(types, st.sampled_from("abc"), datas), max_size=10))
    return [
        Recorded(f"r{seq}", seq, f"e{seq}", "2026-01-01 00:00:00.000Z", type_, "items", item_id, data, "", f"h{seq}")
        for seq, (type_, item_id, data) in enumerate(steps, 1)
    ]


live_values = odd_values | st.just(Unreadable("(unreadable)"))
rows = st.dictionaries(st.sampled_from(NAMES), live_values, max_size=8)


@settings(patient, max_examples=100)
@given(logs(), st.none() | targets_named("items"), targets_named("items"), rows)
def test_whatever_a_log_says_it_folds_and_any_row_is_compared_with_it(
    log: list[Recorded], then: Target | None, now: Target, row: dict[str, Any]
) -> None:
    fold = Fold({"items": then})
    for event in log:
        for before, after in changes_of(event, fold.rows["items"].get(event.item_id)).values():
            json.dumps([before, after])
        fold.apply([event])
    assert fold.head == (log[-1].head if log else EMPTY)
    settable = {each.name for each in now.settable}
    for item_id in "abc":
        item = fold.rows["items"].get(item_id)
        for live in (None, row):
            found = difference(now, item_id, item, live)
            if item is None or live is None:
                assert (found is None) == (item is None and live is None)
            elif found is not None:
                assert found.kind == "changed"
                assert found.fields.keys() <= settable | {"deleted"}
        if item is None:
            continue
        fields = row_fields(now, item)
        assert fields.keys() <= settable | {"deleted"}
        misfits = dict(unfit_fields(now, item))
        blocking = dict(unfit_fields(now, item, blocking=True))
        assert blocking.items() <= misfits.items()
        for name in misfits.keys() & item.fields.keys():
            assert item.seq_of(name) <= fold.head.seq
        # A row that holds what the log says, as far as it can, differs in nothing.
        kept = {name: as_stored(now.by_name[name], item.fields.get(name)) for name in settable}
        assert difference(now, item_id, item, {**row, **kept, "deleted": item.deleted}) is None
    for each in unfit(now, fold.rows["items"]):
        assert each.count >= len(each.seqs) > 0
        assert list(each.seqs) == sorted(each.seqs)


# -- values ----------------------------------------------------------------------------------------------------


@settings(patient, max_examples=200)
@given(definitions(), live_values, live_values, live_values)
def test_being_the_same_is_the_same_in_both_directions_and_handed_on(
    definition: FieldDefinition, one: Any, two: Any, three: Any
) -> None:
    assume(definition.type in SETTABLE)
    assert same(definition, one, one)
    assert same(definition, one, two) == same(definition, two, one)
    if same(definition, one, two) and same(definition, two, three):
        assert same(definition, one, three)
    assert not identical(one, two) or same(definition, one, two)
    assert identical(one, two) == identical(two, one)


@settings(patient, max_examples=200)
@given(definitions(), live_values)
def test_any_value_fits_a_field_or_is_told_why_not(definition: FieldDefinition, value: Any) -> None:
    assume(definition.type in SETTABLE)
    sentence(f"It is {describe(value)}.", 200)
    stored = as_stored(definition, value)
    assert same(definition, as_stored(definition, stored), stored)
    is_empty(definition, value)
    why, why_now = why_not_fitting(definition, value), why_unfit(definition, value)
    if why is not None:
        sentence(why, 400)
        assert why_now is not None
    if why_now is not None:
        sentence(why_now, 400)
    if why is None and value is not None and definition.type != "json":
        assert same(definition, to_pocketbase(definition, value), value)
        assert why_not_fitting(definition, stored) is None


@given(st.recursive(live_values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)))
def test_a_value_is_adopted_only_where_all_of_it_could_be_read(value: Any) -> None:
    def is_readable(part: Any) -> bool:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return not isinstance(part, Unreadable) and all(map(is_readable, inner))

    if is_readable(value):
        _refuse_unreadable(value)
    else:
        with pytest.raises(UnreadableJsonError):
            _refuse_unreadable(value)


# -- times -----------------------------------------------------------------------------------------------------

zones = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)  # noqa: DTZ001 - a bound has no zone


@given(moments, moments)
def test_timestamps_are_in_the_order_of_the_moments(one: datetime, other: datetime) -> None:
    first, second = sorted([one, other])
    assert timestamp_of(first) <= timestamp_of(second)
    assert TIMESTAMP.fullmatch(timestamp_of(first))
    told_ = datetime.fromisoformat(timestamp_of(first))
    assert timedelta(0) <= first - told_ < timedelta(milliseconds=1)


@given(moments, st.sampled_from([" ", "T"]))
def test_a_moment_is_understood_in_any_zone_and_in_utc_where_it_names_none(moment: datetime, between: str) -> None:
    assert _moment(moment.isoformat(between)) == timestamp_of(moment)
    in_utc = moment.astimezone(UTC).replace(tzinfo=None)
    assert _moment(in_utc.isoformat(between)) == timestamp_of(moment)
    assert _moment(timestamp_of(moment)) == timestamp_of(moment)


@settings(patient, max_examples=150)
@given(
    texts
    | st.text("0123456789-:.TZW+ ", max_size=30)
    | edited_texts(moments.map(datetime.isoformat))
    | st.from_regex(r"[0-9]{1,4000}", fullmatch=True)
)
def test_what_show_is_asked_for_is_a_seq_a_time_or_told_to_be_none(at: str) -> None:
    moment: Any
    try:
        moment = _moment(at)
    except WrongUsageError as error:
        moment = error
    if at == "":
        assert moment is None
    elif re.fullmatch("[0-9]+", at):
        assert moment == int(at) if len(at) < 15 else isinstance(moment, int)
    else:
        says = "--at takes a seq or a time such as"
        assert TIMESTAMP.fullmatch(moment) if isinstance(moment, str) else says in str(moment)


# -- settings --------------------------------------------------------------------------------------------------

hosts = st.sampled_from(["localhost", "127.0.0.1:8090", "[::1]:80", "example.com/sub/", "[", "x:y", ""])
addresses = st.one_of(
    texts,
    st.tuples(st.sampled_from(["http://", "https://", "HTTP://", "ftp://", " http://", ""]), hosts | texts).map(
        "".join
    ),
)


@given(addresses)
def test_an_address_is_one_of_the_web_or_refused(address: str) -> None:
    try:
        url = Settings(url=address).url
    except ValidationError as error:
        sentence(str(error.errors()[0]["msg"]))
        url = None
    assert url in (address.rstrip("/"), None)
    if not address.startswith(("http://", "https://")):
        assert url is None
    if re.fullmatch(r"https?://(localhost|127\.0\.0\.1:8090|\[::1]:80|example\.com/sub/)", address):
        assert url is not None


@given(
    st.dictionaries(
        st.sampled_from(["superuser_email", "superuser_password", "worker_email", "worker_password"]), texts
    )
)
def test_no_password_is_shown_whatever_it_is(given_settings: dict[str, str]) -> None:
    shown = repr(Settings(url="http://x", **given_settings))  # type: ignore[arg-type]
    for name in ("superuser_password", "worker_password"):
        assert f"{name}=SecretStr('')" in shown or f"{name}=SecretStr('**********')" in shown or f"{name}=None" in shown


@given(st.dictionaries(words, texts, max_size=3), st.text("{}!:[]. ab", max_size=10))
def test_an_error_shows_its_facts_as_they_are(facts: dict[str, str], odd: str) -> None:
    assert str(WrongUsageError(**facts, why=odd)) == odd
    assert isinstance(WrongUsageError(why=odd), PocketBaseEventsError)


# -- rules and triggers ----------------------------------------------------------------------------------------

TOKENS = [
    "(", ")", '"', "'", "\\", "//", "\n", " ", "&&", "||", "=", "?=", "a", "1", '"x"', "'y'", '"(\\""', "'\\')'",
    "@collection.notes", "@collection.notes:mine.id", "@request.auth.id", "data.a", "{", "}", "`", "#", "😀", ";", "--",
    "/*", "*/", "(a = 1)", "// (\n",
]  # fmt: skip
rules = st.lists(st.sampled_from(TOKENS), max_size=10).map("".join)


def well_formed(rule: str) -> str | None:
    """The rule as PocketBase's parser sees its structure: texts as `t`, comments gone; None when it is not closed."""
    seen, place = "", 0
    while place < len(rule):
        char = rule[place]
        if char in "\"'":
            end = place + 1
            while end < len(rule) and rule[end] != char:
                end += 2 if rule[end] == "\\" else 1
            if end >= len(rule):
                return None
            seen, place = seen + "t", end + 1
        elif rule.startswith("//", place):
            place = rule.find("\n", place)
            if place < 0:
                break
        else:
            seen, place = seen + char, place + 1
    return seen if is_balanced(seen) else None


def is_balanced(seen: str) -> bool:
    depth = 0
    for char in seen:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


@settings(patient, max_examples=300)
@given(rules)
@example("a = '\\\n'")
def test_a_rule_is_admitted_exactly_where_it_stands_alone(rule: str) -> None:
    try:
        check_rule(rule)
    except WrongUsageError as error:
        sentence(str(error))
        assert well_formed(rule) is None
    else:
        assert well_formed(rule) is not None


@settings(patient, max_examples=150)
@given(
    st.dictionaries(
        words, st.tuples(*[st.none() | rules.filter(lambda rule: well_formed(rule) is not None)] * 3), max_size=3
    )
)
def test_no_rule_reaches_out_of_the_clause_of_its_collection(
    given_rules: dict[str, tuple[str | None, str | None, str | None]],
) -> None:
    targets = [AppendRules(name, *each) for name, each in given_rules.items()]
    composed = compose_create_rule(targets)
    if all(rule is None for each in given_rules.values() for rule in each):
        assert composed is None
        return
    assert composed is not None
    assert compose_create_rule(reversed(targets)) == composed
    seen = well_formed(composed)
    assert seen is not None
    # What is left of every clause, once what stands within it is gone, is the collection that it is about.
    outermost = re.sub(r"\s+", " ", without_inner(seen, 2))
    clauses = r"\(collection = t( && \(\))?( && \(\))?\)"
    assert re.fullmatch(
        rf".* && \(actor = t \|\| actor = @request.auth.id\) && \({clauses}( \|\| {clauses})*\)", outermost
    )


def without_inner(seen: str, deepest_: int) -> str:
    """What stands in parentheses within so many others, gone."""
    depth, kept = 0, ""
    for char in seen:
        depth -= char == ")"
        kept += char if depth <= deepest_ else ""
        depth += char == "("
    return kept


@given(words, words)
def test_the_triggers_of_a_collection_are_about_its_own_table_alone(collection_id: str, name: str) -> None:
    triggers = row_triggers(collection_id, name)
    assert sorted(triggers) == [f"pbe_rows_{collection_id}_{what}" for what in ("delete", "insert", "update")]
    for sql in triggers.values():
        assert re.search(r"BEFORE (INSERT|UPDATE|DELETE) ON `([^`]*)`", sql)[2] == name  # type: ignore[index]
        assert "{" not in sql


@given(item_ids)
def test_an_id_that_a_row_can_have_is_one_step_of_an_address(item_id: str) -> None:
    why = why_no_id(item_id)
    if why is not None:
        sentence(why, 400)
    elif item_id:
        assert not set(item_id) & set("/?\\%\"'` \n\0")
        assert item_id not in (".", "..")
        assert len(item_id.encode()) <= 1000


# -- what PocketBase reads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["worker+1@example.com", "o'hara@example.com", "w\u00f6rker@example.com"])
def test_the_account_of_the_worker_is_found_again_whatever_its_address(bare: Server, address: str) -> None:
    chosen = bare.settings(worker_email=address)
    setup.init(bare.admin(), chosen)
    setup.init(bare.admin(), chosen)
    for password in ({}, {"worker_password": None}):
        assert expires_at(worker_token(bare.settings(worker_email=address, **password))) > 0


# No id holds a control character or a backslash, which PocketBase 0.23 reads otherwise than 0.40.
ids = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\"), min_size=1, max_size=8)
odd_ids = st.text("ab\"'#?/%&|()@!~=<>:`{}[]$*+.,; ", min_size=1, max_size=6)


@settings(patient, max_examples=3, suppress_health_check=list(HealthCheck))
@given(st.lists(ids | odd_ids, min_size=40, unique=True))
def test_a_text_in_a_filter_is_that_text_and_nothing_else(server: Server, some: list[str]) -> None:
    server.guest().append_all(*({"type": "delete", "item_id": each} for each in some))
    root = server.superuser()
    for each in some:
        found = root.records("events", filter=f"item_id = {literal(each)}")
        assert {event["item_id"] for event in found} == {each}
