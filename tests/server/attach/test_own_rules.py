"""A collection's own rules: shown before they are replaced, kept, said over events, and put back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support import Client, Server
from support.command_line import as_json, cli

SIGNED_IN = '@request.auth.id != ""'
OWNER = f"{SIGNED_IN} && owner = @request.auth.id"
FIELDS = [{"name": "title", "type": "text"}, {"name": "owner", "type": "text"}]
OWN = {"createRule": f"{SIGNED_IN} && @request.body.owner = @request.auth.id", "updateRule": OWNER, "deleteRule": OWNER}


@pytest.fixture
def todos(shared: Server) -> Iterator[str]:
    """A collection that nobody has attached, with its owners' rules."""
    shared.create_collection("todos", FIELDS, listRule="", viewRule="", **OWN)
    yield "todos"
    if "todos" in {target["collection"] for target in shared.superuser().records("event_targets")}:
        shared.detach("todos")
    assert shared.superuser()("DELETE", "/api/collections/todos").ok


def own_rules(server: Server) -> dict[str, Any]:
    collection = server.superuser()("GET", "/api/collections/todos").json()
    return {rule: collection[rule] for rule in OWN}


def everything(server: Server) -> Any:
    root = server.superuser()
    return root("GET", "/api/collections", params={"perPage": 500}).json()["items"], root.records("event_targets")


def test_a_looser_rule_is_shown_and_needs_somebody_to_agree(shared: Server, todos: str) -> None:
    before = everything(shared)
    done = cli(shared, "attach", todos, "--allow", SIGNED_IN, code=2)
    assert OWNER in done.stderr
    assert "admits more than before" in done.stderr
    assert "--yes" in done.stderr
    assert everything(shared) == before
    cli(shared, "attach", todos, "--allow", SIGNED_IN, "--yes")
    closed = own_rules(shared)
    assert closed["deleteRule"] is None
    assert all("event_workers" in closed[rule] for rule in ("createRule", "updateRule"))


def test_rules_for_owners_are_proposed_and_taken_with_yes(shared: Server, todos: str) -> None:
    done = cli(shared, "attach", todos, code=2)
    assert "data.owner = @request.auth.id" in done.stderr
    assert "@collection.todos.owner ?= @request.auth.id" in done.stderr
    cli(shared, "attach", todos, "--yes")
    target = next(each for each in shared.superuser().records("event_targets") if each["collection"] == todos)
    assert target["create_rule"] == f"{SIGNED_IN} && data.owner = @request.auth.id"
    assert target["own_rules"] == OWN


def test_a_rule_that_can_not_be_said_over_events_leaves_superusers_and_is_shown(shared: Server, todos: str) -> None:
    own = f"{OWNER} && title != 'closed'"
    assert shared.superuser()("PATCH", f"/api/collections/{todos}", json={"updateRule": own}).ok
    assert f"update: {own}  ->  superusers only" in cli(shared, "attach", todos, "--dry-run").stderr


def test_a_dry_run_shows_it_all_and_changes_nothing(shared: Server, todos: str) -> None:
    before = everything(shared)
    shown = as_json(shared, "attach", todos, "--dry-run", "--allow", SIGNED_IN)
    assert shown["collection"] == todos
    assert shown["rules"]["update"] == {"own": OWNER, "event": SIGNED_IN, "looser": True}
    assert shown["expressions_left"] > 100
    assert "Nothing was changed." in cli(shared, "attach", todos, "--dry-run").stderr
    assert everything(shared) == before


def test_detach_puts_its_own_rules_back(shared: Server, todos: str) -> None:
    cli(shared, "attach", todos, "--yes")
    cli(shared, "attach", todos, "--update", "")
    assert OWNER in cli(shared, "detach", todos).stdout
    assert own_rules(shared) == OWN


