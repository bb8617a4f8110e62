"""What happened to an item, and the rows as they were."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import Result
from support import Server, check_log, run_command, start_copy
from typer.testing import CliRunner

from pocketbase_events.cli import app

NEVER = Event()
MILK, BREAD, EGGS = (f"{name:0<15}" for name in ("milk", "bread", "eggs"))
TITLE = "Milk [bold]fresh[/bold] 😀"
STEPS: list[tuple[str, str, str, Any]] = [
    # when it is recorded, type, item, data
    ("2026-05-01 12:00:00.000", "create", MILK, {"title": TITLE, "qty": 2}),
    ("2026-05-01 12:00:00.000", "create", BREAD, {"title": "Bread", "done": True}),
    ("2026-05-01 12:00:00.500", "update", MILK, {"qty": 3.5}),
    ("2026-05-02 08:30:00.123", "update", MILK, {"note": "cold"}),
    ("2026-05-02 08:30:00.124", "update", BREAD, {"done": None}),
    ("2026-05-02 23:59:59.999", "delete", MILK, None),
    ("2026-05-03 00:00:00.000", "create", EGGS, {"title": "Eggs", "note": "", "qty": 0}),
    ("2026-05-03 00:00:00.001", "update", EGGS, {"qty": 0}),
]
MILK_HISTORY = [
    (1, "create", {"title": [None, TITLE], "qty": [None, 2]}),
    (3, "update", {"qty": [2, 3.5]}),
    (4, "update", {"note": [None, "cold"]}),
    (6, "delete", {"deleted": [False, True]}),
]


@pytest.fixture(scope="module")
def told(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase whose log says of three items, and of others, what happened when."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("told") / "pocketbase"):
        guest = server.guest()
        for when, type_, item, data in STEPS:
            moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
            guest.append(type_, item, data)
            server.worker(now=lambda moment=moment: moment).run_to_end(NEVER)
        server.create_collection("notes", [{"name": "body", "type": "text"}])
        server.create_collection("empty", [{"name": "body", "type": "text"}])
        server.create_collection("other", [{"name": "body", "type": "text"}])
        for name in ("notes", "empty"):
            server.attach(name)
        ann = server.user("ann")
        ann.append("create", MILK, {"body": "no milk"}, "notes", actor=ann.user_id)
        ann.append("create", EGGS, None, "notes")
        server.worker().run_to_end(NEVER)
        server.detach("notes")
        yield server


def cli(server: Server, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_command(*arguments, env=server.environment)
    assert "Traceback" not in done.stderr
    assert "is a bug" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def quick(server: Server, *arguments: str) -> Result:
    """A command that succeeds, within this process, on a terminal that is wide enough for every cell of a table."""
    done = CliRunner().invoke(app, arguments, env={**server.environment, "COLUMNS": "300"})
    assert (done.exception, done.exit_code) == (None, 0)
    return done


def as_json(server: Server, *arguments: str) -> Any:
    done = quick(server, *arguments, "--json")
    assert done.stderr == ""
    return json.loads(done.stdout)


def cells(table: str) -> list[list[str]]:
    """The texts in a table's cells, row by row, its head first."""
    lines = [line for line in table.splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in lines]


def folded(count: int) -> dict[str, dict[str, Any]]:
    """The rows of `items` after so many events."""
    rows: dict[str, dict[str, Any]] = {}
    for _, type_, item, data in STEPS[:count]:
        row = rows.setdefault(item, {"id": item, "deleted": False})
        row.update({"deleted": True} if type_ == "delete" else data)
    return rows


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


# -- history -----------------------------------------------------------------------------------------------


def test_history_tells_every_event_of_an_item_and_what_it_changed(told: Server) -> None:
    events = json.loads(cli(told, "history", "items", MILK, "--json").stdout)
    assert [(event["seq"], event["type"], event["changes"]) for event in events] == MILK_HISTORY
    assert all(list(event) == ["seq", "timestamp", "type", "actor", "changes"] for event in events)
    assert [event["timestamp"] for event in events] == [f"{STEPS[seq - 1][0]}Z" for seq, *_ in MILK_HISTORY]
    assert all(event["actor"] == "" for event in events)


def test_history_tells_who_did_it(told: Server) -> None:
    ann = told.superuser().records("users")[0]["id"]
    assert [event["actor"] for event in as_json(told, "history", "notes", MILK)] == [ann]
    assert ann in quick(told, "history", "notes", MILK).stdout


def test_history_is_a_table_on_a_terminal(told: Server) -> None:
    assert cells(quick(told, "history", "items", MILK).stdout) == [
        ["seq", "when (UTC)", "type", "actor", "field", "from", "to"],
        ["1", "2026-05-01 12:00:00", "create", "", "qty", "null", "2"],
        ["", "", "", "", "title", "null", f'"{TITLE}"'],
        ["3", "2026-05-01 12:00:00", "update", "", "qty", "2", "3.5"],
        ["4", "2026-05-02 08:30:00", "update", "", "note", "null", '"cold"'],
        ["6", "2026-05-02 23:59:59", "delete", "", "deleted", "false", "true"],
    ]


