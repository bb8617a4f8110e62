"""Values of every type that were recorded are no difference."""

import json
import time
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import Server, run_command
from support.checking import NOTHING, append_all, record_all, refused, silent
from support.strategies import FEW

from pocketbase_events.jobs.check import find_drift
from pocketbase_events.jobs.watch import unwatched
from pocketbase_events.pb.database import Database

CHOICES = ["a", "b", "c", "[c]", '["a"]', "1", "true", "null", "Œ 😀", "x,y"]
FRIENDS = [f"friend{number:09d}" for number in range(3)]


def every_field(friends: str) -> list[dict[str, Any]]:
    """A field of every type; `friends` is the id of the collection to relate to."""
    return [
        {"name": "text", "type": "text"},
        {"name": "editor", "type": "editor"},
        {"name": "email", "type": "email"},
        {"name": "url", "type": "url"},
        {"name": "number", "type": "number"},
        {"name": "bool", "type": "bool"},
        {"name": "date", "type": "date"},
        {"name": "one", "type": "select", "maxSelect": 1, "values": CHOICES},
        {"name": "many", "type": "select", "maxSelect": 5, "values": CHOICES},
        {"name": "friend", "type": "relation", "maxSelect": 1, "collectionId": friends},
        {"name": "friends", "type": "relation", "maxSelect": 5, "collectionId": friends},
        {"name": "json", "type": "json"},
        {"name": "place", "type": "geoPoint"},
        {"name": "auto", "type": "text", "autogeneratePattern": "[a-z]{8}"},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
        {"name": "photo", "type": "file", "maxSelect": 1},
        {"name": "key", "type": "password"},
        {"name": "secret", "type": "text", "hidden": True, "autogeneratePattern": "[a-z]{8}"},
    ]


# What a row holds before an event changes one field of it.
FULL: dict[str, Any] = {
    "text": "before", "editor": "<p>before</p>", "email": "before@example.com", "url": "https://before.example",
    "number": 17, "bool": True, "date": "2020-02-29 12:00:00.000Z", "one": "b", "many": ["c", "b"],
    "friend": FRIENDS[2], "friends": [FRIENDS[2], FRIENDS[1]], "json": {"before": [1]}, "place": {"lon": 1, "lat": 2},
    "auto": "before",
}  # fmt: skip
ODD_TEXTS = [
    "", " ", " both ends ", "\ttab\n", "\r\n", "\x00", "nul\x00within", "\x01\x1f\x7f\x80\x9f", "\u2028\u2029\ufeff",
    "\ud7ff\ue000\uffff", "😀👨‍👩‍👧", "e\u0301 é", "\u202eright to left", "null", "true", "0", "1.0", "-0", "1e5", "[]",
    "[1]", '["a"]', "{}", '{"a":1}', '"quoted"', "\\", "\\u0041", "'; DROP TABLE items; --", "<b>&amp;</b>", "%00",
    "a" * 4900, "😀" * 2000, "2026-01-31", "@now",
]  # fmt: skip
ODD_NUMBERS = [
    0, -0.0, 1, 1.0, -1, 0.1, -0.1, 1e308, -1e308, 1.7976931348623157e308, 5e-324, -5e-324, 2.2250738585072014e-308,
    2**53 - 1, 1 - 2**53, 2**53, 2**53 + 2, -(2**53) - 2, 2**62, 2**63, 2**64, 10**19, 10**30, 1e21, 1e-7, 123456.789,
    0.30000000000000004, 1 / 3, 4503599627370497.5,
]  # fmt: skip


def deep(levels: int, inner: Any = 1) -> Any:
    for level in range(levels):
        inner = [inner] if level % 2 else {"a": inner}
    return inner


DATES = [
    "".join(parts)
    for parts in product(
        ("2026-01-31", "0002-03-01", "9999-12-30", "2024-02-29"),
        ("T", " "),
        ("00:00:00", "23:59:59"),
        ("", ".0", ".5", ".99", ".123", ".9996", ".12345", ".999999", ".0000001", ".99999999", ".123456789"),
        ("", "Z", "+00:00", "-00:00", "+05:30", "-12:00", "+14:00"),
    )
]  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "text": ODD_TEXTS,
    "auto": ODD_TEXTS[1:],
    "editor": [*ODD_TEXTS, "<p>" + "x" * 100_000 + "</p>"],
    "email": ["", "a@example.com", "UPPER.Case+tag@Example.COM"],
    "url": ["", "https://example.com", "http://example.com:8080/a%20b?c=d&e[]=f#g", "https://example.com/Œ"],
    "number": ODD_NUMBERS,
    "bool": [True, False],
    "date": [
        "", "2026-01-31", "0002-01-01", "9999-12-31",
        "9999-12-31 23:59:59.999999999Z", "2026-01-31T09:30:00+05:00",
    ],
    "one": ["", *(choice for choice in CHOICES if choice != '["a"]')],
    "many": [
        "", [], [""], ["", "a", ""], ["a"], ["b", "a"], ["a", "b", "a", "a"], ["[c]", '["a"]'], ['["a"]'],
        ["1", "true", "null"], *CHOICES,
    ],
    "friend": ["", *FRIENDS],
    "friends": ["", [], [""], FRIENDS, FRIENDS[::-1], [FRIENDS[1], FRIENDS[0], FRIENDS[1]], FRIENDS[0], [FRIENDS[0]]],
    "json": [
        *ODD_TEXTS, *ODD_NUMBERS, True, False, [], {}, [[]], [{}], {"": ""}, [None], {"a": None}, [0, False, "", None],
        {"b": 1, "a": {"d": [1.0, True], "c": 1e21}}, {"é": 1, "e\u0301": 2, "😀": 3, "\ue000": 4}, {"\x00": "\x00"},
        {"10": 1, "9": 2, "__proto__": 3}, deep(150), deep(199), [deep(150), "[" * 300], list(range(300)),
        "x" * 100_000,
    ],
    "place": [
        {"lon": 0, "lat": 0}, {"lat": 1, "lon": 0}, {"lon": 180, "lat": 90}, {"lon": -180, "lat": -90.0},
        {"lon": 0.1, "lat": -0.0}, {"lon": 1e-7, "lat": 5e-324}, {"lon": 12.345678901234567, "lat": 1 / 3},
    ],
}  # fmt: skip
CASES = [(name, value) for name, values in VALUES.items() for value in [*values, None]]
HOW = {  # how the rows of each kind come to a value: created with it, updated to it from nothing, or from another
    "c": lambda name, value: [("create", {name: value})],
    "e": lambda name, value: [("create", None), ("update", {name: value})],
    "f": lambda name, value: [("create", FULL), ("update", {name: value})],
}


