"""Whether the rows are what the log says: no false alarm, no difference overlooked, and each of them repaired."""

import json
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import Client, Server, check_log, command, eventually, live_rows, run_command, start_copy
from typer.testing import CliRunner

from pocketbase_events.cli import app
from pocketbase_events.jobs.check import find
from pocketbase_events.jobs.record.worker import Step
from pocketbase_events.pb.database import Database

NEVER = threading.Event()
NOTHING = {"missing": 0, "changed": 0, "extra": 0}
REPAIRED_KEYS = ["seq", "collections", "held_seconds", "seconds"]


@pytest.fixture(scope="module")
def shared(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase for tests that leave each other alone."""
    yield from start_copy(installed_template, tmp_path_factory.mktemp("shared") / "pocketbase")


def cli(server: Server, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_command(*arguments, env=server.environment)
    assert "Traceback" not in done.stderr
    assert "is a bug" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def quick(server: Server, *arguments: str, code: int = 0) -> Result:
    """The command line within this process, for what needs no process of its own."""
    done = CliRunner().invoke(app, arguments, env=server.environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code == code, done.stdout + done.stderr
    return done


def look(server: Server, *names: str, code: int = 0) -> tuple[dict[str, Any], list[str]]:
    """What `check --json` tells, and the sentences beside it. PocketBase's file must tell the same."""
    done = quick(server, "check", *names, "--json", code=code)
    told = json.loads(done.stdout)
    assert list(told) == ["ok", "seq", "collections", "differences"]
    assert all(list(counts) == ["rows", "missing", "changed", "extra"] for counts in told["collections"].values())
    assert all(list(each) == ["collection", "id", "kind", "fields"] for each in told["differences"])
    with closing(Database(server.data)) as database:
        drift = find(database, names, lambda pages, _, __: iter(pages))
    by_file = [(each.collection, each.id, each.kind, dict(each.fields)) for each in drift.differences]
    by_api = [
        (each["collection"], each["id"], each["kind"], {name: tuple(pair) for name, pair in each["fields"].items()})
        for each in told["differences"]
    ]
    assert sorted(by_file, key=repr) == sorted(by_api, key=repr), "the file tells the same"
    assert drift.rows == {name: counts["rows"] for name, counts in told["collections"].items()}
    told["differences"].sort(key=lambda each: str(each["id"]))
    return told, done.stderr.splitlines()


def check(server: Server, *arguments: str, code: int = 0) -> dict[str, Any]:
    return look(server, *arguments, code=code)[0]


def silent(server: Server, *arguments: str) -> dict[str, Any]:
    """What a check tells that finds nothing, and says nothing on standard error."""
    told, sentences = look(server, *arguments)
    assert (told["ok"], told["differences"], sentences) == (True, [], [])
    return told


def record_all(server: Server) -> None:
    assert server.worker().run_to_end(NEVER) is Step.IDLE


def append_all(client: Client, collection: str, events: list[dict[str, Any]]) -> None:
    for start in range(0, len(events), 1000):
        client.append_all(*({"collection": collection, **event} for event in events[start : start + 1000]))


# -- no false alarm: values of every type ------------------------------------------------------------------

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


def pending(server: Server) -> int:
    with closing(server.database()) as database:
        return int(database.execute("SELECT COUNT(*) FROM events WHERE seq = 0 AND error = ''").fetchone()[0])


def refused(server: Server) -> list[tuple[Any, str]]:
    """The data and the reason of every rejected event."""
    with closing(server.database()) as database:
        return list(database.execute("SELECT data, error FROM events WHERE error != '' ORDER BY rowid"))


def as_doubles(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_int=float)


def test_each_of_these_values_is_recorded_and_reaches_its_row(valued: Server) -> None:
    assert refused(valued) == []
    rows = {row["id"]: row for row in valued.superuser().records("every")}
    assert len(rows) == len(HOW) * len(CASES) + len(DATES)
    for number, (name, value) in enumerate(CASES):
        if name in ("text", "editor", "number", "bool", "json") and value is not None:
            stored = [rows[f"{kind}{number:014d}"][name] for kind in HOW]
            assert as_doubles(stored) == as_doubles([value] * len(HOW))


@pytest.mark.parametrize("reads", ["API", "file"])
def test_values_of_every_type_are_no_difference(valued: Server, reads: str) -> None:
    folder = ["--dir", str(valued.data)] if reads == "file" else []
    done = run_command("check", "--json", *folder, env=valued.environment)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["differences"] == []
    assert (done.returncode, found["ok"]) == (0, True)
    assert found["collections"]["every"] == {"rows": len(HOW) * len(CASES) + len(DATES), **NOTHING}


def test_a_date_that_pocketbase_can_not_read_is_rejected_rather_than_recorded(server: Server) -> None:
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


@settings(max_examples=6, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
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
            assert find(source, ["every"], lambda pages, _, __: iter(pages)).differences == []


# -- rows that were changed by hand ------------------------------------------------------------------------

NOTE_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "text"},
    {"name": "number", "type": "number"},
    {"name": "bool", "type": "bool"},
    {"name": "date", "type": "date"},
    {"name": "many", "type": "select", "maxSelect": 3, "values": ["a", "b", "c"]},
    {"name": "json", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "photo", "type": "file", "maxSelect": 1},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
NOTE: dict[str, Any] = {
    "text": "x", "number": 1, "bool": True, "date": "2026-01-31T09:30:00+02:00", "many": ["b", "a"],
    "json": {"a": 1, "b": [True, None]}, "place": {"lon": 1, "lat": 2},
}  # fmt: skip
NOTES = "/api/collections/notes/records"


def note(number: int) -> str:
    return f"note{number:011d}"


def with_notes(server: Server, *, lock: bool, count: int = 6) -> None:
    """An attached collection `notes` of so many rows; the last of them is deleted by an event."""
    server.create_collection("notes", NOTE_FIELDS)
    server.attach("notes", lock=lock)
    events = [{"type": "create", "item_id": note(number), "data": NOTE} for number in range(1, count + 1)]
    append_all(server.guest(), "notes", [*events, {"type": "delete", "item_id": note(count)}])
    record_all(server)


@contextmanager
def tampering(server: Server) -> Iterator[sqlite3.Connection]:
    """The database of a stopped PocketBase with the rows' locks open; started again afterwards."""
    server.stop()
    with closing(server.database()) as database, database:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'pbe_rows_%'"
        triggers = database.execute(query).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        yield database
        for _, sql in triggers:
            database.execute(sql)
    server.start()


def found(row: int, kind: str, /, **fields: Any) -> dict[str, Any]:
    """How check tells a difference; each field has the log's value and the row's."""
    return {"collection": "notes", "id": note(row), "kind": kind, "fields": fields}


def repaired(server: Server, **counts: int) -> None:
    """Rebuild, expecting these counts for `notes`, and be told by check that all is well."""
    document = json.loads(quick(server, "rebuild", "--yes", "--json").stdout)
    assert list(document) == REPAIRED_KEYS
    assert document["collections"]["notes"] == {"inserted": 0, "updated": 0, "removed": 0, **counts}
    silent(server)


def test_rows_that_a_superuser_changed_removed_and_added_are_found_and_repaired(server: Server) -> None:
    with_notes(server, lock=False)
    root = server.superuser()
    edits: list[tuple[str, str, dict[str, Any] | None]] = [
        ("PATCH", f"{NOTES}/{note(1)}", {"text": "X", "json": {"a": True, "b": [True, None]}, "many": ["a", "b"]}),
        ("PATCH", f"{NOTES}/{note(2)}", {"json": {"b": [True, None], "a": 1.0}, "date": "2026-01-31 07:30:00Z"}),
        ("PATCH", f"{NOTES}/{note(2)}", {"secret": "s"}),
        ("DELETE", f"{NOTES}/{note(3)}", None),
        ("PATCH", f"{NOTES}/{note(4)}", {"deleted": True}),
        ("PATCH", f"{NOTES}/{note(5)}", {"number": 0, "bool": False, "date": "", "many": [], "json": None}),
        ("PATCH", f"{NOTES}/{note(5)}", {"text": "", "place": {"lon": 0, "lat": 0}}),
        ("PATCH", f"{NOTES}/{note(6)}", {"deleted": False, "number": 2}),
        ("POST", NOTES, {"id": note(7), "text": "nobody's"}),
    ]
    assert root.batch(*edits).ok
    told = check(server, code=1)
    assert (told["ok"], told["seq"]) == (False, 7)
    assert json.loads(cli(server, "check", "--json", code=1).stdout)["ok"] is False
    assert told["collections"] == {
        "items": {"rows": 0, **NOTHING},
        "notes": {"rows": 6, "missing": 1, "changed": 4, "extra": 1},
    }
    assert told["differences"] == [
        found(
            1,
            "changed",
            text=["x", "X"],
            json=[NOTE["json"], {"a": True, "b": [True, None]}],
            many=[["b", "a"], ["a", "b"]],
        ),
        found(3, "missing"),
        found(4, "changed", deleted=[False, True]),
        found(
            5,
            "changed",
            text=["x", ""],
            number=[1, 0],
            bool=[True, False],
            date=["2026-01-31 07:30:00.000Z", ""],
            many=[["b", "a"], []],
            json=[NOTE["json"], None],
            place=[NOTE["place"], {"lon": 0, "lat": 0}],
        ),
        found(6, "changed", deleted=[True, False], number=[1, 2]),
        found(7, "extra"),
    ]
    # True is 1 to Python, but not in the document.
    assert json.dumps(told["differences"][0]["fields"]["json"][1]) == '{"a": true, "b": [true, null]}'
    repaired(server, inserted=1, updated=4, removed=1, unchanged=1)
    repaired(server, unchanged=6)


def test_check_without_json_tells_each_difference_and_what_to_do(server: Server) -> None:
    with_notes(server, lock=False)
    root = server.superuser()
    assert root("PATCH", f"{NOTES}/{note(1)}", json={"text": "X"}).ok
    assert root("DELETE", f"{NOTES}/{note(2)}").ok
    assert root("POST", NOTES, json={"id": note(7)}).ok
    lines = cli(server, "check", code=1).stdout.splitlines()
    assert f'changed  notes {note(1)}: text is "X", the log says "x"' in lines
    assert f"missing  notes {note(2)}" in lines
    assert f"extra    notes {note(7)}" in lines
    assert any("pocketbase-events rebuild" in line for line in lines)
    cli(server, "rebuild", "--yes")
    assert "Every row is what the log says (up to seq 7)." in cli(server, "check").stdout


def test_rows_edited_past_the_lock_are_found_and_repaired(server: Server) -> None:
    with_notes(server, lock=True)
    with tampering(server) as database:
        database.execute("UPDATE notes SET text = 'X' WHERE id = ?", (note(1),))
        database.execute('UPDATE notes SET json = \'{ "b": [true, null],\n"a": 1e0 }\' WHERE id = ?', (note(2),))
        database.execute("DELETE FROM notes WHERE id = ?", (note(3),))
        database.execute("UPDATE notes SET deleted = TRUE, json = '[1]' WHERE id = ?", (note(4),))
        database.execute("UPDATE notes SET deleted = FALSE WHERE id = ?", (note(6),))
        database.execute("INSERT INTO notes (id, text) VALUES (?, 'nobody''s')", (note(7),))
    told = check(server, code=1)
    assert told["collections"]["notes"] == {"rows": 6, "missing": 1, "changed": 3, "extra": 1}
    assert told["differences"] == [
        found(1, "changed", text=["x", "X"]),
        found(3, "missing"),
        found(4, "changed", deleted=[False, True], json=[NOTE["json"], [1]]),
        found(6, "changed", deleted=[True, False]),
        found(7, "extra"),
    ]
    repaired(server, inserted=1, updated=3, removed=1, unchanged=2)


def test_only_the_collections_that_are_named_are_checked(server: Server) -> None:
    with_notes(server, lock=False)
    assert server.superuser()("DELETE", f"{NOTES}/{note(1)}").ok
    assert list(silent(server, "items")["collections"]) == ["items"]
    assert list(check(server, "notes", code=1)["collections"]) == ["notes"]
    assert list(check(server, "notes", "items", code=1)["collections"]) == ["items", "notes"]


def test_json_nested_deeper_than_python_reads_is_found_and_repaired(server: Server) -> None:
    with_notes(server, lock=True)
    depths = [5000, 1000, 990, 300]
    with tampering(server) as database:
        for number, depth in enumerate(depths, 1):
            database.execute("UPDATE notes SET json = ? WHERE id = ?", ("[" * depth + "]" * depth, note(number)))
    for more in ((), ("--dir", str(server.data)), ("--json",)):
        told = quick(server, "check", *more, code=1).stdout
        assert [note(number) in told for number in range(1, 7)] == [True] * 4 + [False] * 2
    repaired(server, updated=4, unchanged=2)


NEVER_WRITTEN = [
    ("json", "'\"\\ud800\"'"),
    ("json", "'[1e400]'"),
    ("json", "'no json'"),
    ("json", "'2'"),
    ("many", "'{}'"),
    ("many", "'a'"),
    ("text", "x'4142'"),
    ("date", "'yesterday'"),
    ("bool", "2"),
    ("number", "'many'"),
]


@pytest.fixture(scope="module")
def notes(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with `notes` that superusers may edit."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("notes") / "pocketbase"):
        with_notes(server, lock=False)
        yield server


@pytest.fixture
def twisted(notes: Server) -> Iterator[Callable[[str, str], None]]:
    """Gives the first note a value in SQL, past PocketBase; put right in the end."""

    def twist(field: str, sql: str) -> None:
        with closing(notes.database()) as database, database:
            database.execute(f"UPDATE notes SET {field} = {sql} WHERE id = ?", (note(1),))

    yield twist
    for name in NOTE:
        twist(name, f"(SELECT {name} FROM notes WHERE id = '{note(2)}')")


def no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize(("field", "sql"), NEVER_WRITTEN)
@pytest.mark.parametrize("reads", ["API", "file"])
def test_what_pocketbase_would_never_write_is_found(
    notes: Server, twisted: Callable[[str, str], None], field: str, sql: str, reads: str
) -> None:
    twisted(field, sql)
    done = quick(notes, "check", "--json", *(["--dir", str(notes.data)] if reads == "file" else []), code=1)
    told = json.loads(done.stdout, parse_constant=no_json)
    assert [(each["id"], list(each["fields"])) for each in told["differences"]] == [(note(1), [field])]


def test_what_pocketbase_would_never_write_is_repaired(server: Server) -> None:
    with_notes(server, lock=True, count=len(NEVER_WRITTEN))
    with tampering(server) as database:
        for number, (field, sql) in enumerate(NEVER_WRITTEN, 1):
            database.execute(f"UPDATE notes SET {field} = {sql} WHERE id = ?", (note(number),))
    repaired(server, updated=len(NEVER_WRITTEN), unchanged=0)


def test_a_row_that_pocketbase_itself_can_not_show_is_no_log_that_is_missing(
    notes: Server, twisted: Callable[[str, str], None]
) -> None:
    twisted("place", "'nowhere'")
    assert not notes.superuser()("GET", f"{NOTES}/{note(1)}").ok
    done = run_command("check", env=notes.environment)
    assert done.returncode != 0
    assert "notes" in done.stdout + done.stderr
    assert "pocketbase-events init" not in done.stderr


# -- what keeps it from being told -------------------------------------------------------------------------


def test_a_collection_that_is_not_attached_is_told(shared: Server) -> None:
    for arguments in (["nothere"], ["items", "users"], ["events", "--json"], ["nothere", "--dir", str(shared.data)]):
        done = cli(shared, "check", *arguments, code=2)
        assert done.stdout == ""
        assert "is not attached" in done.stderr


def test_a_collection_that_lost_its_name_is_not_said_to_be_well(server: Server) -> None:
    server.guest().append("create", note(1), {"title": "x"})
    record_all(server)
    assert server.superuser()("PATCH", "/api/collections/items", json={"name": "things"}).ok
    for more in ((), ("--dir", str(server.data))):
        done = run_command("check", *more, env=server.environment)
        assert done.returncode != 0
        assert "items" in done.stderr


@pytest.mark.parametrize("rules", [{"listRule": "number > 5"}, {"listRule": "", "viewRule": None}])
def test_rules_that_hide_rows_from_the_worker_are_no_false_alarm(notes: Server, rules: dict[str, str | None]) -> None:
    assert notes.superuser()("PATCH", "/api/collections/notes", json=rules).ok
    for arguments in (["check", "--json"], ["rebuild", "--yes"]):
        done = cli(notes, *arguments, code=1)
        assert done.stdout == ""
        assert "pocketbase-events attach notes" in done.stderr
    quick(notes, "check", "items")
    notes.attach("notes", lock=False)
    quick(notes, "check", "notes")
    after = notes.superuser()("GET", "/api/collections/notes").json()
    assert all((rules[name] or "") in after[name] for name in rules)


def test_a_log_that_contradicts_itself_is_told(server: Server) -> None:
    server.guest().append("create", note(1), {"title": "x"})
    record_all(server)
    server.stop()
    with closing(server.database()) as database, database:
        database.execute("DROP TRIGGER pbe_head_update")
        database.execute("UPDATE event_head SET seq = 2")
    server.start()
    for more in (("--json",), ("--dir", str(server.data))):
        done = cli(server, "check", *more, code=1)
        assert done.stdout == ""
        assert "contradicts itself" in done.stderr


def test_a_folder_without_a_database_is_told(shared: Server) -> None:
    for folder in ("pb_migrations", "nothere"):
        assert "no data.db" in cli(shared, "check", "--dir", str(shared.folder / folder), code=2).stderr


def nobody(server: Server) -> dict[str, str]:
    """An environment without anybody's credentials."""
    return {name: value for name, value in server.environment.items() if not name.startswith("POCKETBASE_")}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_file_is_checked_by_nobody_in_particular_while_pocketbase_is_stopped(
    server: Server, how: signal.Signals
) -> None:
    with_notes(server, lock=False)
    assert server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "X"}).ok
    server.stop(how)
    done = run_command("check", "--json", "--dir", str(server.data), env=nobody(server))
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["differences"] == [found(1, "changed", text=["x", "X"])]
    assert json.loads(done.stdout)["seq"] == 7


