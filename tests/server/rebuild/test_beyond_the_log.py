"""What the log doesn't govern: records outside of it that are gone, and values that hooks compute."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Server, start_copy
from support.checking import append_all, check, look, record_all, silent
from support.command_line import cli
from support.hooks import hook
from support.notes import note
from support.rebuilding import WORKER_ONLY

TASKS = "/api/collections/tasks/records"
GONE = "relates to records that are gone"


@pytest.fixture
def tasks(server: Server) -> Server:
    """Attached `tasks` that relate to `people`, who are outside of the log. Superusers may write rows."""
    server.create_collection("people", [{"name": "name", "type": "text"}])
    people = server.superuser()("GET", "/api/collections/people").json()["id"]
    relation = {"type": "relation", "collectionId": people}
    server.create_collection(
        "tasks",
        [
            {"name": "title", "type": "text"},
            {"name": "owner", **relation, "maxSelect": 1},
            {"name": "helpers", **relation, "maxSelect": 5},
            {"name": "boss", **relation, "maxSelect": 1, "cascadeDelete": True},
        ],
    )
    server.attach("tasks", lock=False)
    for name in ("ann00000000000a", "bob00000000000b", "cid00000000000c"):
        answer = server.superuser()("POST", "/api/collections/people/records", json={"id": name, "name": name[:3]})
        assert answer.ok, answer.text
    return server


@pytest.fixture
def another(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A PocketBase with an empty log."""
    yield from start_copy(installed_template, tmp_path / "another")


def create(number: int, **data: Any) -> dict[str, Any]:
    return {"type": "create", "item_id": note(number), "data": {"title": "x", **data}}


def record(server: Server, *events: dict[str, Any]) -> None:
    append_all(server.guest(), "tasks", list(events))
    record_all(server)


def require_boss(fields: list[dict[str, Any]]) -> None:
    next(field for field in fields if field["name"] == "boss")["required"] = True


def dismiss(server: Server, *names: str) -> None:
    for name in names:
        assert server.superuser()("DELETE", f"/api/collections/people/records/{name}").ok


def test_a_relation_to_a_deleted_record_is_told_and_is_no_difference(tasks: Server) -> None:
    record(tasks, create(1, owner="ann00000000000a"), create(2, helpers=["ann00000000000a", "bob00000000000b"]))
    dismiss(tasks, "ann00000000000a")
    document, said = look(tasks, "tasks")
    assert document["ok"]
    assert [GONE in line for line in said] == [True, True]
    assert json.loads(cli(tasks, "rebuild", "tasks", "--json").stdout)["collections"]["tasks"]["unchanged"] == 2


def test_the_worker_who_cannot_see_such_records_says_so_and_finds_other_differences(tasks: Server) -> None:
    record(tasks, create(1, owner="ann00000000000a", helpers=["ann00000000000a", "bob00000000000b"]), create(2))
    dismiss(tasks, "ann00000000000a")
    told = cli(tasks, "check", "tasks", **WORKER_ONLY)
    assert "Every row is what the log says" in told.stdout
    assert told.stderr.count("relates to records that rows lack (seq 1). Those may be gone") == 2
    assert "as a superuser" in told.stderr
    assert tasks.superuser()("PATCH", f"{TASKS}/{note(1)}", json={"helpers": ["cid00000000000c"], "title": "y"}).ok
    assert tasks.superuser()("PATCH", f"{TASKS}/{note(2)}", json={"owner": "bob00000000000b"}).ok
    found = json.loads(cli(tasks, "check", "tasks", "--json", code=1, **WORKER_ONLY).stdout)["differences"]
    assert [sorted(each["fields"]) for each in found] == [["helpers", "title"], ["owner"]]


def test_what_else_differs_in_such_a_row_is_found_and_repaired(tasks: Server) -> None:
    record(tasks, create(1, owner="ann00000000000a", helpers=["ann00000000000a", "bob00000000000b"]))
    dismiss(tasks, "ann00000000000a")
    assert tasks.superuser()("PATCH", f"{TASKS}/{note(1)}", json={"title": "by hand", "helpers": []}).ok
    found = check(tasks, "tasks", code=1)["differences"]
    assert [each["fields"] for each in found] == [{"title": ["x", "by hand"], "helpers": [["bob00000000000b"], []]}]
    cli(tasks, "rebuild", "tasks", "--json")
    assert check(tasks, "tasks")["ok"]
    row = tasks.superuser().record("tasks", note(1))
    assert (row["title"], row["owner"], row["helpers"]) == ("x", "", ["bob00000000000b"])


def test_a_relation_that_somebody_removed_by_hand_is_a_difference(tasks: Server) -> None:
    record(tasks, create(1, owner="ann00000000000a"))
    assert tasks.superuser()("PATCH", f"{TASKS}/{note(1)}", json={"owner": ""}).ok
    assert check(tasks, "tasks", code=1)["differences"][0]["fields"] == {"owner": ["ann00000000000a", ""]}


