"""Who may append what, and in whose name."""

import json
from typing import Any

import pytest
from support import ITEM_FIELDS, NEVER, Server
from support.house import (
    CALLERS,
    EVENTS,
    NO_SUPERUSERS,
    UUID,
    House,
    an_event,
    everybody,
    is_refused,
    needs_triggers,
    nothing_changes,
    records,
    refuses,
    status_of_append,
    tables,
)

from pocketbase_events.core.batch import HEAD_ID
from pocketbase_events.jobs.record import Step

# -- server fields are not for those who append -------------------------------------------------------------

FORGERIES: list[dict[str, Any]] = [
    {"seq": 1},
    {"seq": -1},
    {"seq": "1"},
    {"seq+": 1},
    {"seq-": 1},
    {"seq": 0, "seq+": 1},
    {"event_id": UUID},
    {"event_id:autogenerate": UUID},
    {"hash": "0" * 64},
    {"hash": "", "hash:autogenerate": "0" * 64},
    {"timestamp": "2026-01-01 00:00:00.000Z"},
    {"error": "rejected by me"},
    {"error:autogenerate": "rejected by me"},
]


@pytest.mark.parametrize("forged", FORGERIES, ids=json.dumps)
@pytest.mark.parametrize("who", CALLERS)
def test_nobody_appends_an_event_with_a_server_field(house: House, who: str, forged: dict[str, Any]) -> None:
    if who == "superuser":
        needs_triggers(house.server)
    client, event = house.callers[who], an_event(**forged)
    form = {name: json.dumps(value) if name == "data" else value for name, value in event.items()}
    with nothing_changes(house.server):
        refuses(client("POST", EVENTS, json=event))
        refuses(client("POST", EVENTS, data=form))
        refuses(client("POST", EVENTS, files={"@jsonPayload": (None, json.dumps(event))}))
        refuses(client.batch(("POST", EVENTS, event)))
        refuses(client.batch(("PUT", EVENTS, event)))


def test_empty_server_fields_and_unknown_ones_forge_nothing(house: House) -> None:
    empty = dict.fromkeys(("event_id", "hash", "timestamp", "error"), "")
    event = house.callers["guest"].append("create", "new000000000001", seq=0, rowid=1, **empty)
    assert {name: event[name] for name in ("seq", *empty)} == {"seq": 0, **empty}
    early = house.callers["guest"].append("create", "new000000000001", created="2000-01-01 00:00:00.000Z")
    assert early["created"] >= event["created"]


# -- whose name an event bears ------------------------------------------------------------------------------


@pytest.mark.parametrize("who", NO_SUPERUSERS)
def test_nobody_appends_in_the_name_of_another(house: House, who: str) -> None:
    client = house.callers[who]
    others = [other.user_id for other in house.callers.values() if other.user_id not in ("", client.user_id)]
    with nothing_changes(house.server):
        for name in [*others, "nobody", f"{others[0]} ", others[0].upper(), "@request.auth.id", "\0"]:
            for forged in ({"actor": name}, {"actor": client.user_id, "actor:autogenerate": name}):
                is_refused(client, "POST", EVENTS, an_event(**forged))


@pytest.mark.parametrize("who", CALLERS)
def test_one_appends_in_ones_own_name_or_in_none(house: House, who: str) -> None:
    client = house.callers[who]
    assert client.append("create", "new000000000001", actor=client.user_id)["actor"] == client.user_id
    assert client.append("create", "new000000000001", actor="")["actor"] == ""
    assert client.append("create", "new000000000001")["actor"] == ""


# -- collections that nobody attached -----------------------------------------------------------------------

NOT_ATTACHED = [
    "users", "_superusers", "_collections", "events", "event_head", "event_targets", "event_workers",
    "event_pending", "plain", "nowhere", "Items", "items ", " items", "items\0", "items#", "it%65ms",
    "items/records/x?", "../items", '" || 1=1 || "',
]  # fmt: skip


@pytest.mark.parametrize("who", NO_SUPERUSERS)
def test_an_event_for_a_collection_that_is_not_attached_is_refused_at_once(house: House, who: str) -> None:
    items = house.callers["superuser"]("GET", "/api/collections/items").json()["id"]
    with nothing_changes(house.server):
        for collection in [*NOT_ATTACHED, items, ""]:
            is_refused(house.callers[who], "POST", EVENTS, an_event(collection=collection))


def test_a_superusers_event_for_a_collection_that_is_not_attached_is_rejected(server: Server) -> None:
    server.create_collection("plain", ITEM_FIELDS)
    root = server.superuser()
    root("POST", records("plain"), json={"id": "plain0000000001", "title": "intact"})
    root("POST", records("items"), json={"title": "refused by the lock"})
    account = {"email": "x@example.com", "password": "user-password", "passwordConfirm": "user-password"}
    before = tables(server, but=("events", "event_workers"))  # in which a worker writes when it was last seen
    events = [
        root.append(type_, item_id, data, collection)["id"]
        for collection in [*NOT_ATTACHED, root("GET", "/api/collections/items").json()["id"]]
        for type_, item_id, data in (
            ("create", "new000000000001", {"title": "x", **account}),
            ("update", "plain0000000001", {"title": "x"}),
            ("update", HEAD_ID, {"seq": 1}),
            ("delete", root.user_id, None),
        )
    ]
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    assert tables(server, but=("events", "event_workers")) == before
    after = {event["id"]: event for event in root.records("events")}
    assert all(after[id_]["seq"] == 0 and "not attached" in after[id_]["error"] for id_ in events)


# -- what a missing, an empty and a failing rule answer -----------------------------------------------------


def test_while_nobody_may_append_anything_everybody_but_superusers_gets_403(server: Server) -> None:
    callers = everybody(server)

    def statuses() -> dict[str, int]:
        return {who: status_of_append(client) for who, client in callers.items()}

    closed = {**dict.fromkeys(NO_SUPERUSERS, 403), "superuser": 200}
    server.detach("items")
    assert statuses() == closed
    server.attach("items", allow=None)
    assert statuses() == closed
    server.attach("items", allow=None, update_rule="")
    assert statuses() == {**dict.fromkeys(NO_SUPERUSERS, 400), "superuser": 200}
    server.attach("items", allow=None, create_rule="")
    assert statuses() == dict.fromkeys(CALLERS, 200)


def test_a_rule_holds_for_its_own_type_and_collection(server: Server) -> None:
    callers = everybody(server)
    server.create_collection("notes", ITEM_FIELDS)
    server.attach("notes", allow=None, create_rule='data.title = "a"')
    for rule_of in ("create", "update", "delete"):
        server.detach("items")
        rules: dict[str, Any] = {f"{rule_of}_rule": f'actor = "{callers["ann"].user_id}"'}
        server.attach("items", allow=None, **rules)
        for who, client in callers.items():
            for type_ in ("create", "update", "delete"):
                admitted = who == "superuser" or (who == "ann" and type_ == rule_of)
                own = {"type": type_, "actor": client.user_id}
                assert status_of_append(client, **own) == (200 if admitted else 400), (who, type_)
            for title, admitted in (("a", True), ("b", who == "superuser")):
                note = {"collection": "notes", "data": {"title": title}}
                assert status_of_append(client, **note) == (200 if admitted else 400), (who, title)