def test_rules_that_can_not_be_put_back_are_named_and_the_collection_stays_closed(shared: Server, todos: str) -> None:
    cli(shared, "attach", todos, "--yes")
    fields = [field for field in FIELDS if field["name"] != "owner"]
    root = shared.superuser()
    there = root("GET", f"/api/collections/{todos}").json()["fields"]
    kept = [field for field in there if field["name"] != "owner"]
    assert len(kept) == len(there) - 1, fields
    shared.attach(todos, allow="")  # or the composed rule, which names the field, would be in the way
    assert root("PATCH", f"/api/collections/{todos}", json={"fields": kept}).ok
    assert "could not be put back" in cli(shared, "detach", todos).stderr
    assert own_rules(shared) == dict.fromkeys(OWN)


def test_nothing_is_asked_about_a_collection_that_only_superusers_wrote(shared: Server, todos: str) -> None:
    assert shared.superuser()("PATCH", f"/api/collections/{todos}", json=dict.fromkeys(OWN)).ok
    assert cli(shared, "attach", todos, "--allow", SIGNED_IN).stderr == ""


def test_a_collection_that_is_attached_may_be_left_as_it_is(shared: Server, todos: str) -> None:
    cli(shared, "attach", todos, "--unless-attached", "--yes")
    before = everything(shared)
    assert "attached already" in cli(shared, "attach", todos, "--unless-attached", "--allow", "").stderr
    assert json.loads(cli(shared, "attach", todos, "--unless-attached", "--json").stdout) == {"collection": todos}
    assert everything(shared) == before
    assert "attached already" in cli(shared, "attach", todos).stdout


def test_several_collections_are_attached_at_once(shared: Server) -> None:
    for name in ("first", "second"):
        shared.create_collection(name, FIELDS)
    assert as_json(shared, "attach", "first", "second", "--allow", "") == [
        {"collection": "first"},
        {"collection": "second"},
    ]
    attached = {target["collection"] for target in shared.superuser().records("event_targets")}
    assert {"first", "second"} <= attached
    for name in ("first", "second"):
        shared.detach(name)


def may(client: Client, type_: str, item: str, owner: str) -> bool:
    """Whether somebody may append an event about a row, or one that creates a row for an owner."""
    data = {"create": {"title": "x", "owner": owner}, "update": {"title": "y"}, "delete": None}[type_]
    event = {"type": type_, "collection": "todos", "item_id": item, "data": data, "actor": client.user_id}
    return client("POST", "/api/collections/events/records", json=event).ok


def could(client: Client, type_: str, item: str, owner: str) -> bool:
    """Whether somebody could write the row."""
    path = "/api/collections/todos/records"
    if type_ == "create":
        return client("POST", path, json={"title": "x", "owner": owner}).ok
    return client("PATCH" if type_ == "update" else "DELETE", f"{path}/{item}", json={"title": "y"}).ok


@pytest.mark.parametrize("relation", [False, True], ids=["text", "relation"])
def test_what_is_proposed_admits_whom_the_own_rules_admitted(server: Server, relation: bool) -> None:
    users = server.superuser()("GET", "/api/collections/users").json()["id"]
    owner = {"name": "owner", "type": "relation", "collectionId": users, "maxSelect": 1} if relation else FIELDS[1]
    server.create_collection("todos", [FIELDS[0], owner], **OWN)
    ann, bob, root = server.user("ann"), server.user("bob"), server.superuser()
    items = [f"ann{number:012d}" for number in range(3)]
    for item in items:
        row = {"id": item, "title": "x", "owner": ann.user_id}
        assert root("POST", "/api/collections/todos/records", json=row).ok
    callers = (server.guest(), ann, bob)
    types = ("create", "update")
    before = [[could(each, type_, items[0], ann.user_id) for type_ in types] for each in callers]
    cli(server, "attach", "todos", "--adopt", "--yes")
    after = [[may(each, type_, items[1], ann.user_id) for type_ in types] for each in callers]
    assert after == before == [[False, False], [True, True], [False, False]]
    assert [may(each, "delete", items[2], "") for each in callers] == [False, True, False]
