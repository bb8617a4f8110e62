"""The command line as its users meet it: a process, its output, its exit code."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import SUPERUSER, WORKER, Server, check_log, live_rows, run_command

from pocketbase_events.pb.records import VERSION
from pocketbase_events.pb.schema_files import schema_file

SECRETS = (SUPERUSER[1], WORKER[1])


def cli(server: Server, *arguments: str, code: int = 0, **env: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command against the server; None takes a variable out of its environment."""
    environment = {**server.environment, **{key: value for key, value in env.items() if value is not None}}
    for key in [key for key, value in env.items() if value is None]:
        environment.pop(key, None)
    done = run_command(*arguments, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    return done


def as_json(server: Server, *arguments: str, code: int = 0) -> Any:
    return json.loads(cli(server, *arguments, "--json", code=code).stdout)


def test_setting_up_attaching_and_recording_by_command_alone(bare: Server) -> None:
    bare.create_collection("notes", [{"name": "body", "type": "text"}])
    assert "is ready" in cli(bare, "init").stdout
    assert "is attached" in cli(bare, "attach", "notes", "--allow", "").stdout
    bare.guest().append("create", "note00000000001", {"body": "x"}, collection="notes")
    assert cli(bare, "run", "--once").stdout == "Recorded 1, rejected 0.\n"
    assert check_log(bare).seq == 1
    assert live_rows(bare, ("body",), "notes") == {"note00000000001": {"body": "x"}}


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


def test_init_changes_nothing_where_a_collection_of_someone_elses_has_our_name(bare: Server) -> None:
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


def test_status_is_one_json_document_with_the_promised_keys(server: Server) -> None:
    status = as_json(server, "status")
    assert status == {
        "head": {"seq": 0, "hash": ""},
        "pending": 0,
        "rejected": 0,
        "oldest_pending_seconds": 0,
        "hold": None,
        "locked": server.locks,
        "targets": [{"collection": "items", "locked": server.locks}],
    }
    server.guest().append("create", "item00000000001", {"title": "x"})
    server.guest().append("create", "item00000000001", {"title": "x"})
    cli(server, "run", "--once")
    server.guest().append("create", "item00000000002", {"title": "x"})
    status = as_json(server, "status")
    assert (status["head"]["seq"], status["pending"], status["rejected"]) == (1, 1, 1)
    assert status["head"]["hash"] == check_log(server).hash
    assert 0 <= status["oldest_pending_seconds"] < 10


def test_status_works_with_the_workers_or_a_superusers_credentials(server: Server) -> None:
    cli(server, "status", POCKETBASE_SUPERUSER_EMAIL=None, POCKETBASE_SUPERUSER_PASSWORD=None)
    cli(server, "status", POCKETBASE_EVENTS_WORKER_PASSWORD=None)


def test_a_netrc_file_does_not_replace_the_workers_token(server: Server, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    assert run_command("status", env={**server.environment, "NETRC": str(netrc)}).returncode == 0


def test_run_with_a_superusers_credentials_works_through_the_workers_account(server: Server) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    cli(server, "run", "--once", POCKETBASE_EVENTS_WORKER_PASSWORD=None)
    assert check_log(server).seq == 1


def test_status_tells_what_is_wrong(server: Server) -> None:
    root = server.superuser()
    assert root("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    assert "batch API is switched off" in cli(server, "status", code=1).stderr
    cli(server, "init")
    assert root("PATCH", "/api/collections/items", json={"updateRule": ""}).ok
    assert "attach items" in cli(server, "status", code=1).stderr
    server.attach("items")
    assert root("PATCH", "/api/collections/items", json={"name": "things"}).ok
    assert "no collection of that name" in cli(server, "status", code=1).stderr


def version(server: Server, number: int) -> None:
    """Make the log one that another version of ours has set up."""
    root = server.superuser()
    query = root("GET", "/api/collections/event_status").json()["viewQuery"]
    changed = query.replace(f"CAST({VERSION} AS INTEGER) AS version", f"CAST({number} AS INTEGER) AS version")
    assert changed != query
    assert root("PATCH", "/api/collections/event_status", json={"viewQuery": changed}).ok


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["verify"], ["check"], ["rebuild"], ["run", "--once"], ["init"], ["attach", "items"],
     ["detach", "items"], ["history", "items", "x"], ["export"]],
    ids=" ".join,
)  # fmt: skip
def test_a_log_of_a_newer_version_is_left_alone(arguments: list[str], server: Server) -> None:
    version(server, VERSION + 1)
    before = server.superuser().records("event_targets")
    assert "Upgrade this one" in cli(server, *arguments, code=1).stderr
    assert server.superuser().records("event_targets") == before


def test_a_log_of_an_older_version_works_and_is_told(server: Server) -> None:
    version(server, VERSION - 1)
    server.guest().append("create", "item00000000001", {"title": "x"})
    assert "Recorded 1" in cli(server, "run", "--once").stdout
    assert "Run: pocketbase-events init" in cli(server, "status", code=1).stderr
    cli(server, "init")
    cli(server, "status")


def test_status_tells_that_the_worker_is_rate_limited(server: Server) -> None:
    rules = [{"label": "/api/batch", "maxRequests": 1, "duration": 3600}]
    root = server.superuser()
    assert root("PATCH", "/api/settings", json={"rateLimits": {"enabled": True, "rules": rules}}).ok
    server.guest()("POST", "/api/batch", json={"requests": []})
    assert "rate limiter refuses the worker" in cli(server, "status", code=1).stderr


def test_status_shows_a_hold_and_who_has_it(server: Server) -> None:
    root = server.superuser()
    until = time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime(time.time() + 60))
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    assert root.batch(("PATCH", path, {"hold_by": "me", "hold_until": until})).ok
    assert as_json(server, "status")["hold"] == {"by": "me", "until": until}
    assert until in cli(server, "status").stdout


