"""Whether a worker is there: told from what becomes of pending events, since an idle one leaves no trace."""

import threading
from datetime import UTC, datetime, timedelta

from support import Server, create, unlocked

from pocketbase_events.jobs.status import report

NEVER = threading.Event()


def append_long_ago(server: Server, count: int) -> None:
    """Append events that PocketBase received a minute ago."""
    server.guest().append_all(*(create(number) for number in range(count)))
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    with unlocked(server) as database:
        database.execute("UPDATE events SET created = ?", (f"{long_ago:%Y-%m-%d %H:%M:%S}.000Z",))


def test_events_that_nobody_takes_are_told_with_how_long_they_wait(server: Server) -> None:
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


def test_a_hold_is_no_missing_worker(server: Server) -> None:
    append_long_ago(server, 1)
    root = server.superuser()
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    until = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}.000Z"
    assert root.batch(("PATCH", path, {"hold_by": "somebody", "hold_until": until})).ok
    looked = report(server.gateway(), lambda _: None)
    assert looked.document["hold"]["by"] == "somebody"
    assert looked.problems == []


def test_a_small_backlog_that_is_done_at_the_second_look_is_no_problem(server: Server) -> None:
    append_long_ago(server, 1)
    worker = server.worker()
    assert report(server.gateway(), lambda _: worker.run_to_end(NEVER) and None).problems == []
