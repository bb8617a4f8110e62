"""What the worker may change in its own account: when it was last seen, and nothing else."""

from typing import Any

import pytest
from support import WORKER, Server

NOW = "2026-01-01 00:00:00.000Z"


def own_account(server: Server) -> str:
    return f"/api/collections/event_workers/records/{server.superuser().records('event_workers')[0]['id']}"


def test_the_worker_notes_when_it_was_last_seen(server: Server) -> None:
    worker = server.worker_client()
    assert worker.batch(("PATCH", own_account(server), {"last_seen": NOW})).ok
    status = worker.records("event_status")[0]
    assert (status["last_seen"], status["workers"]) == (NOW, 1)


@pytest.mark.parametrize(
    "body",
    [
        {"email": "other@example.com"},
        {"verified": False},
        {"emailVisibility": True},
        {"password": "another-password", "passwordConfirm": "another-password", "oldPassword": WORKER[1]},
        {"id": "abcdefghijklmno"},
    ],
    ids=lambda body: next(iter(body)),
)
def test_the_worker_changes_nothing_else_of_its_account(server: Server, body: dict[str, Any]) -> None:
    worker, account = server.worker_client(), own_account(server)
    assert worker("PATCH", account, json=body).status_code == 404
    assert worker("PATCH", account, json={**body, "last_seen": NOW}).status_code == 404
    assert server.worker_client()


def test_nobody_else_changes_a_workers_account(server: Server) -> None:
    root, account = server.superuser(), own_account(server)
    body = {"email": "second@example.com", "password": "second-password", "passwordConfirm": "second-password"}
    assert root("POST", "/api/collections/event_workers/records", json=body).ok
    second = server.client("event_workers", body["email"], body["password"])
    for client in (server.guest(), server.user("ann"), second):
        assert client("PATCH", account, json={"last_seen": NOW}).status_code == 404
    assert root.records("event_status")[0]["workers"] == 2
