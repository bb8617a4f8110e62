"""The program's own collections are closed to everybody but the worker and superusers."""

import pytest
from support.house import NO_SUPERUSERS, OUTSIDERS, House, is_refused, nothing_changes, records, refuses

OURS = (
    "event_head", "event_stamps", "event_targets", "event_schemas", "event_pending", "event_next", "event_status",
    "event_setup", "event_workers",
)  # fmt: skip


def record_ids(house: House, collection: str) -> list[str]:
    return [record["id"] for record in house.callers["superuser"].records(collection)]


@pytest.mark.parametrize("collection", OURS)
@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsiders_see_nothing_of_our_collections(house: House, who: str, collection: str) -> None:
    client, ids = house.callers[who], record_ids(house, collection)
    assert ids
    for params in ({}, {"filter": f"id = '{ids[0]}'"}):
        answer = client("GET", records(collection), params=params)
        if answer.status_code == 200:
            assert (answer.json()["items"], answer.json()["totalItems"]) == ([], 0)
        else:
            refuses(answer)
    for record_id in ids:
        refuses(client("GET", records(collection, record_id)))


@pytest.mark.parametrize("collection", OURS)
def test_the_worker_sees_our_collections_but_no_accounts(house: House, collection: str) -> None:
    worker, ids = house.callers["worker"], record_ids(house, collection)
    if collection == "event_workers":
        assert worker("GET", records(collection)).status_code == 403
        refuses(worker("GET", records(collection, ids[0])))
    else:
        assert [record["id"] for record in worker.records(collection)] == ids
        assert worker.record(collection, ids[0])["id"] == ids[0]


@pytest.mark.parametrize("collection", OURS)
@pytest.mark.parametrize("who", NO_SUPERUSERS)
def test_our_collections_are_changed_by_superusers_alone(house: House, who: str, collection: str) -> None:
    client = house.callers[who]
    change = {"collection": "users", "create_rule": "", "seq": 0, "hash": "", "password": "new-password"}
    with nothing_changes(house.server):
        is_refused(client, "POST", records(collection), change)
        refuses(client.batch(("PUT", records(collection), change)))
        for record_id in record_ids(house, collection):
            is_refused(client, "PATCH", records(collection, record_id), change)
            is_refused(client, "DELETE", records(collection, record_id))
        refuses(client("PATCH", f"/api/collections/{collection}", json={"createRule": ""}), 401)


@pytest.mark.parametrize("collection", ["event_schemas", "event_pending", "event_next", "event_status", "event_setup"])
def test_what_is_a_view_can_be_written_by_nobody(house: House, collection: str) -> None:
    with nothing_changes(house.server):
        for record_id in record_ids(house, collection):
            is_refused(house.callers["superuser"], "PATCH", records(collection, record_id), {"seq": 1})
            is_refused(house.callers["superuser"], "DELETE", records(collection, record_id))


@pytest.mark.parametrize("who", NO_SUPERUSERS)
def test_nobody_becomes_the_worker_without_its_password(house: House, who: str) -> None:
    client, [worker_id] = house.callers[who], record_ids(house, "event_workers")
    account = {"email": "x@example.com", "password": "user-password", "passwordConfirm": "user-password"}
    with nothing_changes(house.server):
        is_refused(client, "POST", records("event_workers"), account)
        refuses(client("POST", f"/api/collections/event_workers/impersonate/{worker_id}"), 401)
        refuses(client("POST", "/api/collections/event_workers/request-otp", json={"email": account["email"]}))
        wrong = {"identity": "worker@example.com", "password": "user-password"}
        refuses(client("POST", "/api/collections/event_workers/auth-with-password", json=wrong))