def test_a_create_without_fields_is_an_event_without_changes(told: Server) -> None:
    assert [(event["type"], event["changes"]) for event in as_json(told, "history", "notes", EGGS)] == [("create", {})]
    assert [row[2] for row in cells(quick(told, "history", "notes", EGGS).stdout)] == ["type", "create"]


def test_values_that_are_set_to_what_they_were_are_told_as_they_are(told: Server) -> None:
    changes = [event["changes"] for event in as_json(told, "history", "items", EGGS)]
    assert changes == [{"title": [None, "Eggs"], "note": [None, ""], "qty": [None, 0]}, {"qty": [0, 0]}]
    assert [event["changes"] for event in as_json(told, "history", "items", BREAD)][1] == {"done": [True, None]}


@pytest.mark.parametrize("command", ["history", "show"])
def test_an_item_that_the_log_does_not_know_is_no_error(told: Server, command: str) -> None:
    for collection, item in (("items", "nosuchitem00000"), ("empty", MILK), ("items", MILK[:5])):
        assert as_json(told, command, collection, item) == []
        done = quick(told, command, collection, item)
        assert f"no event of {item} in {collection}" in done.stderr + done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["history", "nothere", MILK], ["show", "other", MILK], ["show", "events"], ["show", 'x" || 1 = 1', "--json"]],
)
def test_a_collection_that_the_log_does_not_know_is_wrong_usage(told: Server, arguments: list[str]) -> None:
    done = cli(told, *arguments, code=2)
    assert done.stdout == ""
    assert f"{arguments[1]} is not attached" in done.stderr


@pytest.mark.parametrize("odd", ['x" || item_id != "', "' OR 1=1 --", "%", "\\", "🙂"])
def test_an_odd_item_id_is_a_text_and_nothing_else(told: Server, odd: str) -> None:
    assert as_json(told, "history", "items", odd) == []
    assert as_json(told, "show", "items", odd) == []


def test_the_history_of_no_item_is_not_that_of_all_items(told: Server) -> None:
    done = run_command("history", "items", "", "--json", env=told.environment)
    assert done.returncode == 2 or json.loads(done.stdout) == []


def test_what_was_recorded_outlives_the_detaching_of_its_collection(told: Server) -> None:
    assert [event["type"] for event in as_json(told, "history", "notes", MILK)] == ["create"]
    assert by_id(as_json(told, "show", "notes")) == {
        MILK: {"id": MILK, "body": "no milk", "deleted": False},
        EGGS: {"id": EGGS, "deleted": False},
    }


# -- show --------------------------------------------------------------------------------------------------


def test_show_has_the_rows_as_the_log_has_them_now(told: Server) -> None:
    rows = json.loads(cli(told, "show", "items", "--json").stdout)
    assert by_id(rows) == folded(len(STEPS))
    assert rows[0] == {"id": MILK, "title": TITLE, "qty": 3.5, "note": "cold", "deleted": True}
    assert as_json(told, "show", "items", BREAD) == [folded(len(STEPS))[BREAD]]


@pytest.mark.parametrize("seq", range(len(STEPS) + 1))
def test_show_at_a_seq_has_the_rows_of_the_events_up_to_it(told: Server, seq: int) -> None:
    assert by_id(as_json(told, "show", "items", "--at", str(seq))) == folded(seq)


def test_show_at_a_seq_has_the_row_of_one_item(told: Server) -> None:
    assert as_json(told, "show", "items", MILK, "--at", "5") == [folded(5)[MILK]]
    assert as_json(told, "show", "items", EGGS, "--at", "5") == []


@pytest.mark.parametrize("seq", ["99", "9" * 30, "9" * 5000])
def test_a_seq_beyond_the_end_is_now(told: Server, seq: str) -> None:
    assert by_id(as_json(told, "show", "items", "--at", seq)) == folded(len(STEPS))


@pytest.mark.parametrize(
    ("at", "count"),
    [
        ("2026-05-01 12:00:00", 2),
        ("2026-05-01T12:00:00Z", 2),
        ("2026-05-01 12:00", 2),
        ("2026-05-01 11:59:59.999", 0),
        ("2026-05-01 12:00:00.499999", 2),
        ("2026-05-01 12:00:00.5", 3),
        ("2026-05-02", 3),
        ("2026-05-03", 7),
        ("2026-05-01", 0),
        ("2026-05-02 08:30:00.123", 4),
        ("2026-05-02 10:30:00.123+02:00", 4),
        ("2026-05-02T03:00:00.123-05:30", 4),
        ("2026-05-02 08:30:00.123+02:00", 3),
        ("2026-05-02 23:59:59.999Z", 6),
        ("2026-05-03T00:00:00.000999Z", 7),
        ("1999-12-31", 0),
        ("0900-01-01", 0),
        ("0001-01-01", 0),
        ("2099-01-01", len(STEPS)),
        ("9999-12-31T23:59:59Z", len(STEPS)),
    ],
)
def test_show_at_a_time_has_the_rows_of_the_events_up_to_then(told: Server, at: str, count: int) -> None:
    assert by_id(as_json(told, "show", "items", "--at", at)) == folded(count)


