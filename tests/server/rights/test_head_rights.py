"""Who moves the head of the log, and how far."""

from typing import Any

import pytest
from support import NEVER, Server
from support.house import (
    FAR_FUTURE,
    HEAD,
    OUTSIDERS,
    House,
    is_refused,
    needs_triggers,
    nothing_changes,
    records,
    refuses,
    version_of,
)

from pocketbase_events.core.batch import HEAD_ID, VERSION
from pocketbase_events.jobs.record import Step

# -- our own collections ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", OUTSIDERS)
def test_the_head_is_moved_by_no_outsider_even_with_the_right_hash(house: House, who: str) -> None:
    head = house.callers["superuser"].record("event_head", HEAD_ID)
    with nothing_changes(house.server):
        move = {"version": VERSION, "expected_hash": head["hash"], "seq": head["seq"] + 1, "hash": "0" * 64}
        is_refused(house.callers[who], "PATCH", HEAD, move)


def test_the_worker_moves_the_head_only_by_naming_its_hash(house: House) -> None:
    worker = house.callers["worker"]
    head = worker.record("event_head", HEAD_ID)
    move = {"version": VERSION, "seq": head["seq"] + 1, "hash": "0" * 64}
    wrong: list[Any] = [
        "",
        "0" * 64,
        head["hash"].upper(),
        f"{head['hash']} ",
        None,
        True,
        [head["hash"]],
        {},
    ]
    with nothing_changes(house.server):
        for body in [{}, *({"expected_hash": value} for value in wrong), {"holder": ""}]:
            is_refused(worker, "PATCH", HEAD, {**move, **body})
        stay = {"version": VERSION, "expected_hash": head["hash"], "seq": head["seq"], "hash": head["hash"]}
        assert worker("PATCH", HEAD, json=stay).ok
        assert worker.batch(("PATCH", HEAD, stay)).ok


def test_the_empty_hash_of_an_empty_log_has_to_be_named_as_well(server: Server) -> None:
    with nothing_changes(server):
        for unnamed in ({}, {"expected": ""}, {"expected_hash:lower": ""}):
            move = {"version": VERSION, "seq": 1, "hash": "0" * 64}
            is_refused(server.worker_client(), "PATCH", HEAD, {**move, **unnamed})


def test_a_worker_of_another_version_moves_no_head(server: Server) -> None:
    worker = server.worker_client()
    stay = {"expected_hash": "", "seq": 0, "hash": ""}
    with nothing_changes(server):
        for version in ({}, {"version": VERSION - 1}, {"version": VERSION + 1}, {"version": None}):
            is_refused(worker, "PATCH", HEAD, {**stay, **version})
    assert worker.batch(("PATCH", HEAD, {**stay, "version": VERSION})).ok


def test_while_somebody_holds_the_head_nobody_else_of_the_workers_moves_it(server: Server) -> None:
    worker, root = server.worker_client(), server.superuser()
    stay = {"version": VERSION, "expected_hash": "", "seq": 0, "hash": ""}
    hold = {"hold_until": FAR_FUTURE, "hold_by": "rebuild"}
    assert root.batch(("PATCH", HEAD, hold)).ok
    with nothing_changes(server):
        for holder in ({}, {"holder": ""}, {"holder": "other"}, {"holder": None}, {"hold_by": "other"}):
            is_refused(worker, "PATCH", HEAD, {**stay, **holder})
        is_refused(worker, "PATCH", HEAD, {**stay, "hold_until": "", "hold_by": ""})
    assert worker.batch(("PATCH", HEAD, {**stay, "holder": "rebuild"})).ok
    assert root.batch(("PATCH", HEAD, {"hold_until": "2000-01-01 00:00:00.000Z"})).ok
    assert worker.batch(("PATCH", HEAD, stay)).ok


@pytest.mark.parametrize("who", ["worker", "superuser"])
def test_the_head_never_goes_back_and_its_hash_never_changes_alone(house: House, who: str) -> None:
    needs_triggers(house.server)
    client = house.callers[who]
    head = client.record("event_head", HEAD_ID)
    backwards: list[dict[str, Any]] = [
        {"seq": 0, "hash": ""},
        {"seq": head["seq"] - 1},
        {"seq-": 1},
        {"hash": ""},
        {"hash": "0" * 64},
        {"id": "other0000000001"},
    ]
    with nothing_changes(house.server):
        for change in backwards:
            is_refused(client, "PATCH", HEAD, {"version": VERSION, "expected_hash": head["hash"], **change})


def test_even_superusers_neither_delete_the_head_nor_add_a_second(house: House) -> None:
    needs_triggers(house.server)
    root = house.callers["superuser"]
    with nothing_changes(house.server):
        is_refused(root, "DELETE", HEAD)
        is_refused(root, "POST", records("event_head"), {"seq": 99})
        is_refused(root, "POST", records("event_head"), {"id": "head00000000001"})
        refuses(root.batch(("DELETE", HEAD, None), ("POST", records("event_head"), {"id": HEAD_ID})))


# -- what a missing, an empty and a failing rule answer -----------------------------------------------------


def test_the_head_moves_no_further_than_there_are_events_to_record_even_for_a_superuser(server: Server) -> None:
    if version_of(server) < (0, 39):
        pytest.skip("this PocketBase has no SQL endpoint, so the log is not locked")
    root = server.superuser()
    head = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    assert root.batch(("PATCH", head, {"seq": 99, "hash": "f00d"})).status_code == 400
    assert root("PATCH", head, json={"seq": 1}).status_code == 400
    assert root("POST", "/api/collections/items/records", json={"title": "x"}).status_code == 400
    root.append("create", "item00000000001", {"title": "x"})
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    assert root.records("event_head")[0]["seq"] == 1
