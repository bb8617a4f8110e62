"""`undo` takes events back: it shows them, asks, appends one group, waits, and says what it left out."""

import json
import subprocess
from typing import Any

from support import Server, command
from support.command_line import cli

from pocketbase_events import EventLog, NewEvent, new_id

NAMES = ("title", "qty", "done", "tags", "deleted")


def row(server: Server, item: str) -> dict[str, Any]:
    found = server.guest().record("things", item)
    return {name: found[name] for name in NAMES}


def created(log: EventLog, **fields: Any) -> str:
    return log.append("create", "things", new_id(), {"title": "a", "qty": 1, **fields}).item_id


def updated(log: EventLog, item: str, **fields: Any) -> int:
    return [log.append("update", "things", item, {name: value}).seq for name, value in fields.items()][-1]


def undo(server: Server, *arguments: object, code: int = 0, **env: str | None) -> tuple[dict[str, Any], str]:
    """What undo prints as JSON, and what it says beside that."""
    done = cli(server, "undo", *map(str, arguments), "--yes", "--json", code=code, **env)
    return json.loads(done.stdout), done.stderr


def recorded(server: Server, document: dict[str, Any]) -> list[dict[str, Any]]:
    """The events that a command appended, as they are in the log."""
    root = server.superuser()
    events = [root.record("events", each["id"]) for each in document["appended"]]
    assert [event["seq"] for event in events] == [each["seq"] for each in document["appended"]]
    return events


def test_an_undo_appends_one_group_that_says_why_and_who(busy: Server, log: EventLog) -> None:
    item = created(log)
    first, second = updated(log, item, title="b"), updated(log, item, **{"qty+": 4})
    document, _ = undo(busy, second, first)
    events = recorded(busy, document)
    assert document["conflicts"] == []
    assert [event["data"] for event in events] == [{"title": "a"}, {"qty-": 4}]
    assert events[1]["seq"] == events[0]["seq"] + 1
    assert {event["reason"] for event in events} == {f"undo of seq {first}, {second}"}
    assert len({event["together"] for event in events} - {""}) == 1
    assert {event["actor"] for event in events} == {busy.superuser().user_id}
    assert (row(busy, item)["title"], row(busy, item)["qty"]) == ("a", 1)


def test_a_create_is_taken_back_by_a_delete_and_that_by_a_restore(busy: Server, log: EventLog) -> None:
    item = created(log)
    seq = log.head().seq
    document, _ = undo(busy, seq)
    assert row(busy, item)["deleted"] is True
    again, _ = undo(busy, document["appended"][0]["seq"])
    assert recorded(busy, again)[0]["data"] == {"deleted": False}
    assert row(busy, item) == {"title": "a", "qty": 1, "done": False, "tags": [], "deleted": False}


def test_a_group_is_taken_back_by_its_name_and_so_is_its_undo(busy: Server, log: EventLog) -> None:
    one, other = created(log, tags=["a"]), created(log)
    changes: list[tuple[str, Any]] = [(one, {"tags+": "b"}), (one, {"done": True}), (other, {"title": "z"})]
    log.append_together([NewEvent("update", "things", item, data) for item, data in changes], together="my group")
    after = row(busy, one), row(busy, other)
    document, _ = undo(busy, "--together", "my group")
    assert (row(busy, one)["tags"], row(busy, one)["done"], row(busy, other)["title"]) == (["a"], False, "a")
    undo(busy, "--together", recorded(busy, document)[0]["together"])
    assert (row(busy, one), row(busy, other)) == after


def test_what_was_changed_again_since_is_listed_and_left_out_unless_forced(busy: Server, log: EventLog) -> None:
    item = created(log)
    first, later = updated(log, item, title="b"), updated(log, item, title="c")
    done = updated(log, item, done=True)
    document, said = undo(busy, first, done, code=1)
    assert document["conflicts"] == [{"seq": first, "field": "title", "later_seq": later}]
    assert [event["data"] for event in recorded(busy, document)] == [{"done": None}]
    assert recorded(busy, document)[0]["reason"] == f"undo of seq {done}"
    assert f'seq {first}: "title" was changed again by seq {later}, so this is left out; --force' in said
    document, said = undo(busy, first, "--force")
    assert document["conflicts"] == []
    assert f'"title" was changed again by seq {later}, which is lost' in said
    assert row(busy, item)["title"] == "a"


