"""What `status` says: whether a worker is there and keeps up, and what else is wrong."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from support import WORKER, Server, check_log, create, run_command, unlocked
from support.command_line import as_json, cli
from support.server import see_worker

from pocketbase_events.core.events import timestamp_of
from pocketbase_events.jobs.status import Report, report
from pocketbase_events.pb.records import Status

NEVER = threading.Event()


def append_long_ago(server: Server, number: int, seconds: float = 60.0) -> None:
    """Append events that PocketBase received so long ago."""
    server.guest().append_all(*(create(each) for each in range(number)))
    long_ago = datetime.now(UTC) - timedelta(seconds=seconds)
    with unlocked(server) as database:
        database.execute("UPDATE events SET created = ?", (f"{long_ago:%Y-%m-%d %H:%M:%S}.000Z",))


def seen_ago(server: Server, seconds: float) -> None:
    """Have a worker seen so long ago."""
    server.stop()
    see_worker(server.data, seconds)
    server.start()


def look(
    server: Server, meanwhile: Callable[[], object] = lambda: None, ahead: float = 0.0, apart: float = 0.0
) -> Report:
    """What is reported if this happens between two looks, so many seconds apart, and our clock is ahead by some."""
    gateway, later = server.gateway(), count(0.0, apart)
    status = gateway.status

    def looked() -> Status:
        found = status()
        now = datetime.fromisoformat(found.now) + timedelta(seconds=next(later))
        return found.model_copy(update={"now": timestamp_of(now)})

    gateway.status = looked  # type: ignore[method-assign]
    return report(gateway, lambda _: meanwhile() and None, lambda: datetime.now(UTC) + timedelta(seconds=ahead))


def problem(server: Server, meanwhile: Callable[[], object] = lambda: None, apart: float = 0.0) -> str:
    """The one problem that is reported."""
    problems = look(server, meanwhile, apart=apart).problems
    assert len(problems) == 1, problems
    return problems[0]


def test_events_that_nobody_takes_are_reported_with_how_long_they_wait(server: Server) -> None:
    seen_ago(server, 3600)
    append_long_ago(server, 3)
    told = problem(server)
    waiting = re.match(r"Events have been pending for (\d+) s: no worker takes them", told)
    assert waiting
    assert int(waiting[1]) >= 60
    assert told.endswith("Start one: pocketbase-events run")


def test_a_worker_that_has_been_gone_is_missed_though_nothing_is_pending(server: Server) -> None:
    assert look(server).document["ok"] is True
    seen_ago(server, 3600)
    assert problem(server) == "No worker has looked for events for 60 minutes. Start one: pocketbase-events run"
    done = cli(server, "status", "--json", code=1)
    assert "60 minutes" in done.stderr
    assert "seen 36" in cli(server, "status", code=1).stdout
    cli(server, "run", "--once")
    assert look(server).problems == []


def test_an_event_that_stops_the_line_is_named(server: Server) -> None:
    append_long_ago(server, 2)
    told = problem(server)
    assert "although a worker looks for them" in told
    first = server.superuser().records("events", sort="@rowid")[0]
    assert f"{first['id']} (create items {first['item_id']})" in told


@pytest.mark.parametrize(("apart", "most"), [(2.0, 25), (10.0, 5)])
def test_a_backlog_of_a_minute_is_reported_with_the_rate(server: Server, apart: float, most: int) -> None:
    append_long_ago(server, 100)
    worker = server.worker()
    told = problem(server, worker.run_once, apart)
    assert "behind by 50 events" in told
    rate = re.search(r"At this rate, (\d+) a second, that is done in ", told)
    assert rate
    assert 1 <= int(rate[1]) <= most, "50 events, and PocketBase may take its time to answer"


@pytest.mark.parametrize("type_", ["create", "update"])
def test_a_worker_that_keeps_up_is_no_problem(server: Server, type_: str) -> None:
    server.guest().append_all(*({**create(number), "type": type_} for number in range(100)))
    append_long_ago(server, 0, seconds=12)
    assert look(server, server.worker().run_once).problems == []


def test_a_hold_is_not_a_missing_worker(server: Server) -> None:
    append_long_ago(server, 1)
    root = server.superuser()
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    until = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}.000Z"
    assert root.batch(("PATCH", path, {"hold_by": "somebody", "hold_until": until})).ok
    looked = look(server)
    assert looked.document["hold"]["by"] == "somebody"
    assert looked.problems == []


def test_a_small_backlog_that_is_done_at_the_second_look_is_not_a_problem(server: Server) -> None:
    append_long_ago(server, 1)
    assert look(server, lambda: server.worker().run_to_end(NEVER)).problems == []


@pytest.mark.parametrize("rule", ["", None, 'collection = "items" && data.title = "mine"'])
def test_a_create_rule_of_events_that_was_edited_is_found_and_put_right_by_init(
    server: Server, rule: str | None
) -> None:
    assert server.superuser()("PATCH", "/api/collections/events", json={"createRule": rule}).ok
    assert problem(server).startswith("The create rule of events is not what")
    cli(server, "init")
    assert look(server).problems == []


def test_what_an_interrupted_attach_left_behind_is_found(server: Server) -> None:
    target = server.superuser().records("event_targets")[0]["id"]
    body = {"closed": True}
    assert server.superuser()("PATCH", f"/api/collections/event_targets/records/{target}", json=body).ok
    told = " ".join(look(server).problems)
    assert "items is closed" in told
    assert "create rule of events" in told
    cli(server, "attach", "items", "--adopt", "--allow", "")
    assert look(server).problems == []


def test_another_account_that_can_record_is_found(server: Server) -> None:
    other = {"POCKETBASE_EVENTS_WORKER_EMAIL": "second@example.com"}
    done = cli(server, "init", **other)
    assert "event_workers has 1: anyone" in done.stdout
    assert "2 accounts" in problem(server)
    root = server.superuser()
    first = root.records("event_workers", filter=f'email = "{WORKER[0]}"')[0]["id"]
    assert root("DELETE", f"/api/collections/event_workers/records/{first}").ok
    cli(server, "status", **other)


def test_clocks_that_agree_are_no_problem(server: Server) -> None:
    assert look(server).problems == []


@pytest.mark.parametrize(("ahead", "says"), [(7200.0, "ahead of"), (-90.0, "behind")])
def test_clocks_that_differ_are_reported(server: Server, ahead: float, says: str) -> None:
    started = time.monotonic()
    (told,) = look(server, ahead=ahead).problems
    found = re.search(rf"This machine's clock is (\d+) s {says} PocketBase's\.", told)
    assert found
    # PocketBase may take its time to answer.
    assert abs(ahead) - (time.monotonic() - started) - 1 <= int(found[1]) <= abs(ahead)


def test_problems_are_in_the_document(server: Server) -> None:
    assert server.superuser()("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    status = as_json(server, "status", code=1)
    assert status["ok"] is False
    assert status["problems"] == [problem(server)]


def test_status_is_one_json_document_with_the_promised_keys(server: Server) -> None:
    status = as_json(server, "status")
    assert status == {
        "ok": True,
        "head": {"seq": 0, "hash": ""},
        "pending": 0,
        "rejected": 0,
        "oldest_pending_seconds": 0,
        "hold": None,
        "locked": server.locks,
        "targets": [{"collection": "items", "locked": server.locks}],
        "replica": None,
        "problems": [],
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


def test_status_reports_what_is_wrong(server: Server) -> None:
    root = server.superuser()
    assert root("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    assert "batch API is switched off" in cli(server, "status", code=1).stderr
    cli(server, "init")
    assert root("PATCH", "/api/collections/items", json={"updateRule": ""}).ok
    assert "attach items" in cli(server, "status", code=1).stderr
    server.attach("items")
    assert root("PATCH", "/api/collections/items", json={"name": "things"}).ok
    assert "that collection was deleted" in cli(server, "status", code=1).stderr


def test_status_reports_that_the_worker_is_rate_limited(server: Server) -> None:
    rules = [{"label": "/api/batch", "maxRequests": 1, "duration": 3600}]
    root = server.superuser()
    assert root("PATCH", "/api/settings", json={"rateLimits": {"enabled": True, "rules": rules}}).ok
    server.guest()("POST", "/api/batch", json={"requests": []})
    assert "rate limiter refuses us" in cli(server, "status", code=1).stderr


def test_status_shows_a_hold_and_who_has_it(server: Server) -> None:
    root = server.superuser()
    until = time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime(time.time() + 60))
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    assert root.batch(("PATCH", path, {"hold_by": "me", "hold_until": until})).ok
    assert as_json(server, "status")["hold"] == {"by": "me", "until": until}
    assert until in cli(server, "status").stdout
