"""Setting up, again, and beside collections of other versions and other people."""

import json

import pytest
from support import WORKER, Server, check_log, live_rows
from support.command_line import as_json, cli

from pocketbase_events.pb.schema_files import schema_file


def test_setting_up_attaching_and_recording_by_command_alone(bare: Server) -> None:
    bare.create_collection("notes", [{"name": "body", "type": "text"}])
    assert "is ready" in cli(bare, "init").stdout
    assert "is attached" in cli(bare, "attach", "notes", "--allow", "").stdout
    bare.guest().append("create", "note00000000001", {"body": "x"}, collection="notes")
    assert cli(bare, "run", "--once").stdout == "Recorded 1, rejected 0.\n"
    assert check_log(bare).seq == 1
    assert live_rows(bare, ("body",), "notes") == {"note00000000001": {"body": "x"}}


@pytest.mark.slow
def test_init_shows_a_password_that_it_made_once(bare: Server) -> None:
    first = cli(bare, "init", POCKETBASE_EVENTS_WORKER_PASSWORD=None).stdout
    password = first.split("POCKETBASE_EVENTS_WORKER_PASSWORD=")[1].split()[0]
    assert bare.client("event_workers", WORKER[0], password)
    assert "PASSWORD=" not in cli(bare, "init", POCKETBASE_EVENTS_WORKER_PASSWORD=None).stdout
    assert bare.client("event_workers", WORKER[0], password)


def test_init_sets_a_changed_password(server: Server) -> None:
    cli(server, "init", POCKETBASE_EVENTS_WORKER_PASSWORD="another-password")
    assert server.client("event_workers", WORKER[0], "another-password")


def test_init_again_leaves_edited_read_rules_and_own_indexes_alone(server: Server) -> None:
    root = server.superuser()
    before = root("GET", "/api/collections/events").json()
    edited = {
        "listRule": 'type = "create"',
        "indexes": [*before["indexes"], "CREATE INDEX `mine` ON `events` (`type`)"],
    }
    assert root("PATCH", "/api/collections/events", json={**edited, "updateRule": None, "createRule": None}).ok
    cli(server, "init")
    after = root("GET", "/api/collections/events").json()
    assert after["listRule"] == 'type = "create"'
    assert sorted(after["indexes"]) == sorted(edited["indexes"])
    assert (after["updateRule"], after["createRule"]) == (before["updateRule"], before["createRule"])


@pytest.mark.usefixtures("locks")
def test_init_again_brings_the_triggers_of_locked_rows_up_to_date_and_opens_or_locks_none(server: Server) -> None:
    server.create_collection("open", [{"name": "body", "type": "text"}])
    server.attach("open", lock=False)
    root = server.superuser()
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    before = root("POST", "/api/sql", json={"query": query}).json()["rows"]
    outdated = next(name for name, _ in before if name.startswith("pbe_rows_") and name.endswith("_insert"))
    for statement in (
        f"DROP TRIGGER {outdated}",
        f"CREATE TRIGGER {outdated} BEFORE INSERT ON items BEGIN SELECT 1; END",
    ):
        assert root("POST", "/api/sql", json={"query": statement}).ok
    cli(server, "init")
    assert root("POST", "/api/sql", json={"query": query}).json()["rows"] == before
    assert [target["locked"] for target in as_json(server, "status")["targets"]] == [True, False]


def test_init_changes_nothing_if_another_collection_has_our_name(bare: Server) -> None:
    bare.create_collection("events", [{"name": "when", "type": "date"}])
    before = bare.superuser()("GET", "/api/collections", params={"perPage": 500}).json()["items"]
    told = cli(bare, "init", code=1).stderr
    assert "collection events" in told
    assert "Rename it" in told
    assert bare.superuser()("GET", "/api/collections", params={"perPage": 500}).json()["items"] == before
    assert bare.superuser()("GET", "/api/settings").json()["batch"]["enabled"] is False


def test_the_admin_ui_may_import_our_collections_before_init(bare: Server) -> None:
    collections = json.loads(schema_file("collections.json").read_text())
    root = bare.superuser()
    body = {"collections": collections, "deleteMissing": False}
    assert root("PUT", "/api/collections/import", json=body).status_code == 204
    assert root("GET", "/api/collections/events").json()["createRule"] is None
    cli(bare, "init")
    assert as_json(bare, "status")["head"] == {"seq": 0, "hash": ""}


def test_run_with_a_superusers_credentials_works_through_the_workers_account(server: Server) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    cli(server, "run", "--once", POCKETBASE_EVENTS_WORKER_PASSWORD=None)
    assert check_log(server).seq == 1