def test_a_folder_of_a_pocketbase_without_the_log_is_told(bare: Server) -> None:
    assert "init" in cli(bare, "check", "--dir", str(bare.data), code=1).stderr


# -- while everything goes on ------------------------------------------------------------------------------


def keep_appending(server: Server, name: str, stop: threading.Event, sent: list[str]) -> None:
    """Create, update and delete items one after the other until told to stop."""
    client, number = Client(server.url), 0
    with client.session:
        while not stop.is_set():
            number += 1
            item = f"{name}{number:014d}"
            sent.append(client.append("create", item, {"title": item, "qty": number})["id"])
            for qty in range(3):
                sent.append(client.append("update", item, {"qty": qty / 3})["id"])
                sent.append(client.append("update", f"{name}{number // 2 + 1:014d}", {"note": f"{number}"})["id"])
            if number % 3 == 0:
                sent.append(client.append("delete", item)["id"])
            stop.wait(0.03)  # leave the others some of the processor


def test_check_never_raises_a_false_alarm_while_clients_append_and_a_worker_records(server: Server) -> None:
    stop = threading.Event()
    sent: list[list[str]] = [[], [], []]
    threads = [
        threading.Thread(target=keep_appending, args=(server, name, stop, mine))
        for name, mine in zip("abc", sent, strict=True)
    ]
    seqs = []
    with command("run", env=server.environment, stderr=subprocess.DEVNULL):
        for thread in threads:
            thread.start()
        try:
            eventually(lambda: len(live_rows(server, ("id",))) > 20, "the first rows")
            for turn in range(10):
                folder = ["--dir", str(server.data)] if turn % 2 else []
                told = json.loads(cli(server, "check", "--json", *folder).stdout)
                assert told["ok"] is True
                seqs.append(told["seq"])
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        eventually(lambda: pending(server) == 0, "all records")
    assert check_log(server).seq + len(refused(server)) == sum(map(len, sent))
    assert seqs == sorted(seqs)
    assert len(set(seqs)) > 5, "events were recorded meanwhile"
    assert silent(server)["seq"] == check_log(server).seq


