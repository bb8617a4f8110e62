"""Recorded chains of any content."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import rfc8785
from hypothesis import strategies as st

from pocketbase_events.core.chain import Chain, Problem
from pocketbase_events.core.events import EMPTY, Head, Pending, Recorded, chain_hash, record, timestamp_of

VECTORS = Path(__file__).parents[1] / "vectors" / "chain.jsonl"
FLAW = "data is not JSON. Send a JSON value."
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


def found(events: Iterable[Recorded], head: Head | None = None, kind: type[Chain] = Chain) -> list[Problem]:
    """What is wrong with a chain, in the order of seq."""
    used: dict[str, int] = {}

    def first_use(event_id: str, seq: int) -> int | None:
        earlier = used.get(event_id)
        used.setdefault(event_id, seq)
        return earlier

    chain = kind(first_use)
    problems = [problem for event in events for problem in chain.check(event)]
    return sorted([*problems, *chain.end(head)], key=lambda problem: problem.seq)


def reasons(events: Iterable[Recorded], head: Head | None = None) -> list[tuple[int, str]]:
    return [(problem.seq, problem.reason) for problem in found(events, head)]


def written(events: Iterable[Recorded]) -> list[bytes]:
    """What the events say, to the byte: to Python, true equals 1."""
    return [rfc8785.dumps({**event.hashed, "hash": event.hash, "flaw": event.flaw}) for event in events]


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
