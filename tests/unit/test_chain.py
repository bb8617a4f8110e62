"""Whether a chain of recorded events is intact, and what was done to it where it isn't."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pocketbase_events.core.chain import Chain, Problem
from pocketbase_events.core.events import EMPTY, HASHED, Head, Pending, Recorded, chain_hash, dump, record, timestamp_of
from pocketbase_events.jobs.verify import verify_file

VECTORS = Path(__file__).parents[1] / "vectors" / "chain.jsonl"
FLAW = "data is not JSON. Send a JSON value."

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # whatever else the machine does

characters = st.characters(exclude_categories=("Cs",))
# ASCII, control characters, and keys whose order differs between code points and UTF-16 (RFC 8785's order).
keys = st.text(characters, max_size=4) | st.sampled_from(
    ["\U0001f600", "\ufb33", "\uffff", "\u20ac", "\r", "1", "\x7f"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.sampled_from([2**53 - 1, -(2**53) + 1, 0, -0.0, 1.0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(characters, max_size=8)
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
types = st.sampled_from(["create", "update", "delete"])
timestamps = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(timestamp_of)  # noqa: DTZ001 - hypothesis adds the zone
event_ids = st.uuids(version=4).map(str)
texts = st.text(characters, max_size=6)


def pages(given_pages: Iterable[Sequence[Any]], _what: str, _total: int) -> Iterator[Sequence[Any]]:
    """A watch that shows nothing."""
    yield from given_pages


def found(events: Iterable[Recorded], head: Head | None = None) -> list[Problem]:
    """What is wrong with a chain, in the order of seq."""
    used: dict[str, int] = {}

    def first_use(event_id: str, seq: int) -> int | None:
        earlier = used.get(event_id)
        used.setdefault(event_id, seq)
        return earlier

    chain = Chain(first_use)
    problems = [problem for event in events for problem in chain.check(event)]
    return sorted([*problems, *chain.end(head)], key=lambda problem: problem.seq)


def reasons(events: Iterable[Recorded], head: Head | None = None) -> list[tuple[int, str]]:
    return [(problem.seq, problem.reason) for problem in found(events, head)]


def hashed_again(event: Recorded, previous: str) -> Recorded:
    """The event with the hash that its content gives after the one before it."""
    return replace(event, hash=chain_hash(event.hashed, previous))


def chained(events: Iterable[Recorded]) -> list[Recorded]:
    """The events, each with the hash that it would have been recorded with."""
    done: list[Recorded] = []
    for event in events:
        done.append(hashed_again(event, done[-1].hash if done else ""))
    return done


@st.composite
def chains(draw: st.DrawFn, least: int = 1, most: int = 6) -> list[Recorded]:
    """A recorded chain."""
    count = draw(st.integers(least, most))
    ids = draw(st.lists(event_ids, min_size=count, max_size=count, unique=True))
    times = sorted(draw(st.lists(timestamps, min_size=count, max_size=count)))
    head, recorded = EMPTY, []
    for event_id, timestamp in zip(ids, times, strict=True):
        appended = Pending("r", draw(types), draw(texts), draw(texts), draw(texts), "", False, "")
        recorded.append(record(appended, draw(json_values), head, event_id, timestamp))
        head = recorded[-1].head
    return recorded


def simple_chain(count: int) -> list[Recorded]:
    head, recorded = EMPTY, []
    for number in range(1, count + 1):
        appended = Pending(f"r{number}", "create", "items", f"i{number}", "", "", False, "")
        timestamp = timestamp_of(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number))
        event_id = str(UUID(int=number, version=4))
        recorded.append(record(appended, {"qty": number}, head, event_id, timestamp))
        head = recorded[-1].head
    return recorded


# -- edits: each gives the edited chain and the seqs that it is about -----------------------------------------

Edit = tuple[list[Recorded], set[int]]


def values_of(field: str, chain: list[Recorded]) -> st.SearchStrategy[Any]:
    """What somebody may put into a field of a recorded event, those of other events included."""
    there = st.sampled_from([getattr(event, field) for event in chain]) if field != "data" else st.nothing()
    return (
        there
        | {
            "actor": texts,
            "collection": texts,
            "item_id": texts,
            "type": types | texts,
            "data": json_values,
            "event_id": event_ids | texts,
            "timestamp": timestamps | texts,
            "hash": st.text("0123456789abcdef", min_size=64, max_size=64) | texts,
            "seq": st.integers(-2, len(chain) + 3),
            "flaw": st.just(FLAW),
        }[field]
    )


def is_same(field: str, one: Any, other: Any) -> bool:
    return bool(rfc8785.dumps(one) == rfc8785.dumps(other)) if field == "data" else bool(one == other)


@st.composite
def field_edit(draw: st.DrawFn, chain: list[Recorded], place: int, fields: Sequence[str]) -> Edit:
    field = draw(st.sampled_from(fields))
    event, value = chain[place], draw(values_of(field, chain))
    assume(not is_same(field, getattr(event, field), value))
    edited = replace(event, **{field: value})
    return [*chain[:place], edited, *chain[place + 1 :]], {event.seq, edited.seq}


@st.composite
def removal(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    last = draw(st.integers(place, len(chain) - 1))
    first_told = place + 1 if last + 1 < len(chain) else len(chain)  # a gap, or the head
    return [*chain[:place], *chain[last + 1 :]], {first_told}


@st.composite
def duplication(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    to = draw(st.integers(0, len(chain)))
    return [*chain[:to], chain[place], *chain[to:]], {place + 1, to + 1}


@st.composite
def swap(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    other = draw(st.integers(0, len(chain) - 1))
    assume(other != place)
    edited = list(chain)
    edited[place], edited[other] = edited[other], edited[place]
    return edited, {place + 1, other + 1}


@st.composite
def exchange(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    """Two events that give each other their seq."""
    other = draw(st.integers(0, len(chain) - 1))
    assume(other != place)
    edited = list(chain)
    edited[place] = replace(chain[other], seq=place + 1)
    edited[other] = replace(chain[place], seq=other + 1)
    return edited, {place + 1, other + 1}


CONTENT = ("actor", "collection", "item_id", "type", "data", "event_id", "timestamp", "hash", "flaw")
EDITS: list[Callable[[list[Recorded], int], st.SearchStrategy[Edit]]] = [
    lambda chain, place: field_edit(chain, place, (*CONTENT, "seq")),
    removal,
    duplication,
    swap,
    exchange,
]


@st.composite
def edited_chains(draw: st.DrawFn) -> tuple[list[Recorded], list[Recorded], set[int]]:
    """A recorded chain, the same edited, and what the edit is about."""
    chain = draw(chains())
    edit = draw(st.sampled_from(EDITS))
    edited, about = draw(edit(chain, draw(st.integers(0, len(chain) - 1))))
    return chain, edited, about


def is_near(seq: int, about: set[int]) -> bool:
    return any(abs(seq - each) <= 1 for each in about)


# -- laws --------------------------------------------------------------------------------------------------


@patient
@given(chains())
def test_an_untouched_chain_has_no_problems(chain: list[Recorded]) -> None:
    assert found(chain) == []
    assert found(chain, chain[-1].head) == []


def test_an_empty_chain_has_no_problems() -> None:
    assert found([], EMPTY) == []


@settings(patient, max_examples=250)
@given(edited_chains())
def test_any_single_edit_of_a_chain_is_found_where_it_was_made(
    case: tuple[list[Recorded], list[Recorded], set[int]],
) -> None:
    chain, edited, about = case
    problems = found(edited, chain[-1].head)
    assert problems
    assert is_near(problems[0].seq, about), problems
    # A database gives the recorded events in the order of their seq.
    in_database = sorted((event for event in edited if event.seq > 0), key=lambda event: event.seq)
    problems = found(in_database, chain[-1].head)
    assert bool(problems) == (in_database != chain)
    assert not problems or is_near(problems[0].seq, about), problems


@patient
@given(chains(), st.data())
def test_any_edited_field_is_found_without_a_head_too(chain: list[Recorded], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    edited, about = data.draw(field_edit(chain, place, CONTENT))
    problems = found(edited)
    assert problems
    assert is_near(problems[0].seq, about)


@patient
@given(chains(), st.data())
def test_an_end_that_was_removed_is_found_through_the_head_alone(chain: list[Recorded], data: st.DataObject) -> None:
    rest = chain[: data.draw(st.integers(0, len(chain) - 1))]
    assert found(rest) == []
    problems = found(rest, chain[-1].head)
    assert [problem.seq for problem in problems] == [len(chain)]
    assert "head disagrees" in problems[0].reason
    assert found(rest, rest[-1].head if rest else EMPTY) == []


@patient
@given(chains(least=2), st.data())
def test_a_rewritten_event_breaks_its_link_with_the_next_one(chain: list[Recorded], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    edited, _ = data.draw(field_edit(chain, place, ("actor", "collection", "item_id", "type", "data")))
    edited[place] = hashed_again(edited[place], chain[place - 1].hash if place else "")
    problems = found(edited, chain[-1].head)
    if place + 1 < len(chain):
        assert [problem.seq for problem in problems] == [place + 2]
        assert f"or seq {place + 1} was rewritten" in problems[0].reason
    else:
        assert [problem.seq for problem in problems] == [place + 1]
        assert "head disagrees" in problems[0].reason


def one_of_many(chain: list[Recorded], place: int) -> st.SearchStrategy[Edit]:
    """An edit of a chain that leaves what is further away as it is."""
    without = ([*chain[:place], *chain[place + 1 :]], {place + 1})
    doubled = ([*chain[: place + 1], *chain[place:]], {place + 1})
    swapped = ([*chain[:place], *reversed(chain[place : place + 2]), *chain[place + 2 :]], {place + 1, place + 2})
    whole = [without, doubled] + ([swapped] if place + 1 < len(chain) else [])
    return st.sampled_from(whole) | field_edit(chain, place, CONTENT)


@settings(patient, max_examples=150)
@given(chains(least=5, most=9), st.data())
def test_two_edits_apart_from_each_other_are_both_found(chain: list[Recorded], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(chain) - 4))
    second = data.draw(st.integers(first + 3, len(chain) - 1))
    edited, about_second = data.draw(one_of_many(chain, second))
    untouched = [event for event in chain[: second - 1] if event in edited]
    assert untouched == chain[: second - 1]
    edited, about_first = data.draw(one_of_many(edited, first))
    # A timestamp set far ahead makes all that come after it late: that one is not what the second edit is found by.
    problems = [problem for problem in found(edited, chain[-1].head) if "time runs" not in problem.reason]
    for about in (about_first, about_second):
        assert any(is_near(problem.seq, about) for problem in problems), (about, problems)


def test_an_event_that_is_out_of_place_hides_no_edit_after_it() -> None:
    chain = simple_chain(12)
    chain[2] = replace(chain[2], seq=1000)
    chain[8] = replace(chain[8], data={"qty": -1})
    assert any(seq == 9 and reason.startswith("changed") for seq, reason in reasons(chain))


# -- each kind is told apart by its sentence -------------------------------------------------------------------


def test_a_removed_event_is_a_gap() -> None:
    chain = simple_chain(6)
    assert reasons([*chain[:2], *chain[3:]]) == [(3, "gap: seq 3 is missing.")]
    assert reasons([*chain[:2], *chain[5:]]) == [(3, "gap: seq 3 to 5 are missing.")]
    assert reasons(chain[1:]) == [(1, "gap: seq 1 is missing.")]


def test_a_second_event_with_the_same_seq_is_a_duplicate() -> None:
    chain = simple_chain(6)
    forged = replace(chain[2], event_id=str(UUID(int=99, version=4)), data={"qty": 99})
    for events in ([*chain[:3], forged, *chain[3:]], [*chain[:2], forged, *chain[2:]]):
        told = reasons(events)
        assert (3, "duplicate: another event has the same seq.") in told
        assert {seq for seq, _ in told} == {3}


def test_an_event_at_an_earlier_place_is_out_of_order_and_no_other_is_missing() -> None:
    chain = simple_chain(6)
    told = [reason for _, reason in reasons([*chain[:4], chain[1], *chain[4:]], chain[-1].head)]
    assert "out of order: seq 2 after 4." in told
    assert not any(reason.startswith(("gap", "changed")) for reason in told)


def test_an_edited_event_is_changed() -> None:
    chain = simple_chain(6)
    for field, value in (
        ("data", {"qty": -1}),
        ("actor", "somebody"),
        ("collection", "others"),
        ("item_id", "i9"),
        ("type", "delete"),
    ):
        told = reasons([*chain[:2], replace(chain[2], **{field: value}), *chain[3:]], chain[-1].head)
        assert [seq for seq, _ in told] == [3]
        assert told[0][1].startswith("changed: ")


def test_an_edited_last_event_is_changed() -> None:
    chain = simple_chain(3)
    told = reasons([*chain[:2], replace(chain[2], actor="somebody")], chain[-1].head)
    assert [seq for seq, _ in told] == [3]
    assert told[0][1].startswith("changed: ")


@pytest.mark.parametrize("place", [0, 2, 5])
def test_an_overwritten_hash_is_a_broken_link_of_content_that_is_right(place: int) -> None:
    chain = simple_chain(6)
    edited = [*chain[:place], replace(chain[place], hash="0" * 64), *chain[place + 1 :]]
    told = reasons(edited, chain[-1].head)
    assert told[0] == (place + 1, "broken link: its hash was overwritten; its content is what was recorded.")


def test_an_event_with_a_wrong_hash_and_wrong_content_is_told() -> None:
    chain = simple_chain(6)
    told = reasons([*chain[:2], replace(chain[2], hash="0" * 64, data=1), *chain[3:]])
    assert told[0][0] == 3
    assert told[0][1].startswith("changed, or a broken link: ")


def test_a_timestamp_before_the_last_is_time_that_runs_backwards() -> None:
    chain = simple_chain(6)
    earlier = "2025-12-31 23:59:59.999Z"
    chain = chained([*chain[:2], replace(chain[2], timestamp=earlier), *chain[3:]])
    assert reasons(chain, chain[-1].head) == [
        (3, f"time runs backwards: {earlier} after 2026-01-01 00:00:02.000Z."),
    ]


@pytest.mark.parametrize("timestamp", ["2099-01-01 00:00:00.000Z", "some day"])
def test_a_timestamp_set_ahead_accuses_no_event_but_its_own_and_the_next(timestamp: str) -> None:
    chain = simple_chain(6)
    edited = [*chain[:2], replace(chain[2], timestamp=timestamp), *chain[3:]]
    told = reasons(edited, chain[-1].head)
    assert told[0][0] == 3
    assert {seq for seq, _ in told} <= {3, 4}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("event_id", "36d0f8f6-e828-11f1-8918-02fc00000001", "its event_id is no uuid v4."),
        ("event_id", str(UUID(int=3, version=4)).upper().replace("0", "A"), "its event_id is no uuid v4."),
        ("event_id", str(UUID(int=3, version=4)) + "\n", "its event_id is no uuid v4."),
        ("event_id", str(UUID(int=1, version=4)), "its event_id is used twice, by seq 1 before it."),
        ("event_id", "", "lacks its event_id."),
        ("timestamp", "", "lacks its timestamp."),
        ("timestamp", "2026-01-01T00:00:03.000Z", "its timestamp is no time."),
        ("timestamp", "2026-01-01 00:00:03Z", "its timestamp is no time."),
        ("hash", "", "lacks its hash."),
        ("hash", "f00d", "its hash is no SHA-256."),
        ("hash", "A" * 64, "its hash is no SHA-256."),
        ("hash", "é", "its hash is no SHA-256."),
        ("flaw", FLAW, f"its data can't be read: {FLAW}"),
    ],
)
@pytest.mark.parametrize("place", [2, 5])
def test_a_field_that_is_not_what_the_worker_gives_is_told(field: str, value: str, says: str, place: int) -> None:
    chain = simple_chain(6)
    edited = [*chain[:place], replace(chain[place], **{field: value}), *chain[place + 1 :]]
    told = reasons(edited, chain[-1].head)
    assert (place + 1, says) in told
    assert {seq for seq, _ in told} <= {place + 1, place + 2}


def test_a_head_that_disagrees_is_told_with_what_both_say() -> None:
    chain = simple_chain(3)
    for head in (Head(2, chain[1].hash), Head(4, "0" * 64), Head(3, "0" * 64), Head(3, ""), EMPTY):
        told = reasons(chain, head)
        assert [seq for seq, _ in told] == [head.seq]
        assert "the head disagrees with the last event" in told[0][1]
        assert f"seq {head.seq} ({head.hash[:8] or 'no hash'})" in told[0][1]
        assert f"seq 3 ({chain[-1].hash[:8]})" in told[0][1]


@pytest.mark.parametrize("first", [-1, 0, 2])
def test_a_chain_that_does_not_begin_with_seq_1_has_a_problem(first: int) -> None:
    chain = chained(replace(event, seq=event.seq - 1 + first) for event in simple_chain(3))
    assert found(chain)


# -- files -----------------------------------------------------------------------------------------------------


def test_the_vectors_verify() -> None:
    verdict = verify_file(VECTORS, pages)
    last = json.loads(VECTORS.read_text().splitlines()[-1])
    assert verdict.problems == []
    assert (verdict.events, verdict.head) == (11, Head(11, last["hash"]))
    assert verdict.collections == {"shopping_items", "notes"}


def meaning(content: bytes) -> list[bytes] | None:
    """What the lines of an export say, however they are written; None when they are no JSON that has a dump."""
    try:
        return [rfc8785.dumps(json.loads(line)) for line in content.split(b"\n") if line.strip()]
    except ValueError:
        return None


@settings(patient, max_examples=300)
@given(
    st.integers(0, VECTORS.stat().st_size - 1), st.integers(0, 255) | st.sampled_from(b'0123456789abcdef"{}[],:\\\n')
)
def test_any_changed_byte_of_an_export_is_found_unless_it_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    content = VECTORS.read_bytes()
    edited = content[:place] + bytes([byte]) + content[place + 1 :]
    file = tmp_path_factory.getbasetemp() / "edited.jsonl"
    file.write_bytes(edited)
    assert bool(verify_file(file, pages).problems) == (meaning(edited) != meaning(content))


# -- the dump --------------------------------------------------------------------------------------------------

flat = st.dictionaries(st.text(st.characters(codec="ascii"), max_size=4), scalars, max_size=5)
hashed_events = st.fixed_dictionaries({
    **dict.fromkeys(HASHED, st.text(characters, max_size=8)),
    "data": json_values | flat | st.dictionaries(keys, scalars, max_size=5),
    "seq": st.integers(1, 2**53 - 1),
})  # fmt: skip


@settings(patient, max_examples=500)
@given(hashed_events)
def test_the_dump_is_rfc_8785_to_the_byte(event: dict[str, Any]) -> None:
    assert dump(event) == rfc8785.dumps(event)


@settings(patient, max_examples=200)
@given(hashed_events, st.randoms(use_true_random=False))
def test_the_dump_does_not_depend_on_the_order_of_keys(event: dict[str, Any], chance: Any) -> None:
    names = list(event)
    chance.shuffle(names)
    shuffled = {name: event[name] for name in names}
    if isinstance(shuffled["data"], dict):
        shuffled["data"] = dict(reversed(shuffled["data"].items()))
    assert dump(shuffled) == dump(event)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 2**53, -(2**53), "\ud800", "x\udfff", [2**64], {"\ud800": 1}]
)
def test_what_rfc_8785_has_no_form_for_has_no_dump(value: Any) -> None:
    event = {**simple_chain(1)[0].hashed, "data": value}
    for edited in (event, {**event, "data": {"a": value}}):
        with pytest.raises(ValueError):  # noqa: PT011 - what a caller is promised
            dump(edited)
