"""Who reads which events."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from sseclient import SSEClient
from support import DEADLINE, NEVER, Client, Server
from support.house import CALLERS, House, records

from pocketbase_events.jobs.record import Step


@pytest.mark.parametrize("who", CALLERS)
def test_users_see_the_events_that_bear_their_name_and_guests_see_none(house: House, who: str) -> None:
    client, everything = house.callers[who], house.callers["superuser"].records("events")
    assert {event["actor"] for event in everything} >= {
        "",
        *(house.callers[x].user_id for x in ("ann", "bob")),
    }
    visible = {
        event["id"]
        for event in everything
        if who in ("worker", "superuser") or (client.user_id and event["actor"] == client.user_id)
    }
    assert {event["id"] for event in client.records("events")} == visible
    for tried in ("actor = ''", "id != '' || 1 = 1"):
        assert {event["id"] for event in client.records("events", filter=tried)} <= visible
    for event in everything:
        answer = client("GET", records("events", event["id"]))
        assert answer.status_code == (200 if event["id"] in visible else 404)


@contextmanager
def listening(client: Client, *topics: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The records that PocketBase sends this client in realtime."""
    with client.session.get(f"{client.url}/api/realtime", stream=True, timeout=DEADLINE) as stream:
        messages = SSEClient(stream.iter_content(4096)).events()
        client_id = json.loads(next(messages).data)["clientId"]
        subscription = {"clientId": client_id, "subscriptions": list(topics)}
        assert requests.post(
            f"{client.url}/api/realtime", json=subscription, headers=dict(client.session.headers), timeout=30
        ).ok
        yield (json.loads(message.data)["record"] for message in messages)


def test_realtime_shows_users_their_own_events_and_guests_nothing(server: Server) -> None:
    ann, bob, guest = server.user("ann"), server.user("bob"), server.guest()
    topics = ("events/*", "items/*")
    with (
        listening(ann, *topics) as anns,
        listening(bob, *topics) as bobs,
        listening(guest, *topics) as guests,
    ):
        for user, heard in ((bob, bobs), (ann, anns)):
            event = user.append("create", f"row{user.user_id[3:]}", {"title": "x"}, actor=user.user_id)
            assert next(heard)["id"] == event["id"]
        assert server.worker().run_to_end(NEVER) is Step.IDLE
        assert next(guests)["collectionName"] == "items"
