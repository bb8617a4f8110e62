"""The Compose files bring up a primary, NATS and a replica: what is appended here is read there."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from support import eventually, free_port, item_id
from support.containers import NAME, ROOT, SUPERUSER, WORKER, Server, append, run
from support.pages import DOCS

pytestmark = [pytest.mark.containers, pytest.mark.slow]

PROJECT = f"{NAME}-replica"
(UP,) = (line for line in (DOCS / "scaling.md").read_text().splitlines() if "docker-compose.replica.yml up" in line)


class Stack:
    """What Docker Compose makes of both files: a primary and a replica."""

    def __init__(self) -> None:
        ports = free_port(), free_port()
        self.primary, self.replica = map(Server, ports)
        self._environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_PROGRESS": "plain",
            "POCKETBASE_SUPERUSER_EMAIL": SUPERUSER[0],
            "POCKETBASE_SUPERUSER_PASSWORD": SUPERUSER[1],
            "POCKETBASE_EVENTS_WORKER_PASSWORD": WORKER[1],
            "POCKETBASE_HTTP": f"127.0.0.1:{ports[0]}",
            "REPLICA_HTTP": f"127.0.0.1:{ports[1]}",
        }

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        files = [option for option in UP.split(" up ")[0].split() if option.endswith(".yml")]
        named = [each for file in files for each in ("-f", file)]
        return self._run("docker", "compose", *named, *arguments, **env)

    def up(self, **env: str) -> None:
        done = self._run("sh", "-c", UP, **env)
        assert done.returncode == 0, done.stderr[-3000:] + self("logs").stdout[-3000:]

    def _run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return run(*command, cwd=ROOT, env={**self._environment, **env}, timeout=600)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """All of it, brought up from nothing, and `notes` attached at both."""
    stack = Stack()
    with stack.primary.opened, stack.replica.opened:
        try:
            stack.up()
            for server in (stack.primary, stack.replica):
                server.create_collection("notes")
            stack.up(POCKETBASE_EVENTS_ATTACH="notes")
            yield stack
        finally:
            stack("down", "--volumes", "--rmi", "local", "--remove-orphans")


def row(server: Server, item: str) -> dict[str, Any] | None:
    found = server.root().records("notes", filter=f'id = "{item}"')
    return {name: found[0][name] for name in ("title", "deleted", "seq")} if found else None


def test_what_is_appended_at_the_primary_is_read_at_the_replica(stack: Stack) -> None:
    user = stack.primary.user("ann")
    assert eventually(append(user, item_id(1), "notes", title="Milk"), "the record")["seq"] == 1
    eventually(lambda: row(stack.replica, item_id(1)), "the row at the replica")
    assert row(stack.replica, item_id(1)) == row(stack.primary, item_id(1))
    told = stack("exec", "-T", "replica", "pocketbase-events", "status")
    assert "replica   of the stream pocketbase_events at nats://nats:4222, up to date" in told.stdout, told.stderr


def test_the_replica_goes_on_after_nats_was_started_again(stack: Stack) -> None:
    assert stack("restart", "nats").returncode == 0
    user = stack.primary.client("users", "ann@example.com", "user-password")
    assert eventually(append(user, item_id(2), "notes", title="Eggs"), "the record")["seq"] == 2
    eventually(lambda: row(stack.replica, item_id(2)), "the row at the replica")
    assert SUPERUSER[1] not in stack("logs").stdout
