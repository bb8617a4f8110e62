"""`history` tells every event of an item, and what it changed."""

import json
from contextlib import closing
from typing import Any

import pytest
from support import NEVER, Server, check_log, run_command
from support.command_line import cli
from support.histories import BREAD, EGGS, MILK, MILK_HISTORY, STEPS, TITLE, as_json, by_id, cells, wide

KEYS = ["seq", "timestamp", "type", "actor", "changes", "reason", "together"]

# -- history -----------------------------------------------------------------------------------------------


def test_history_shows_every_event_of_an_item_and_what_it_changed(told: Server) -> None:
    events = json.loads(cli(told, "history", "items", MILK, "--json").stdout)
    assert [(event["seq"], event["type"], event["changes"]) for event in events] == MILK_HISTORY
    assert all(list(event) == KEYS for event in events)
    assert [event["timestamp"] for event in events] == [f"{STEPS[seq - 1][0]}Z" for seq, *_ in MILK_HISTORY]
    assert all(event["actor"] == "" for event in events)


def test_history_shows_who_did_it(told: Server) -> None:
    ann = told.superuser().records("users")[0]["id"]
    assert [event["actor"] for event in as_json(told, "history", "notes", MILK)] == [ann]
    assert ann in wide(told, "history", "notes", MILK).stdout


def test_history_is_a_table_newest_event_first(told: Server) -> None:
    assert cells(wide(told, "history", "items", MILK).stdout) == [
        ["seq", "when (UTC)", "type", "actor", "field", "from", "to"],
        ["6", "2026-05-02 23:59:59.999Z", "delete", "", "deleted", "false", "true"],
        ["4", "2026-05-02 08:30:00.123Z", "update", "", "note", "null", '"cold"'],
        ["3", "2026-05-01 12:00:00.500Z", "update", "", "qty", "2", "3.5"],
        ["1", "2026-05-01 12:00:00.000Z", "create", "", "qty", "null", "2"],
        ["1", "2026-05-01 12:00:00.000Z", "create", "", "title", "null", f'"{TITLE}"'],
    ]


def test_a_create_without_fields_is_an_event_without_changes(told: Server) -> None:
    assert [(event["type"], event["changes"]) for event in as_json(told, "history", "notes", EGGS)] == [("create", {})]
    assert [row[2] for row in cells(wide(told, "history", "notes", EGGS).stdout)] == ["type", "create"]


def test_a_reason_is_shown_if_there_is_one_and_so_are_the_values_around_a_modifier(server: Server) -> None:
    guest = server.guest()
    guest.append("create", MILK, {"title": "Milk"})
    guest.append("update", MILK, {"qty+": 2}, reason="bought", together="shopping")
    guest.append("update", MILK, {"qty-": 0.5})
    server.worker().run_to_end(NEVER)
    events = as_json(server, "history", "items", MILK)
    assert [event["changes"] for event in events[1:]] == [{"qty": [None, 2]}, {"qty": [2, 1.5]}]
    assert [(event["reason"], event["together"]) for event in events] == [("", ""), ("bought", "shopping"), ("", "")]
    table = cells(wide(server, "history", "items", MILK).stdout)
    assert table[0][-1] == "reason"
    assert [row[4:] for row in table[1:3]] == [["qty", "2", "1.5", ""], ["qty", "null", "2", "bought"]]


def test_values_set_to_what_they_were_are_shown_as_they_are(told: Server) -> None:
    changes = [event["changes"] for event in as_json(told, "history", "items", EGGS)]
    assert changes == [{"title": [None, "Eggs"], "note": [None, ""], "qty": [None, 0]}, {"qty": [0, 0]}]
    assert [event["changes"] for event in as_json(told, "history", "items", BREAD)][1] == {"done": [True, None]}


@pytest.mark.parametrize("command", ["history", "show"])
def test_an_item_that_the_log_does_not_know_is_not_an_error(told: Server, command: str) -> None:
    for collection, item in (("items", "nosuchitem00000"), ("empty", MILK), ("items", MILK[:5])):
        assert as_json(told, command, collection, item) == []
        done = wide(told, command, collection, item)
        assert f"no event of {item} in {collection}" in done.stderr + done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["history", "nothere", MILK], ["show", "other", MILK], ["show", "events"], ["show", 'x" || 1 = 1', "--json"]],
)
def test_a_collection_that_the_log_does_not_know_is_wrong_usage(told: Server, arguments: list[str]) -> None:
    done = cli(told, *arguments, code=2)
    assert done.stdout == ""
    assert f"{arguments[1]} is not attached" in done.stderr


@pytest.mark.slow
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


def test_pending_and_rejected_events_are_not_history(server: Server) -> None:
    guest = server.guest()
    guest.append("create", MILK, {"title": "Milk"})
    guest.append("create", MILK, {"title": "again"})
    server.worker().run_to_end(NEVER)
    guest.append("update", MILK, {"qty": 1})
    assert [event["type"] for event in as_json(server, "history", "items", MILK)] == ["create"]
    assert as_json(server, "show", "items") == [{"id": MILK, "title": "Milk", "deleted": False}]


def test_a_long_history_is_shown_in_full(server: Server) -> None:
    guest = server.guest()
    updates = [{"type": "update", "item_id": MILK, "data": {"qty": number}} for number in range(1, 1200)]
    guest.append("create", MILK, {"title": "Milk", "qty": 0})
    for start in range(0, 1200, 300):  # more at once, and a busy PocketBase gives them up
        guest.append_all(*updates[start : start + 300])
    guest.append("create", BREAD, {"title": "Bread"})
    server.worker().run_to_end(NEVER)
    assert check_log(server).seq == 1201
    changes = [event["changes"] for event in as_json(server, "history", "items", MILK)[1:]]
    assert changes == [{"qty": [number - 1, number]} for number in range(1, 1200)]
    assert as_json(server, "show", "items", MILK, "--at", "1150") == [
        {"id": MILK, "title": "Milk", "qty": 1149, "deleted": False}
    ]


def test_large_values_are_whole_in_a_pipe_and_as_json(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "json", "type": "json"}))
    value = {"long": ["x" * 300, "[red]", {"\x1b[31m": "\n"}]}
    server.guest().append("create", MILK, {"title": "Milk", "json": value})
    server.worker().run_to_end(NEVER)
    assert as_json(server, "show", "items")[0]["json"] == value
    for arguments in (["show", "items"], ["history", "items", MILK]):
        told = wide(server, *arguments).stdout
        assert "\x1b" not in told
        assert json.dumps(value) in told


def test_history_and_show_change_nothing(told: Server) -> None:
    def everything() -> Any:
        with closing(told.database()) as database:
            return [database.execute(f"SELECT * FROM {name}").fetchall() for name in ("events", "items", "event_head")]

    before = everything()
    as_json(told, "show", "items", "--at", "3")
    as_json(told, "history", "items", MILK)
    assert everything() == before