# -- schema edits ------------------------------------------------------------------------------------------

PAGE_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "text"},
    {"name": "number", "type": "number"},
    {"name": "one", "type": "select", "maxSelect": 1, "values": ["a", "b"]},
    {"name": "many", "type": "select", "maxSelect": 2, "values": ["a", "b", "c"]},
    {"name": "json", "type": "json"},
]
PAGE_EVENTS: list[tuple[str, int, Any]] = [
    ("create", 1, {"text": "x", "number": 1, "one": "a", "many": ["a", "b"], "json": [1]}),  # 1st
    ("create", 2, {"text": "y", "one": "b"}),  # 2nd
    ("update", 2, {"one": "a"}),  # 3rd
    ("update", 2, {"number": 5}),  # 4th
    ("create", 3, None),  # 5th
    ("create", 4, {"text": "z", "one": "b", "many": "b"}),  # 6th
    ("update", 4, {"one": "a"}),  # 7th
    ("update", 4, {"one": "b"}),  # 8th
]
Fields = list[dict[str, Any]]


def page(number: int) -> str:
    return f"page{number:011d}"


def with_pages(server: Server, name: str = "pages") -> None:
    """An attached collection of four rows that superusers may write."""
    server.create_collection(name, PAGE_FIELDS)
    server.attach(name, lock=False)
    events = [{"type": type_, "item_id": page(number), "data": data} for type_, number, data in PAGE_EVENTS]
    append_all(server.guest(), name, events)
    record_all(server)


