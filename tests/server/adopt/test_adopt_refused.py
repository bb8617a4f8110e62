"""What can't be adopted is told, and nothing changes."""

import json
from collections import Counter
from typing import Any

import pytest
from support import NEVER, Server, query, run_command
from support.adopting import NOTES, adopt, append, attached, events_of, is_well, note, put, stored, with_notes
from support.command_line import cli
from support.limits import limit


def everything(server: Server) -> Any:
    """Collections, triggers, events and rows: whatever a command may change."""
    collections = server.superuser()("GET", "/api/collections", params={"perPage": 500}).json()["items"]
    for collection in collections:
        collection.pop("updated")
    triggers = query(server, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
    tables = [query(server, f"SELECT * FROM {name}") for name in ("events", "event_targets", "event_head", "notes")]
    return collections, triggers, tables


def test_rows_are_not_adopted_unasked(server: Server) -> None:
    with_notes(server, 3)
    before = everything(server)
    assert "--adopt" in cli(server, "attach", "notes", "--allow", "", code=2).stderr
    assert everything(server) == before


def test_adopting_again_changes_nothing(server: Server) -> None:
    with_notes(server, 3)
    adopt(server)
    server.guest().append("update", note(1), {"text": "changed"}, collection="notes")
    server.worker().run_to_end(NEVER)
    before = everything(server)
    assert "0 rows were adopted" in adopt(server).stdout
    assert everything(server) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["notes", "--allow", "nofield = 1"], "Check the rules"),
        (["notes", "--allow", "(data.text = 1"], "don't match"),
        (["nothere"], "no collection nothere"),
        (["users"], "type auth"),
        (["events"], "only base collections"),
    ],
)
def test_what_cannot_be_attached_is_reported_before_anything_is_adopted(
    server: Server, arguments: list[str], says: str
) -> None:
    with_notes(server, 3)
    before = everything(server)
    assert says in cli(server, "attach", *arguments, "--adopt", code=2).stderr
    assert everything(server) == before
    assert server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "mine"}).ok


@pytest.mark.slow
def test_a_row_that_is_too_large_for_an_event_is_named_before_anything_is_changed(server: Server) -> None:
    with_notes(server, 30)
    server.edit_fields("events", lambda fields: limit(fields, "data", 300_000))
    put(server, note(20), "json", json.dumps("x" * 300_000))
    before = everything(server)
    told = adopt(server, code=1).stderr
    assert f"the row {note(20)} of notes: data: The maximum allowed JSON size is 300000 bytes." in told
    assert "Raise the maximum size of the field data of events" in told
    assert "Nothing was changed." in told
    assert everything(server) == before
    server.edit_fields("events", lambda fields: limit(fields, "data", 400_000))
    adopt(server)
    is_well(server, rows=30)


@pytest.mark.slow
def test_a_large_row_that_the_log_explains_is_adopted_again(server: Server) -> None:
    """Its events were small enough; a create event with all that it has would not be."""
    with_notes(server, 3, {"name": "more", "type": "json"})
    adopt(server)
    server.edit_fields("events", lambda fields: limit(fields, "data", 200_000))
    for field in ("json", "more"):
        server.guest().append("update", note(2), {field: "x" * 150_000}, collection="notes")
    server.worker().run_to_end(NEVER)
    cli(server, "detach", "notes")
    assert "0 rows were adopted" in adopt(server).stdout
    is_well(server, rows=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    ["[" * 300 + "]" * 300, "[" * 5000 + "]" * 5000, "[1e400]"],
    ids=["300 levels", "5000 levels", "no double"],
)
def test_a_row_that_no_event_can_carry_is_named_and_may_be_changed_and_tried_again(server: Server, raw: str) -> None:
    with_notes(server, 400)
    put(server, note(300), "json", raw)
    root, before = server.superuser(), stored(server)
    done = adopt(server, code=1)
    assert note(300) in done.stderr
    assert "Nothing was changed." in done.stderr
    assert "attach --adopt" in done.stderr
    assert stored(server) == before
    assert attached(server) == ["items"]
    assert append(server.guest(), note(999)) == 400
    assert root("PATCH", f"{NOTES}/{note(300)}", json={"json": {"flat": True}}).ok
    adopt(server)
    assert Counter(item for _, item, *_ in events_of(server)) == {note(number): 1 for number in range(1, 401)}
    is_well(server, rows=400)


def test_half_a_surrogate_pair_is_recorded_as_pocketbase_shows_it_or_refused(server: Server) -> None:
    with_notes(server, 3)
    put(server, note(2), "json", '{"half": "\\ud83d"}')
    done = run_command("attach", "notes", "--allow", "", "--adopt", env=server.environment)
    if done.returncode == 0:
        is_well(server, rows=3)
    else:
        assert note(2) in done.stderr
