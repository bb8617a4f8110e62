"""Rows that were changed by hand are found and repaired."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from support import Server, run_command
from support.checking import NOTHING, check, silent
from support.command_line import cli
from support.notes import NOTE, NOTES, found, note, repaired, tampering, with_notes


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
    lines = [line.split() for line in cli(server, "check", code=1).stdout.splitlines()]
    assert ["kind", "collection", "id", "field", "the", "row", "has", "the", "log", "says"] in lines
    assert ["changed", "notes", note(1), "text", '"X"', '"x"'] in lines
    assert ["missing", "notes", note(2)] in lines
    assert ["extra", "notes", note(7)] in lines
    assert any("rebuild" in line for line in lines)
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


@pytest.mark.slow
def test_json_nested_deeper_than_python_reads_is_found_and_repaired(server: Server) -> None:
    with_notes(server, lock=True)
    depths = [5000, 1000, 990, 300]
    with tampering(server) as database:
        for number, depth in enumerate(depths, 1):
            database.execute("UPDATE notes SET json = ? WHERE id = ?", ("[" * depth + "]" * depth, note(number)))
    for more in ((), ("--dir", str(server.data)), ("--json",)):
        told = cli(server, "check", *more, code=1).stdout
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


@pytest.mark.slow
@pytest.mark.parametrize(("field", "sql"), NEVER_WRITTEN)
@pytest.mark.parametrize("reads", ["API", "file"])
def test_what_pocketbase_would_never_write_is_found(
    notes: Server, twisted: Callable[[str, str], None], field: str, sql: str, reads: str
) -> None:
    twisted(field, sql)
    done = cli(notes, "check", "--json", *(["--dir", str(notes.data)] if reads == "file" else []), code=1)
    told = json.loads(done.stdout, parse_constant=no_json)
    assert [(each["id"], list(each["fields"])) for each in told["differences"]] == [(note(1), [field])]


def test_what_pocketbase_would_never_write_is_repaired(server: Server) -> None:
    with_notes(server, lock=True, count=len(NEVER_WRITTEN))
    with tampering(server) as database:
        for number, (field, sql) in enumerate(NEVER_WRITTEN, 1):
            database.execute(f"UPDATE notes SET {field} = {sql} WHERE id = ?", (note(number),))
    repaired(server, updated=len(NEVER_WRITTEN), unchanged=0)


def test_a_row_that_pocketbase_itself_cannot_show_is_not_a_missing_log(
    notes: Server, twisted: Callable[[str, str], None]
) -> None:
    twisted("place", "'nowhere'")
    assert not notes.superuser()("GET", f"{NOTES}/{note(1)}").ok
    done = run_command("check", env=notes.environment)
    assert done.returncode != 0
    assert "notes" in done.stdout + done.stderr
    assert "pocketbase-events init" not in done.stderr