def named(fields: Fields, name: str) -> dict[str, Any]:
    return next(field for field in fields if field["name"] == name)


def remove(name: str) -> Callable[[Fields], None]:
    return lambda fields: fields.remove(named(fields, name))


def change(field: str, /, **changes: Any) -> Callable[[Fields], None]:
    return lambda fields: named(fields, field).update(changes)


def add(name: str, type_: str, **more: Any) -> Callable[[Fields], None]:
    return lambda fields: fields.append({"name": name, "type": type_, **more})


@dataclass(frozen=True)
class Edit:
    """An edit of a schema, and what is to be told of it."""

    steps: list[Callable[[Fields], None]]
    field: str  # that can't hold what the log says
    why: str
    events: list[int]  # that gave such a value, by their place in PAGE_EVENTS
    stuck: list[int]  # the rows that can't be inserted


GONE = [1, 2, 6]  # the events that gave `text`
EDITS = {
    "removed": Edit([remove("text")], "text", "is gone", GONE, []),
    "withdrawn": Edit([change("one", values=["b"])], "one", 'no longer has the choice "a"', [1, 3], [1, 2]),
    "thinned": Edit([change("many", values=["b", "c"])], "many", 'no longer has the choice "a"', [1], [1]),
    "required": Edit([change("text", required=True)], "text", "is required now", [5], [3]),
    "added": Edit([add("new", "number", required=True)], "new", "is required now", [1, 2, 5, 6], [1, 2, 3, 4]),
    "retyped": Edit([remove("number"), add("number", "text")], "number", "takes a text now", [1, 4], [1, 2]),
    "hidden": Edit([change("text", hidden=True)], "text", "it is hidden", GONE, []),
    "filed": Edit([remove("text"), add("text", "file")], "text", "its type is file", GONE, []),
}


