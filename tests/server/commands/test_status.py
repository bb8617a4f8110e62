"""Whether a worker is there: told from what becomes of pending events, since an idle one leaves no trace."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support import Server, check_log, create, run_command, unlocked
from support.command_line import as_json, cli

from pocketbase_events.jobs.status import report

NEVER = threading.Event()


def append_long_ago(server: Server, count: int) -> None:
    """Append events that PocketBase received a minute ago."""
    server.guest().append_all(*(create(number) for number in range(count)))
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    with unlocked(server) as database:
        database.execute("UPDATE events SET created = ?", (f"{long_ago:%Y-%m-%d %H:%M:%S}.000Z",))


def test_events_that_nobody_takes_are_reported_with_how_long_they_wait(server: Server) -> None:
    append_long_ago(server, 3)
    problems = report(server.gateway(), lambda _: None).problems
    assert len(problems) == 1
    assert problems[0].startswith("Events have been pending for 6")
    assert problems[0].endswith("Start one: pocketbase-events run")


def test_a_worker_that_is_busy_with_a_backlog_is_not_missed(server: Server) -> None:
    append_long_ago(server, 100)
    worker = server.worker()
    looked = report(server.gateway(), lambda _: worker.run_once() and None)
    assert looked.document["pending"] == 100
    assert looked.problems == []


def test_a_worker_that_only_rejects_is_not_missed(server: Server) -> None:
    server.guest().append_all(*({"type": "update", "item_id": "x", "data": {}} for _ in range(100)))
    append_long_ago(server, 1)
    worker = server.worker()
    assert report(server.gateway(), lambda _: worker.run_once() and None).problems == []


def test_a_hold_is_not_a_missing_worker(server: Server) -> None:
    append_long_ago(server, 1)
    root = server.superuser()
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    until = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}.000Z"
    assert root.batch(("PATCH", path, {"hold_by": "somebody", "hold_until": until})).ok
    looked = report(server.gateway(), lambda _: None)
    assert looked.document["hold"]["by"] == "somebody"
    assert looked.problems == []


def test_a_small_backlog_that_is_done_at_the_second_look_is_not_a_problem(server: Server) -> None:
    append_long_ago(server, 1)
    worker = server.worker()
    assert report(server.gateway(), lambda _: worker.run_to_end(NEVER) and None).problems == []


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


def test_status_reports_what_is_wrong(server: Server) -> None:
    root = server.superuser()
    assert root("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    assert "batch API is switched off" in cli(server, "status", code=1).stderr
    cli(server, "init")
    assert root("PATCH", "/api/collections/items", json={"updateRule": ""}).ok
    assert "attach items" in cli(server, "status", code=1).stderr
    server.attach("items")
    assert root("PATCH", "/api/collections/items", json={"name": "things"}).ok
    assert "no collection of that name" in cli(server, "status", code=1).stderr


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
