"""Rejected events are dismissed: deleted, by a superuser, and nothing else is."""

import json

import pytest
from support import Server
from support.command_line import as_json, cli


def rejected(server: Server, *items: str) -> list[str]:
    """Append updates of items that don't exist, have them rejected, and return their ids."""
    ids = [str(server.guest().append("update", item, {"qty": 1})["id"]) for item in items]
    cli(server, "run", "--once")
    return ids


def test_dismiss_deletes_the_rejected_events_that_are_named(server: Server) -> None:
    one, two, three = rejected(server, "item00000000001", "item00000000002", "item00000000003")
    assert as_json(server, "rejected", "--dismiss", one, three) == {"dismissed": [one, three]}
    assert [event["id"] for event in as_json(server, "rejected")] == [two]
    assert "1 rejected event was deleted." in cli(server, "rejected", "--dismiss", "--all").stdout
    assert as_json(server, "rejected") == []


def test_dismiss_deletes_neither_pending_nor_recorded_events(server: Server) -> None:
    (bad,) = rejected(server, "item00000000001")
    recorded = server.guest().append("create", "item00000000001", {"title": "x"})["id"]
    cli(server, "run", "--once")
    pending = server.guest().append("create", "item00000000002", {"title": "x"})["id"]
    for event in (recorded, pending):
        assert "There is no rejected event" in cli(server, "rejected", "--dismiss", bad, event, code=2).stderr
    assert as_json(server, "rejected", "--dismiss", "--all") == {"dismissed": [bad]}
    assert {event["id"] for event in server.superuser().records("events")} == {recorded, pending}


@pytest.mark.parametrize("arguments", [["--dismiss"], ["--dismiss", "x", "--all"], ["x"], ["--all"]])
def test_dismiss_wants_to_know_which(server: Server, arguments: list[str]) -> None:
    assert "dismiss" in cli(server, "rejected", *arguments, code=2).stderr


def test_an_event_that_is_nested_too_deeply_to_be_read_harms_no_other(server: Server) -> None:
    """The command line asks for what it needs only, so nothing has to read such data."""
    deep: object = 1
    for _ in range(900):
        deep = {"a": deep}
    data = json.dumps({"title": "deep", "note": deep})
    event = server.superuser().append("create", "deep00000000001", data)["id"]
    other = rejected(server, "item00000000001")[0]
    assert as_json(server, "retry", other) == {"retried": [other]}
    assert as_json(server, "rejected", "--dismiss", event) == {"dismissed": [event]}