@dataclass
class Edited:
    """What was told of collections with edited schemas, each of them named after its edit."""

    server: Server
    first_seq: dict[str, int]  # of the events of each collection
    matching: tuple[dict[str, Any], list[str]]  # check, while the rows are what they can be
    emptied: dict[str, Any]  # check, once every row is lost
    rebuilt: subprocess.CompletedProcess[str]
    remaining: dict[str, Any]  # check, after the rebuild

    def differences(self, told: dict[str, Any], name: str) -> list[tuple[str, str]]:
        return [(each["id"], each["kind"]) for each in told["differences"] if each["collection"] == name]


@pytest.fixture(scope="module")
def edited(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    for server in start_copy(installed_template, tmp_path_factory.mktemp("edited") / "pocketbase"):
        first = {}
        for name, edit in EDITS.items():
            first[name] = check_log(server).seq + 1
            with_pages(server, name)
            for step in edit.steps:
                answer = server.edit_fields(name, step)
                assert answer.ok, answer.text
        matching = look(server)
        for name in EDITS:
            rows = f"/api/collections/{name}/records"
            assert server.superuser().batch(*(("DELETE", f"{rows}/{page(n)}", None) for n in range(1, 5))).ok
        emptied = check(server, code=1)
        rebuilt = cli(server, "rebuild", "--json", code=1)
        yield Edited(server, first, matching, emptied, rebuilt, check(server, code=1))


@pytest.mark.parametrize("name", EDITS)
def test_values_that_an_edited_schema_can_not_hold_are_told_and_are_no_difference(edited: Edited, name: str) -> None:
    edit, (told, sentences) = EDITS[name], edited.matching
    assert told["ok"] is True
    sentence = next(line for line in sentences if line.startswith(f"{name}: "))
    assert sentence.startswith(f'{name}: the field "{edit.field}" ')
    assert edit.why in sentence
    assert f"(seq {', '.join(str(edited.first_seq[name] + place - 1) for place in edit.events)})" in sentence
    assert "back" in sentence, "what to do about it"
    assert len(sentences) == len(EDITS)


@pytest.mark.parametrize("name", EDITS)
def test_lost_rows_are_rebuilt_but_for_those_that_an_edited_schema_can_not_hold(edited: Edited, name: str) -> None:
    edit, refusals = EDITS[name], edited.rebuilt.stderr.splitlines()
    assert edited.differences(edited.emptied, name) == [(page(number), "missing") for number in range(1, 5)]
    counts = json.loads(edited.rebuilt.stdout)["collections"][name]
    assert counts == {"inserted": 4 - len(edit.stuck), "updated": 0, "removed": 0, "unchanged": 0}
    assert edited.differences(edited.remaining, name) == [(page(number), "missing") for number in edit.stuck]
    for number in range(1, 5):
        told = [line for line in refusals if line.startswith(f"{name} {page(number)} could not be written: ")]
        assert len(told) == (number in edit.stuck)
        assert all(f'"{edit.field}" (seq ' in line and edit.why in line for line in told)
    assert len(live_rows(edited.server, ("id",), name)) == 4 - len(edit.stuck)


def test_a_schema_that_is_changed_back_lets_the_refused_rows_in(server: Server) -> None:
    with_pages(server)
    assert server.edit_fields("pages", change("one", values=["b"])).ok
    assert server.superuser()("DELETE", f"/api/collections/pages/records/{page(1)}").ok
    assert '"one" (seq 1) no longer has the choice "a"' in cli(server, "rebuild", code=1).stderr
    assert server.edit_fields("pages", change("one", values=["b", "a"])).ok
    quick(server, "rebuild")
    silent(server)


def test_an_update_that_fits_settles_what_an_edited_schema_can_not_hold(server: Server) -> None:
    with_pages(server)
    assert server.edit_fields("pages", change("one", values=["b", "c"])).ok
    server.guest().append("update", page(1), {"one": "c"}, collection="pages")
    record_all(server)
    assert "(seq 3)" in quick(server, "check").stderr
    server.guest().append("update", page(2), {"one": None}, collection="pages")
    record_all(server)
    silent(server)


def test_a_changed_row_that_the_schema_no_longer_admits_is_refused_with_pocketbases_reason(server: Server) -> None:
    with_pages(server)
    for number in (2, 3):
        path = f"/api/collections/pages/records/{page(number)}"
        assert server.superuser()("PATCH", path, json={"number": 99}).ok
    assert server.edit_fields("pages", change("text", required=True)).ok
    done = cli(server, "rebuild", "--json", code=1)
    assert json.loads(done.stdout)["collections"]["pages"]["updated"] == 1
    refusal = next(line for line in done.stderr.splitlines() if "could not be written" in line)
    assert all(part in refusal for part in (page(3), "text", "seq 5"))
    assert [each["id"] for each in check(server, code=1)["differences"]] == [page(3)]


def test_a_renamed_field_is_told_as_gone_with_what_to_do(server: Server) -> None:
    with_pages(server)
    assert server.edit_fields("pages", change("text", name="body")).ok
    told, sentences = look(server, code=1)
    assert [each["fields"] for each in told["differences"]] == [{"body": ["", text]} for text in ("x", "y", "z")]
    assert "give it its old name back" in sentences[0]
    assert server.edit_fields("pages", change("body", name="text")).ok
    silent(server)
