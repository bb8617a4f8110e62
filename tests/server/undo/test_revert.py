"""`revert` makes rows what they were, and appends as many groups as that takes."""

import json
from typing import Any

import pytest
from support import Server
from support.command_line import cli

from pocketbase_events import EventLog, NewEvent, new_id


def revert(server: Server, *arguments: object, code: int = 0) -> dict[str, Any]:
    done = cli(server, "revert", *map(str, arguments), "--yes", "--json", code=code)
    return dict(json.loads(done.stdout))


def attached(server: Server, name: str) -> str:
    server.create_collection(name, [{"name": "title", "type": "text"}, {"name": "qty", "type": "number"}])
    server.attach(name)
    return name


def test_fields_are_set_back_new_items_deleted_and_deleted_ones_restored(busy: Server, log: EventLog) -> None:
    name = attached(busy, "first")
    kept, gone = (log.append("create", name, new_id(), {"title": "a", "qty": 1}).item_id for _ in "12")
    then = log.head().seq
    before = log.rows(name)
    log.append("update", name, kept, {"title": "b"})
    log.append("update", name, kept, {"qty+": 5})
    log.append("delete", name, gone)
    new = log.append("create", name, new_id(), {"title": "new"}).item_id
    untouched = log.append("create", name, new_id(), {"title": "new"}).item_id
    document = revert(busy, name, kept, gone, new, "--to", then)
    assert len(document["appended"]) == 4
    rows = {row["id"]: row for row in log.rows(name)}
    assert [rows[kept], rows[gone]] == before
    assert (rows[new]["deleted"], rows[untouched]["deleted"]) == (True, False)
    event = busy.superuser().record("events", document["appended"][0]["id"])
    assert event["reason"] == f"revert to seq {then}"
    revert(busy, name, "--to", then)
    assert [row for row in log.rows(name) if not row["deleted"]] == before
    assert revert(busy, name, "--to", then) == {"appended": [], "conflicts": []}


def test_a_time_is_a_moment_too(busy: Server, log: EventLog) -> None:
    name = attached(busy, "second")
    event = log.append("create", name, new_id(), {"title": "a"})
    log.append("update", name, event.item_id, {"title": "b"})
    document = revert(busy, name, "--to", event.timestamp)
    assert busy.superuser().record("events", document["appended"][0]["id"])["reason"] == f"revert to {event.timestamp}"
    assert log.rows(name)[0]["title"] == "a"


def test_true_is_not_1(busy: Server, log: EventLog) -> None:
    item = log.append("create", "things", new_id(), {"meta": True}).item_id
    then = log.head().seq
    log.append("update", "things", item, {"meta": 1})
    assert len(revert(busy, "things", item, "--to", then)["appended"]) == 1
    assert busy.guest().record("things", item)["meta"] is True


@pytest.mark.slow
def test_more_than_a_group_holds_is_appended_in_several_and_taken_back_at_once(busy: Server, log: EventLog) -> None:
    name = attached(busy, "many")
    for _ in range(3):
        log.append_together([NewEvent("create", name, new_id(), {"title": "a"}) for _ in range(80)])
    end = log.head().seq
    done = cli(busy, "revert", name, "--to", str(end - 240), "--yes")
    assert "These are 240 events, more than the 100 of one group" in done.stderr
    assert f"240 events were recorded, seq {end + 1} to {end + 240}." in done.stdout
    assert all(row["deleted"] for row in log.rows(name))
    together = done.stdout.split()[-1]
    assert len(cli(busy, "undo", "--together", together, "--yes").stderr.splitlines()) == 242
    assert not any(row["deleted"] for row in log.rows(name))


def test_wrong_usage_is_said(busy: Server) -> None:
    for arguments, says in (
        (["nothing", "--to", "1"], "nothing is not attached, and the log has no event of it"),
        (["things", "nosuchitem", "--to", "1"], "no event of nosuchitem in things"),
        (["things"], "--to"),
        (["things", "--to", "yesterday"], "--to takes a seq or a time"),
        (["things", "--to", ""], "--to takes a seq or a time"),
    ):
        assert says in cli(busy, "revert", *arguments, code=2).stderr
