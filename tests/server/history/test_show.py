"""`show` has the rows as the log had them at any moment."""

import json

import pytest
from support import NEVER, Server
from support.command_line import cli
from support.histories import BREAD, EGGS, MILK, STEPS, TITLE, as_json, by_id, cells, folded, wide


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "count"),
    [
        ("2026-05-01 12:00:00", 3),
        ("2026-05-01T12:00:00Z", 3),
        ("2026-05-01 12:00:00.000", 2),
        ("2026-05-01 14:00:00.5 Europe/Berlin", 3),
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
def test_an_invalid_moment_is_reported(told: Server, at: str) -> None:
    done = cli(told, "show", "items", f"--at={at}", code=2)
    assert done.stdout == ""
    assert "--at takes a seq or a time" in done.stderr


def test_show_is_a_table_on_a_terminal(told: Server) -> None:
    found = cells(wide(told, "show", "items").stdout)
    head, rows = found[0], {row[0]: row for row in found[1:]}
    assert set(head) == {"id", "title", "qty", "done", "note", "deleted"}
    assert dict(zip(head, rows[MILK], strict=True)) == {
        "id": MILK, "title": f'"{TITLE}"', "qty": "3.5", "done": "", "note": '"cold"', "deleted": "true",
    }  # fmt: skip
    assert rows.keys() == {MILK, BREAD, EGGS}


def test_a_collection_without_events_has_no_rows(told: Server) -> None:
    assert as_json(told, "show", "empty") == []
    assert cells(wide(told, "show", "empty").stdout) == [["id"]]


def test_fields_that_are_gone_are_still_in_the_past(server: Server) -> None:
    guest = server.guest()
    guest.append("create", MILK, {"title": "Milk", "note": "cold"})
    server.worker().run_to_end(NEVER)
    server.edit_fields("items", lambda fields: fields.remove(next(f for f in fields if f["name"] == "note")))
    assert as_json(server, "show", "items") == [{"id": MILK, "title": "Milk", "note": "cold", "deleted": False}]
    changes = {"title": [None, "Milk"], "note": [None, "cold"]}
    assert [event["changes"] for event in as_json(server, "history", "items", MILK)] == [changes]