def test_a_log_that_contradicts_itself_is_not_extended(server: Server) -> None:
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    cli(server, "run", "--once")
    server.stop()
    with server.database() as database:
        for trigger in ("pbe_head_update", "pbe_head_delete"):
            database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        database.execute("UPDATE event_head SET hash = 'f00d'")
    database.close()
    server.start()
    guest.append("create", "item00000000002", {"title": "x"})
    assert "contradicts itself" in cli(server, "run", "--once", code=1).stderr
    assert "contradicts itself" in cli(server, "status", code=1).stderr
    assert as_json(server, "status", code=1)["pending"] == 1


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
        (["attach", "marked"], "no visible bool field"),
        (["attach", "items", "--allow", "nofield = 1"], "Nothing was changed"),
        (["attach", "items", "--allow", "data.a = 1) || (type = 'create'"], "don't match"),
        (["attach", "items", "--allow", " || ".join(["data.a = 1"] * 250)], "200 expressions"),
        (["detach", "nothere"], "not attached"),
    ],
)
def test_what_can_not_be_attached_is_told_and_nothing_changes(server: Server, arguments: list[str], says: str) -> None:
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


# -- usage (bad input: test_bad_input.py) ------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuchcommand"],
        ["attach"],
        ["status", "--nosuchoption"],
        ["--url", "ftp://x", "status"],
        ["serve", "--http", "x"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], server: Server) -> None:
    cli(server, *arguments, code=2)


def test_passwords_are_no_options(server: Server) -> None:
    for name in ("init", "attach", "run", "serve", "status"):
        assert not re.search(r"--[\w-]*password", cli(server, name, "--help").stdout)


def test_the_module_runs_like_the_command(server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pocketbase_events", "status", "--json"],
        env=server.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["pending"] == 0


def test_logs_are_json_when_asked_for(server: Server) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    done = cli(server, "run", "--once", "--json")
    assert json.loads(done.stdout) == {"recorded": 1, "rejected": 0}
    entry = json.loads(done.stderr.splitlines()[0])
    assert (entry["event"], entry["events"], entry["seq"]) == ("recorded", 1, 1)


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
