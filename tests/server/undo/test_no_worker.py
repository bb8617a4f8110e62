"""Without a worker, or without the batch API, `undo` and `revert` say so."""

import json

import pytest
from support import NEVER, Server, item_id, query
from support.command_line import cli


def with_items(server: Server, count: int) -> None:
    guest = server.guest()
    guest.append_all(*({"type": "create", "item_id": item_id(n), "data": {"title": "x"}} for n in range(count)))
    server.worker().run_to_end(NEVER)


@pytest.mark.slow
def test_without_a_worker_the_events_stay_pending_and_that_is_said(server: Server) -> None:
    with_items(server, 1)
    done = cli(server, "undo", "1", "--yes", "--json", code=1)
    (appended,) = json.loads(done.stdout)["appended"]
    assert appended["seq"] == 0
    assert "pending: for 10 s no worker has recorded anything. Start one: pocketbase-events run" in done.stderr
    server.worker().run_to_end(NEVER)
    assert query(server, "SELECT seq FROM events WHERE id = ?", appended["id"]) == [(2,)]


def test_without_the_batch_api_nothing_is_appended_and_that_is_said(server: Server) -> None:
    with_items(server, 2)
    root = server.superuser()
    assert root("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    done = cli(server, "revert", "items", "--to", "0", "--yes", "--json", code=3)
    assert done.stdout == ""
    assert "batch API is switched off" in done.stderr
    assert query(server, "SELECT COUNT(*) FROM events") == [(2,)]