@pytest.fixture(scope="module")
def every(shared: Server) -> Server:
    """The shared PocketBase with an attached collection `every` that has a field of every type, and its friends."""
    items = shared.superuser()("GET", "/api/collections/items").json()["id"]
    shared.create_collection("every", every_field(items))
    shared.attach("every")
    friends = [{"type": "create", "item_id": item_id, "data": {"title": "friend"}} for item_id in FRIENDS]
    shared.guest().append_all(*friends)
    record_all(shared)
    return shared


@pytest.fixture(scope="module")
def valued(every: Server) -> Server:
    """The same, with rows that hold every value, each by a create and by updates."""
    events = [
        {"type": type_, "item_id": f"{kind}{number:014d}", "data": data}
        for number, (name, value) in enumerate(CASES)
        for kind, steps in HOW.items()
        for type_, data in steps(name, value)
    ]
    dates = [{"type": "create", "item_id": f"d{n:014d}", "data": {"date": date}} for n, date in enumerate(DATES)]
    append_all(every.guest(), "every", [*events, *dates])
    record_all(every)
    return every


def as_doubles(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_int=float)


@pytest.mark.slow
def test_each_of_these_values_is_recorded_and_reaches_its_row(valued: Server) -> None:
    assert refused(valued) == []
    rows = {row["id"]: row for row in valued.superuser().records("every")}
    assert len([key for key in rows if key[0] in {*HOW, "d"}]) == len(HOW) * len(CASES) + len(DATES)
    for number, (name, value) in enumerate(CASES):
        if name in ("text", "editor", "number", "bool", "json") and value is not None:
            stored = [rows[f"{kind}{number:014d}"][name] for kind in HOW]
            assert as_doubles(stored) == as_doubles([value] * len(HOW))


@pytest.mark.parametrize("reads", ["API", "file"])
def test_values_of_every_type_are_not_differences(valued: Server, reads: str) -> None:
    folder = ["--dir", str(valued.data)] if reads == "file" else []
    done = run_command("check", "--json", *folder, env=valued.environment)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["differences"] == []
    assert (done.returncode, found["ok"]) == (0, True)
    assert found["collections"]["every"] == {"rows": len(valued.superuser().records("every")), **NOTHING}


def test_a_date_that_pocketbase_cannot_read_is_rejected_rather_than_recorded(server: Server) -> None:
    server.create_collection("days", [{"name": "day", "type": "date"}])
    server.attach("days")
    for number, zone in enumerate(("+05:99", "-00:61", "+24:00", "+99:00")):
        event = {"day": f"2026-01-31T09:30:00{zone}"}
        server.guest().append("create", f"day{number:012d}", event, collection="days")
    record_all(server)
    silent(server)
    assert len(refused(server)) == 4


characters = st.characters(exclude_categories=("Cs",))
texts = st.text(characters, max_size=60)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
dates = st.from_regex(
    r"\A(0002|1582|1969|2026|9998)-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?\Z"
)
anything = st.one_of(
    st.tuples(st.sampled_from(["text", "editor", "auto"]), texts),
    st.tuples(st.just("number"), numbers),
    st.tuples(st.just("date"), dates),
    st.tuples(st.just("many"), st.sampled_from(CHOICES) | st.lists(st.sampled_from(["", *CHOICES]), max_size=5)),
    st.tuples(st.just("friends"), st.lists(st.sampled_from(FRIENDS), max_size=5)),
    st.tuples(st.just("json"), json_values),
    st.tuples(st.just("place"), st.fixed_dictionaries({"lon": st.floats(-180, 180), "lat": st.floats(-90, 90)})),
)


@settings(max_examples=FEW, phases=[Phase.generate])
@given(st.lists(anything, min_size=20, max_size=80), st.sampled_from(sorted(HOW)))
def test_whatever_an_event_sets_the_row_is_what_the_log_says(
    every: Server, cases: list[tuple[str, Any]], how: str
) -> None:
    start = time.time_ns() % 10**10
    events = [
        {"type": type_, "item_id": f"h{start:010d}{number:04d}", "data": data}
        for number, (name, value) in enumerate(cases)
        for type_, data in HOW[how](name, value)
    ]
    append_all(every.guest(), "every", events)
    before = len(refused(every))
    record_all(every)
    assert refused(every)[before:] == []
    with closing(Database(every.data)) as database:
        for source in (every.gateway(), database):
            assert find_drift(source, ["every"], unwatched).differences == []
