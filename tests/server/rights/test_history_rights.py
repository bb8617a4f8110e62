"""Who reads recorded events of others: those whom a collection's history rule admits, and nobody else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import NEVER, Client, Server, start_copy
from support.command_line import as_json, cli
from support.house import CALLERS, OUTSIDERS, SIGNED_IN, everybody, is_refused, nothing_changes, records, refuses

from pocketbase_events.core.readers import MARK

FIELDS = [{"name": "title", "type": "text"}, {"name": "public", "type": "bool"}]
# By collection: the history rule, None for none.
HISTORIES = {"notes": SIGNED_IN, "posts": "data.public = true", "diary": None}
DEFAULT = '@request.auth.collectionName = "event_workers" || (actor != "" && actor = @request.auth.id)'


@pytest.fixture(scope="module")
def library(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Events of ann in collections with and without a history rule: recorded, rejected and pending ones."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("library") / "pocketbase"):
        for name, history in HISTORIES.items():
            server.create_collection(name, FIELDS)
            cli(server, "attach", name, "--allow", "", *([] if history is None else ["--history", history]))
        yield server


@pytest.fixture(scope="module")
def callers(library: Server) -> dict[str, Client]:
    callers = everybody(library)
    ann = callers["ann"]
    for name in HISTORIES:
        for row, public in (("row000000000001", True), ("row000000000002", False), ("row000000000001", True)):
            ann.append("create", row, {"title": "ann's", "public": public}, name, actor=ann.user_id)
        library.worker().run_to_end(NEVER)  # the last one is rejected: the row exists
    for name in HISTORIES:
        ann.append("update", "row000000000001", {"public": True}, name, actor=ann.user_id)  # stays pending
    return callers


def may_read(who: str, event: dict[str, Any], user_id: str) -> bool:
    if who in ("worker", "superuser") or (user_id and event["actor"] == user_id):
        return True
    admitted = {"notes": bool(user_id), "posts": (event["data"] or {}).get("public") is True, "diary": False}
    return event["seq"] > 0 and admitted[event["collection"]]


@pytest.mark.parametrize("who", CALLERS)
def test_nobody_reads_events_that_no_rule_admits_them_to(callers: dict[str, Client], who: str) -> None:
    client = callers[who]
    everything = callers["superuser"].records("events")
    assert len(everything) == 12
    assert {bool(each["seq"]) for each in everything} == {True, False}
    readable = {each["id"] for each in everything if may_read(who, each, client.user_id)}
    assert {each["id"] for each in client.records("events")} == readable
    for tried in ("seq = 0", "error != ''", "collection = 'diary' || 1 = 1", "actor != ''"):
        assert {each["id"] for each in client.records("events", filter=tried)} <= readable
    for each in everything:
        assert client("GET", records("events", each["id"])).status_code == (200 if each["id"] in readable else 404)


@pytest.mark.parametrize("who", OUTSIDERS)
def test_the_views_of_the_log_stay_the_workers(callers: dict[str, Client], who: str) -> None:
    for view in ("event_log", "event_pending", "event_targets", "event_schemas", "event_status"):
        assert callers[who].records(view) == []


def test_the_history_of_an_item_is_read_by_those_who_may(callers: dict[str, Client]) -> None:
    query = {"filter": 'collection = "notes" && item_id = "row000000000001"', "sort": "seq"}
    assert [each["type"] for each in callers["bob"].records("events", **query)] == ["create"]
    assert callers["guest"].records("events", **query) == []


def rules(server: Server) -> tuple[Any, Any]:
    events = server.superuser()("GET", "/api/collections/events").json()
    return events["listRule"], events["viewRule"]


def test_what_the_owner_wrote_stays_when_histories_come_change_and_go(server: Server) -> None:
    owners = "// staff reads all\n@request.auth.verified = true // and nobody else) || (1 = 1"
    assert server.superuser()("PATCH", "/api/collections/events", json={"listRule": owners, "viewRule": None}).ok
    cli(server, "attach", "items", "--history", SIGNED_IN)
    listing, viewing = rules(server)
    assert listing.startswith(MARK)
    assert listing.endswith(f"\n|| {owners}")
    assert viewing == MARK + f'seq > 0 && collection = "items" && {SIGNED_IN}'
    cli(server, "attach", "items", "--update", "")
    assert rules(server) == (listing, viewing)
    cli(server, "attach", "items", "--history", "data.title = 'x'")
    assert rules(server)[0] == listing.replace(SIGNED_IN, "data.title = 'x'")
    cli(server, "init")
    assert rules(server)[0].endswith(owners)
    cli(server, "detach", "items")
    assert rules(server) == (owners, None)


def test_a_history_that_was_edited_away_is_missed_and_comes_back(server: Server) -> None:
    cli(server, "attach", "items", "--history", "")
    before = rules(server)
    assert as_json(server, "status")["ok"]
    server.superuser()("PATCH", "/api/collections/events", json={"viewRule": DEFAULT})
    assert "attach --history" in as_json(server, "status", code=1)["problems"][0]
    cli(server, "init")
    assert rules(server) == before
    assert as_json(server, "status")["ok"]


@pytest.mark.parametrize("rule", ["1 = 1) || (1 = 1", "nofield = 1", 'data.a = "', "seq > 0 (1 = 1)"])
def test_a_hostile_history_is_refused_and_nothing_changes(library: Server, rule: str) -> None:
    before = rules(library), library.superuser().records("event_targets")
    cli(library, "attach", "notes", "--history", rule, code=2)
    assert (rules(library), library.superuser().records("event_targets")) == before


# -- what events can say, at the doors ---------------------------------------------------------------------


@pytest.mark.parametrize("who", CALLERS)
def test_nobody_forges_the_seq_of_a_row(server: Server, who: str) -> None:
    if who not in OUTSIDERS and not server.locks:
        pytest.skip("without the lock, workers and superusers write rows, and check tells")
    caller = everybody(server)[who]
    server.guest().append("create", "row000000000001", {"title": "x"})
    server.worker().run_to_end(NEVER)
    with nothing_changes(server):
        for change in ({"seq": 999}, {"seq": 0}, {"seq+": 1}, {"seq": 999, "expected_seq": 1}):
            is_refused(caller, "PATCH", records("items", "row000000000001"), change)


def test_nobody_restores_without_the_update_rule_or_joins_the_group_of_another(server: Server) -> None:
    server.attach("items", allow=SIGNED_IN, update_rule="@request.auth.verified = true")
    ann, bob = server.user("ann"), server.user("bob")
    url, item = records("events"), "row000000000001"
    base = {"collection": "items", "item_id": item}
    ann.append("create", item, {"title": "x"}, actor=ann.user_id)
    ann.append("delete", item, actor=ann.user_id)
    restore = {**base, "type": "update", "data": {"deleted": False}}
    refuses(ann("POST", url, json={**restore, "actor": ann.user_id}))
    refuses(server.guest()("POST", url, json=restore))
    # bob's event has the text of ann's group, stands beside it, and is not of it: it is rejected alone.
    first = ann.append("create", "row000000000002", {"title": "x"}, actor=ann.user_id, together="t")
    bad = bob.append("create", item, {"title": "x"}, actor=bob.user_id, together="t")
    refuses(bob("POST", url, json={**base, "type": "delete", "actor": ann.user_id, "together": "t"}))
    refuses(bob("POST", url, json={**base, "type": "delete", "together": "t"}))
    server.worker().run_to_end(NEVER)
    assert server.superuser().record("events", first["id"])["seq"] == 3
    assert "exists already" in server.superuser().record("events", bad["id"])["error"]