def test_a_lost_row_is_inserted_without_relations_to_deleted_records(tasks: Server) -> None:
    record(tasks, *(create(number, owner="ann00000000000a", helpers=["bob00000000000b"]) for number in range(1, 4)))
    for number in range(1, 4):
        assert tasks.superuser()("DELETE", f"{TASKS}/{note(number)}").ok
    dismiss(tasks, "ann00000000000a")
    done = cli(tasks, "rebuild", "tasks", "--json")
    assert json.loads(done.stdout)["collections"]["tasks"]["inserted"] == 3
    assert GONE in done.stderr
    row = tasks.superuser().record("tasks", note(2))
    assert (row["owner"], row["helpers"]) == ("", ["bob00000000000b"])
    assert check(tasks, "tasks")["ok"]


def test_a_deleted_item_whose_row_went_with_a_record_that_it_needs_is_no_difference(tasks: Server) -> None:
    record(tasks, create(1, boss="cid00000000000c"), create(2, boss="cid00000000000c"), create(3))
    record(tasks, {"type": "delete", "item_id": note(1)})
    tasks.edit_fields("tasks", require_boss)
    dismiss(tasks, "cid00000000000c")  # and PocketBase deletes both rows
    document, said = look(tasks, "tasks", code=1)
    assert document["collections"]["tasks"] == {"rows": 1, "missing": 1, "changed": 0, "extra": 0}
    assert [each["id"] for each in document["differences"]] == [note(2)]
    assert any(GONE in line for line in said)
    told = cli(tasks, "rebuild", "tasks", code=1).stderr
    assert f'tasks {note(2)} could not be written: "boss" (seq 2) {GONE}, and it is required' in told
    assert note(1) not in told


def test_only_deleted_items_being_concerned_a_rebuild_succeeds(tasks: Server) -> None:
    record(tasks, create(1, boss="cid00000000000c"), {"type": "delete", "item_id": note(1)})
    tasks.edit_fields("tasks", require_boss)
    dismiss(tasks, "cid00000000000c")
    assert check(tasks, "tasks")["ok"]
    cli(tasks, "rebuild", "tasks", "--json")


def test_an_import_builds_rows_whose_people_are_elsewhere(tasks: Server, another: Server, tmp_path: Path) -> None:
    record(tasks, create(1, owner="ann00000000000a"))
    cli(tasks, "export", str(tmp_path / "log.jsonl"))
    for name in ("people", "tasks"):
        collection = tasks.superuser()("GET", f"/api/collections/{name}").json()
        body = {"collections": [collection], "deleteMissing": False}
        assert another.superuser()("PUT", "/api/collections/import", json=body).ok
    another.attach("tasks")
    cli(another, "import", str(tmp_path / "log.jsonl"))
    assert another.superuser().record("tasks", note(1))["owner"] == ""
    assert check(another, "tasks")["ok"]


# -- values that hooks compute ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rewriting(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase whose hook counts in `note` how often a row was written."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("rewriting") / "pocketbase"):
        hook(server, 'onRecordUpdate((e) => { e.record.set("note", e.record.get("note") + "!"); e.next() }, "items");')
        server.attach("items", lock=False)
        append_all(server.guest(), "items", [{"type": "create", "item_id": note(1), "data": {"title": "x"}}])
        record_all(server)
        append_all(server.guest(), "items", [{"type": "update", "item_id": note(1), "data": {"qty": 1}}])
        record_all(server)
        yield server


def test_a_rebuild_that_a_hook_undoes_does_not_say_that_all_is_well(rewriting: Server) -> None:
    assert check(rewriting, "items", code=1)["differences"][0]["fields"] == {"note": ["", "!"]}
    done = cli(rewriting, "rebuild", "items", code=1)
    assert "All but 1 of the rows are what the log says" in done.stdout
    assert f"items {note(1)} could not be written: note changed again" in done.stderr
    assert "pocketbase-events attach items --computed note" in done.stderr


def test_a_computed_field_is_neither_compared_nor_written_nor_set(rewriting: Server) -> None:
    root = rewriting.superuser()
    target = next(each for each in root.records("event_targets") if each["collection"] == "items")
    update = ("PATCH", f"/api/collections/event_targets/records/{target['id']}", {"computed": ["note"]})
    assert root.batch(update).ok
    silent(rewriting, "items")
    assert root("PATCH", f"/api/collections/items/records/{note(1)}", json={"qty": 7, "note": "mine"}).ok
    assert check(rewriting, "items", code=1)["differences"][0]["fields"] == {"qty": [1, 7]}
    cli(rewriting, "rebuild", "items")
    assert root.record("items", note(1))["note"] == "mine!!"
    event = rewriting.guest().append("update", note(1), {"note": "from an event"}, "items")
    record_all(rewriting)
    assert "computed" in root.record("events", event["id"])["error"]
