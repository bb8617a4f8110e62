"""Attaching and detaching collections."""

from typing import Any

import pytest
from support import Server, check_log
from support.command_line import as_json, cli

# -- attach and detach -------------------------------------------------------------------------------------


def test_attach_adds_the_mark_closes_the_doors_and_lets_the_worker_read(server: Server) -> None:
    server.create_collection("notes", [{"name": "body", "type": "text"}], listRule='@request.auth.id != "" // staff')
    cli(server, "attach", "notes", "--create", '@request.auth.id != ""')
    notes = server.superuser()("GET", "/api/collections/notes").json()
    assert [f["type"] for f in notes["fields"] if f["name"] == "deleted"] == ["bool"]
    assert notes["deleteRule"] is None
    assert server.user("ann").records("notes") == []
    assert server.worker_client().records("notes") == []
    target = next(t for t in server.superuser().records("event_targets") if t["collection"] == "notes")
    assert (target["create_rule"], target["update_rule"], target["delete_rule"]) == (
        '@request.auth.id != ""',
        None,
        None,
    )


@pytest.mark.usefixtures("locks")
def test_attach_again_changes_what_is_given_and_nothing_else(server: Server) -> None:
    cli(server, "attach", "items", "--update", "data.qty > 0", "--no-lock")
    target = server.superuser().records("event_targets")[0]
    assert (target["create_rule"], target["update_rule"], target["delete_rule"]) == ("", "data.qty > 0", "")
    assert as_json(server, "status")["targets"] == [{"collection": "items", "locked": False}]
    cli(server, "attach", "items", "--update", "")
    assert as_json(server, "status")["targets"] == [{"collection": "items", "locked": False}]
    cli(server, "attach", "items", "--lock")
    assert as_json(server, "status")["targets"] == [{"collection": "items", "locked": True}]


def test_detach_gives_the_rows_to_superusers_and_the_read_rules_back(server: Server) -> None:
    server.create_collection("notes", [{"name": "body", "type": "text"}], listRule='body = "x"')
    before = server.superuser()("GET", "/api/collections/notes").json()
    cli(server, "attach", "notes", "--allow", "")
    server.guest().append("create", "note00000000001", {"body": "x"}, collection="notes")
    cli(server, "run", "--once")
    cli(server, "detach", "notes")
    after = server.superuser()("GET", "/api/collections/notes").json()
    for rule in ("listRule", "viewRule", "createRule", "updateRule", "deleteRule"):
        assert after[rule] == before[rule]
    assert server.superuser()("PATCH", "/api/collections/notes/records/note00000000001", json={"body": "y"}).ok
    assert check_log(server).seq == 1
    assert [target["collection"] for target in as_json(server, "status")["targets"]] == ["items"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["attach", "nothere"], "no collection nothere"),
        (["attach", "users"], "type auth"),
        (["attach", "event_status"], "only base collections"),
        (["attach", "events"], "only base collections"),
        (["attach", "_superusers"], "only base collections"),
        (["attach", "full"], "rows already"),
        (["attach", "marked"], "not a visible, optional bool field"),
        (["attach", "items", "--allow", "nofield = 1"], "Nothing was changed"),
        (["attach", "items", "--allow", "data.a = 1) || (type = 'create'"], "don't match"),
        (["attach", "items", "--allow", " || ".join(["data.a = 1"] * 250)], "200 expressions"),
        (["detach", "nothere"], "not attached"),
    ],
)
def test_what_cannot_be_attached_is_reported_and_nothing_changes(
    server: Server, arguments: list[str], says: str
) -> None:
    root = server.superuser()
    server.create_collection("full", [{"name": "body", "type": "text"}])
    assert root("POST", "/api/collections/full/records", json={"body": "x"}).ok
    server.create_collection("marked", [{"name": "deleted", "type": "text"}])
    before = root("GET", "/api/collections", params={"perPage": 500}).json()["items"]
    assert says in cli(server, *arguments, code=2).stderr
    assert root("GET", "/api/collections", params={"perPage": 500}).json()["items"] == before
    assert len(root.records("event_targets")) == 1


@pytest.mark.usefixtures("locks")
def test_a_schema_edit_that_would_rewrite_locked_rows_fails_and_works_with_the_lock_open(
    server: Server,
) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    cli(server, "run", "--once")

    def to_many(fields: list[dict[str, Any]]) -> None:
        fields.append({"name": "tags", "type": "select", "maxSelect": 1, "values": ["a", "b"]})

    assert server.edit_fields("items", to_many).ok

    def widen(fields: list[dict[str, Any]]) -> None:
        next(field for field in fields if field["name"] == "tags")["maxSelect"] = 2

    refused = server.edit_fields("items", widen)
    assert refused.status_code == 400
    assert "pocketbase-events" in refused.text
    cli(server, "attach", "items", "--no-lock")
    assert server.edit_fields("items", widen).ok
    cli(server, "attach", "items", "--lock")


OWNED = '@request.auth.id != "" && @collection.NAME.id ?= item_id && @collection.NAME.owner ?= @request.auth.id'


def test_rules_that_multiply_the_rows_of_two_collections_are_warned_of(server: Server) -> None:
    for name in ("notes", "tasks"):
        server.create_collection(name, [{"name": "owner", "type": "text"}])
    assert "Warning" not in cli(server, "attach", "notes", "--update", OWNED.replace("NAME", "notes")).stderr
    assert "@collection.tasks" in cli(server, "attach", "tasks", "--update", OWNED.replace("NAME", "tasks")).stderr


def test_rules_that_no_query_could_join_are_refused(server: Server) -> None:
    looks = [f"@collection.items:a{number}.qty = 1" for number in range(60)]
    assert "can join" in cli(server, "attach", "items", "--update", " || ".join(looks), code=2).stderr
    assert server.superuser().records("event_targets")[0]["update_rule"] == ""
