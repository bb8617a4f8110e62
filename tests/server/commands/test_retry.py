"""Rejected events are listed, and retried."""

import pytest
from support import Server, check_log
from support.command_line import as_json, cli


def test_rejected_lists_and_retry_makes_pending_again(server: Server) -> None:
    guest = server.guest()
    early = guest.append("update", "item00000000001", {"qty": 1})
    never = guest.append("update", "item00000000009", {"qty": 1})
    assert cli(server, "run", "--once").stdout == "Recorded 0, rejected 2.\n"
    listed = as_json(server, "rejected")
    assert [event["id"] for event in listed] == [early["id"], never["id"]]
    assert list(listed[0]) == ["id", "collection", "item_id", "type", "error", "created"]
    assert "There is no item" in listed[0]["error"]
    assert early["id"] in cli(server, "rejected").stdout
    guest.append("create", "item00000000001", {"title": "x"})
    cli(server, "run", "--once")
    assert "1 event is pending" in cli(server, "retry", early["id"]).stdout
    cli(server, "run", "--once")
    assert [event["id"] for event in as_json(server, "rejected")] == [never["id"]]
    assert check_log(server, retried=True).seq == 2
    assert as_json(server, "retry", "--all") == {"retried": [never["id"]]}


@pytest.mark.parametrize("arguments", [["retry"], ["retry", "x", "--all"], ["retry", "nosuchevent0001"]])
def test_retry_wants_to_know_which(server: Server, arguments: list[str]) -> None:
    cli(server, *arguments, code=2)