def test_it_shows_what_it_would_append_and_asks(busy: Server, log: EventLog) -> None:
    item = created(log)
    seq = updated(log, item, title="b")
    head = log.head()
    done = cli(busy, "undo", str(seq), code=2)
    assert done.stdout == ""
    words = done.stderr.split()
    assert words[:4] == ["item", "field", "from", "to"]
    assert words[4:8] == [item, "title", '"b"', '"a"']
    assert "Append 1 event that does this? [y/N]:" in done.stderr
    assert "give --yes" in done.stderr
    for answer, code in (("n\n", 1), ("y\n", 0)):
        with command("undo", str(seq), env=busy.environment, stdin=subprocess.PIPE) as process:
            out, err = process.communicate(answer, timeout=60)
        assert process.returncode == code, err
        assert ("Nothing was appended." in err) == bool(code)
        assert log.head().seq == head.seq + (code == 0)
    assert f"1 event was recorded, seq {head.seq + 1}. To take that back: pocketbase-events undo --together " in out


def test_what_the_collection_can_hold_no_more_is_left_out_and_named(busy: Server, log: EventLog) -> None:
    fields = [{"name": name, "type": "text"} for name in ("old", "kept")]
    busy.create_collection("short", [*fields, {"name": "code", "type": "text", "autogeneratePattern": "[a-z]{5}"}])
    busy.attach("short")
    item = log.append("create", "short", new_id(), {"old": "a", "kept": "a"}).item_id
    seqs = [log.append("update", "short", item, {name: "b"}).seq for name in ("old", "kept", "code")]
    busy.edit_fields("short", lambda fields: fields.remove(next(each for each in fields if each["name"] == "old")))
    document, said = undo(busy, *seqs, code=1)
    assert [event["data"] for event in recorded(busy, document)] == [{"kept": "a"}]
    assert 'short: "old" of 1 item is left out: short has no field "old".' in said
    assert 'short: "code" of 1 item is left out: PocketBase generated its value, which the log does not know.' in said


def test_nothing_to_take_back_is_no_question(busy: Server, log: EventLog) -> None:
    item = created(log)
    seqs = [log.head().seq, log.append("delete", "things", item).seq]
    assert cli(busy, "undo", *map(str, seqs)).stdout == "There is nothing to append.\n"


def test_wrong_usage_is_said(busy: Server, log: EventLog) -> None:
    created(log)
    for arguments, says in (
        ([], "give --together"),
        (["1", "--together", "x"], "give --together"),
        (["999999", "1", "9" * 30], "no event with seq 999999, 99999"),
        (["--together", "nothing such"], "no events that were appended together as nothing such."),
        (["0"], "SEQ"),
        (["x"], "SEQ"),
    ):
        assert says in cli(busy, "undo", *arguments, code=2).stderr


def test_a_rejected_undo_changes_nothing_and_says_why(busy: Server, log: EventLog) -> None:
    busy.create_collection(
        "unique",
        [{"name": "slug", "type": "text"}, {"name": "body", "type": "text"}],
        indexes=["CREATE UNIQUE INDEX `idx_unique_slug` ON `unique` (`slug`)"],
    )
    busy.attach("unique")
    item = log.append("create", "unique", new_id(), {"slug": "a", "body": "a"}).item_id
    seqs = [log.append("update", "unique", item, {name: "b"}).seq for name in ("body", "slug")]
    log.append("create", "unique", new_id(), {"slug": "a"})
    document, said = undo(busy, *seqs, code=1)
    assert document == {"appended": [], "conflicts": []}
    assert "was rejected, and its group with it: PocketBase refused the row: slug: " in said
    assert log.rows("unique", item) == [{"id": item, "slug": "b", "body": "b", "deleted": False}]


def test_the_worker_may_undo_where_the_rules_admit_it(busy: Server, log: EventLog) -> None:
    as_worker = dict.fromkeys(("POCKETBASE_SUPERUSER_EMAIL", "POCKETBASE_SUPERUSER_PASSWORD"), None)
    item = created(log)
    document, _ = undo(busy, updated(log, item, title="b"), **as_worker)
    assert recorded(busy, document)[0]["actor"] == busy.worker_client().user_id
    busy.create_collection("closed", [{"name": "body", "type": "text"}])
    busy.attach("closed", allow="")
    seq = log.append("create", "closed", new_id(), {"body": "a"}).seq
    busy.attach("closed", allow='@request.auth.collectionName = "users"')
    done = cli(busy, "undo", str(seq), "--yes", code=1, **as_worker)
    assert "its rule for events of type delete does not admit this one" in done.stderr
    assert "set POCKETBASE_SUPERUSER_EMAIL" in done.stderr
    undo(busy, seq)


def test_events_of_several_collections_are_told_apart(busy: Server, log: EventLog) -> None:
    one = created(log)
    other = log.append("create", "items", new_id(), {"title": "x"})
    done = cli(busy, "undo", str(other.seq - 1), str(other.seq), "--yes")
    assert done.stderr.split()[:5] == ["collection", "item", "field", "from", "to"]
    assert f"items       {other.item_id}  deleted  false  true" in done.stderr
    assert f"things      {one}  deleted  false  true" in done.stderr