@pytest.mark.parametrize(
    "at",
    ["yesterday", "-1", "1.5", "1e3", "2026-13-01", "2026-05-01 25:00", "12:00", "٣", " ", "0001-01-01T00:00+14:00"],
)
def test_a_moment_that_is_none_is_told(told: Server, at: str) -> None:
    done = cli(told, "show", "items", f"--at={at}", code=2)
    assert done.stdout == ""
    assert "--at takes a seq or a time" in done.stderr


def test_show_is_a_table_on_a_terminal(told: Server) -> None:
    found = cells(quick(told, "show", "items").stdout)
    head, rows = found[0], {row[0]: row for row in found[1:]}
    assert set(head) == {"id", "title", "qty", "done", "note", "deleted"}
    assert dict(zip(head, rows[f'"{MILK}"'], strict=True)) == {
        "id": f'"{MILK}"', "title": f'"{TITLE}"', "qty": "3.5", "done": "", "note": '"cold"', "deleted": "true",
    }  # fmt: skip
    assert rows.keys() == {f'"{item}"' for item in (MILK, BREAD, EGGS)}


def test_a_collection_without_events_has_no_rows(told: Server) -> None:
    assert as_json(told, "show", "empty") == []
    assert cells(quick(told, "show", "empty").stdout) == [["id"]]


def test_fields_that_are_gone_are_still_in_the_past(server: Server) -> None:
    guest = server.guest()
    guest.append("create", MILK, {"title": "Milk", "note": "cold"})
    server.worker().run_to_end(NEVER)
    server.edit_fields("items", lambda fields: fields.remove(next(f for f in fields if f["name"] == "note")))
    assert as_json(server, "show", "items") == [{"id": MILK, "title": "Milk", "note": "cold", "deleted": False}]
    changes = {"title": [None, "Milk"], "note": [None, "cold"]}
    assert [event["changes"] for event in as_json(server, "history", "items", MILK)] == [changes]


def test_pending_and_rejected_events_are_no_history(server: Server) -> None:
    guest = server.guest()
    guest.append("create", MILK, {"title": "Milk"})
    guest.append("create", MILK, {"title": "again"})
    server.worker().run_to_end(NEVER)
    guest.append("update", MILK, {"qty": 1})
    assert [event["type"] for event in as_json(server, "history", "items", MILK)] == ["create"]
    assert as_json(server, "show", "items") == [{"id": MILK, "title": "Milk", "deleted": False}]


def test_a_long_history_is_told_in_full(server: Server) -> None:
    guest = server.guest()
    updates = [{"type": "update", "item_id": MILK, "data": {"qty": number}} for number in range(1, 1200)]
    guest.append_all({"type": "create", "item_id": MILK, "data": {"title": "Milk", "qty": 0}}, *updates[:900])
    guest.append_all(*updates[900:], {"type": "create", "item_id": BREAD, "data": {"title": "Bread"}})
    server.worker().run_to_end(NEVER)
    assert check_log(server).seq == 1201
    changes = [event["changes"] for event in as_json(server, "history", "items", MILK)[1:]]
    assert changes == [{"qty": [number - 1, number]} for number in range(1, 1200)]
    assert as_json(server, "show", "items", MILK, "--at", "1150") == [
        {"id": MILK, "title": "Milk", "qty": 1149, "deleted": False}
    ]


def test_values_that_take_more_room_than_a_table_has_are_cut_there_and_whole_as_json(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "json", "type": "json"}))
    value = {"long": ["x" * 300, "[red]", {"\x1b[31m": "\n"}]}
    server.guest().append("create", MILK, {"title": "Milk", "json": value})
    server.worker().run_to_end(NEVER)
    assert as_json(server, "show", "items")[0]["json"] == value
    for arguments in (["show", "items"], ["history", "items", MILK]):
        told = quick(server, *arguments).stdout
        assert "\x1b" not in told
        assert "x…" in told
        assert max(map(len, told.splitlines())) < 200


def test_history_and_show_change_nothing(told: Server) -> None:
    def everything() -> Any:
        with closing(told.database()) as database:
            return [database.execute(f"SELECT * FROM {name}").fetchall() for name in ("events", "items", "event_head")]

    before = everything()
    as_json(told, "show", "items", "--at", "3")
    as_json(told, "history", "items", MILK)
    assert everything() == before
