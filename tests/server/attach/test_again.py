"""Collections that were deleted and made again, named in other case, or attached by several at once."""

import json
import threading

import pytest
from support import NEVER, Server
from support.command_line import as_json, cli

from pocketbase_events.core.policy import compose_create_rule
from pocketbase_events.errors import PocketBaseEventsError
from pocketbase_events.jobs.attach import attach
from pocketbase_events.jobs.detach import detach
from pocketbase_events.jobs.targets import append_rules
from pocketbase_events.pb.admin import Admin

TEXT = {"name": "title", "type": "text"}


def test_a_collection_that_was_made_again_is_not_attached_and_gets_no_old_rows(server: Server) -> None:
    server.create_collection("notes", [TEXT], listRule="")
    server.attach("notes")
    guest, root = server.guest(), server.superuser()
    guest.append("create", "note00000000001", {"title": "old"}, "notes")
    server.worker().run_to_end(NEVER)
    cli(server, "attach", "notes", "--no-lock")
    assert root("DELETE", "/api/collections/notes").ok
    server.create_collection("notes", [TEXT], listRule="", createRule="")
    event = guest.append("create", "note00000000002", {"title": "new"}, "notes")
    server.worker().run_to_end(NEVER)
    assert "not attached" in root.record("events", event["id"])["error"]
    assert "made again" in cli(server, "status", code=1).stderr
    assert "made again" in cli(server, "rebuild", "--yes", code=1).stderr
    assert guest.records("notes") == []
    done = cli(server, "attach", "notes", "--allow", "")
    assert "1 items of notes from before" in done.stderr
    assert guest.records("notes") == []
    cli(server, "detach", "notes")
    assert root("GET", "/api/collections/notes").json()["createRule"] == ""


def test_detaching_a_collection_that_was_made_again_leaves_the_new_one_alone(server: Server) -> None:
    server.create_collection("notes", [TEXT])
    server.attach("notes")
    root = server.superuser()
    assert root("DELETE", "/api/collections/notes").ok
    server.create_collection("notes", [TEXT], createRule="", updateRule=None)
    before = root("GET", "/api/collections/notes").json()
    cli(server, "detach", "notes")
    assert root("GET", "/api/collections/notes").json() == before


def test_a_name_in_other_case_means_the_collection_that_pocketbase_finds(server: Server) -> None:
    server.create_collection("notes", [TEXT])
    done = cli(server, "attach", "Notes", "NOTES", "--allow", "")
    assert done.stdout == "notes is attached: append events to write its rows.\n"
    root = server.superuser()
    assert [target["collection"] for target in root.records("event_targets", sort="collection")] == ["items", "notes"]
    assert "notes is attached already" in cli(server, "attach", "nOTES", "--unless-attached").stderr
    assert json.loads(cli(server, "attach", "Notes", "--unless-attached", "--dry-run", "--json").stdout) == {
        "collection": "notes"
    }
    cli(server, "detach", "Notes")
    assert [target["collection"] for target in root.records("event_targets")] == ["items"]


@pytest.mark.slow
def test_of_several_that_attach_and_detach_at_once_none_loses_a_rule(server: Server) -> None:
    names = [f"notes{number}" for number in range(6)]
    for name in names:
        server.create_collection(name, [TEXT])
    for name in names[:3]:
        server.attach(name, allow="")
    refused: list[str] = []

    def change(name: str, admin: Admin) -> None:
        for step in range(4):
            try:
                if names.index(name) >= 3 or step < 3:
                    attach(admin, name, {"create_rule": f'data.title = "{name}{step}"'}, lock=None)
                else:
                    detach(admin, name)
            except PocketBaseEventsError as error:
                refused.append(f"{name}: {error}")

    threads = [threading.Thread(target=change, args=(name, server.admin())) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    root = server.superuser()
    targets = root.records("event_targets")
    rule = root("GET", "/api/collections/events").json()["createRule"]
    assert rule == compose_create_rule(append_rules(targets))
    assert {target["collection"] for target in targets} == {"items", *names[3:]}
    assert all(f'data.title = "{name}3"' in rule for name in names[3:])


def test_more_rules_than_pocketbase_allows_are_refused_before_anything_is_changed(server: Server) -> None:
    long = " || ".join(f"data.title = {number}" for number in range(140))
    for name in ("notes", "tasks"):
        server.create_collection(name, [TEXT])
    told = cli(server, "attach", "notes", "--update", long).stderr
    assert "PocketBase allows" in cli(server, "attach", "tasks", "--dry-run", "--allow", "data.title = 1").stderr, told
    before = server.superuser()("GET", "/api/collections", params={"perPage": 500}).json()["items"]
    more = " || ".join(f"data.title = {number}" for number in range(100, 210))
    assert "allows 200 expressions" in cli(server, "attach", "tasks", "--update", more, code=2).stderr
    assert server.superuser()("GET", "/api/collections", params={"perPage": 500}).json()["items"] == before
    assert [target["collection"] for target in as_json(server, "status")["targets"]] == ["items", "notes"]
