"""A PocketBase with everybody who may stand at its doors, and what has to hold there."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import requests

from pocketbase_events.core.batch import HEAD_ID
from support import Client, Server

CALLERS = ("guest", "ann", "bob", "worker", "superuser")
NO_SUPERUSERS = CALLERS[:-1]
OUTSIDERS = ("guest", "ann", "bob")
EVENTS = "/api/collections/events/records"
HEAD = f"/api/collections/event_head/records/{HEAD_ID}"
FAR_FUTURE = "2999-12-31 00:00:00.000Z"
UUID = "00000000-0000-4000-8000-000000000000"
ANY_ID = {
    "name": "id", "type": "text", "system": True, "primaryKey": True, "required": True,
    "min": 1, "max": 0, "pattern": "^.+$", "autogeneratePattern": "[a-z0-9]{15}",
}  # fmt: skip


@dataclass(frozen=True)
class House:
    """A server with rows and events in every state, and everybody who may stand at its doors."""

    server: Server
    callers: dict[str, Client]
    events: dict[str, str]  # record id by state

    def event(self, state: str) -> str:
        return f"{EVENTS}/{self.events[state]}"


def everybody(server: Server) -> dict[str, Client]:
    return {
        "guest": server.guest(),
        "ann": server.user("ann"),
        "bob": server.user("bob"),
        "worker": server.worker_client(),
        "superuser": server.superuser(),
    }


def records(collection: str, record_id: str = "") -> str:
    return f"/api/collections/{collection}/records" + (f"/{record_id}" if record_id else "")


def tables(server: Server, *, but: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every row of every table, read from the file: what a door may have let through."""
    names = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND (name NOT GLOB '_*' OR name IN ('_superusers', '_collections')) AND name NOT GLOB 'sqlite_*'"
    )
    with closing(server.database()) as database:
        return {
            name: database.execute(f"SELECT * FROM `{name}` ORDER BY rowid").fetchall()
            for (name,) in database.execute(names).fetchall()
            if name not in but
        }


@contextmanager
def nothing_changes(server: Server) -> Iterator[None]:
    before = tables(server)
    yield
    after = tables(server)
    assert {name for name in before if before[name] != after.get(name)} == set()


def refuses(answer: requests.Response, *also: int) -> None:
    assert answer.status_code in {400, 403, 404, *also}, f"{answer.request.body!r}: {answer.text}"


def is_refused(client: Client, method: str, url: str, body: dict[str, Any] | None = None) -> None:
    """Alone and within a batch."""
    refuses(client(method, url, json=body or {}))
    refuses(client.batch((method, url, body)))


@cache
def version_of(server: Server) -> tuple[int, ...]:
    return server.version


def needs_triggers(server: Server) -> None:
    if version_of(server) < (0, 39):
        pytest.skip("this PocketBase has no SQL endpoint, so no triggers keep the door")


def an_event(**more: Any) -> dict[str, Any]:
    return {
        "type": "create",
        "collection": "items",
        "item_id": "new000000000001",
        "data": {"title": "New"},
        **more,
    }


def status_of_append(client: Client, **event: Any) -> int:
    """The status of an append that names its caller, unless it names another actor."""
    return client("POST", EVENTS, json=an_event(**{"actor": client.user_id, **event})).status_code


SIGNED_IN = '@request.auth.id != ""'
