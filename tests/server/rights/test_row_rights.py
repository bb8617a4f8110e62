"""Rows of attached collections change by events alone."""

import pytest
from support import NEVER, Client, Server
from support.house import CALLERS, OUTSIDERS, House, is_refused, needs_triggers, nothing_changes, records, refuses

from pocketbase_events.jobs.record import Step


def is_no_writer(client: Client, collection: str, *row_ids: str) -> None:
    """Every way to write rows of a collection is shut to this client."""
    new = {"title": "forged"}
    is_refused(client, "POST", records(collection), new)
    is_refused(client, "POST", records(collection), {**new, "id": "new000000000001"})
    refuses(client.batch(("PUT", records(collection), {**new, "id": "new000000000001"})))
    for row_id in row_ids:
        row = records(collection, row_id)
        for change in (new, {"qty+": 1}, {"deleted": True}, {"deleted": False}, {}):
            is_refused(client, "PATCH", row, change)
        refuses(client.batch(("PUT", records(collection), {**new, "id": row_id})))
        is_refused(client, "DELETE", row)


@pytest.mark.parametrize("who", CALLERS)
def test_a_row_of_an_attached_collection_is_written_directly_by_nobody(house: House, who: str) -> None:
    if who in ("worker", "superuser"):
        needs_triggers(house.server)
    with nothing_changes(house.server):
        is_no_writer(house.callers[who], "items", "live00000000001", "dead00000000001")


@pytest.mark.parametrize("who", OUTSIDERS)
def test_without_the_lock_only_the_rules_keep_the_rows_and_they_do(house: House, who: str) -> None:
    with nothing_changes(house.server):
        is_no_writer(house.callers[who], "loose", "live00000000001", "dead00000000001")


def test_the_worker_deletes_no_row_and_changes_no_deleted_one_even_without_the_lock(house: House) -> None:
    worker = house.callers["worker"]
    with nothing_changes(house.server):
        is_refused(worker, "DELETE", records("loose", "live00000000001"))
        is_refused(worker, "DELETE", records("loose", "dead00000000001"))
        for change in ({"title": "forged"}, {"deleted": True}, {"qty+": 1}, {}):
            is_refused(worker, "PATCH", records("loose", "dead00000000001"), change)
        refuses(worker.batch(("PUT", records("loose"), {"id": "dead00000000001", "title": "forged"})))


def test_without_the_lock_superusers_write_rows(server: Server) -> None:
    server.attach("items", lock=False)
    root, row = server.superuser(), records("items", "new000000000001")
    for _ in range(2):
        assert root("POST", records("items"), json={"id": "new000000000001", "title": "x"}).ok
        assert root("PATCH", row, json={"title": "y"}).ok
        assert root("DELETE", row).ok
    assert root("POST", records("items"), json={"title": "x"}).ok
    assert root("DELETE", "/api/collections/items/truncate").ok
    server.attach("items", lock=True)
    needs_triggers(server)
    with nothing_changes(server):
        is_no_writer(root, "items")


def test_rows_do_not_change_with_the_records_that_they_refer_to(server: Server) -> None:
    needs_triggers(server)
    ann, bob, root = server.user("ann"), server.user("bob"), server.superuser()
    users = root("GET", "/api/collections/users").json()["id"]
    for name, cascade, user in (("cascading", True, ann), ("clearing", False, bob)):
        owner = {"name": "owner", "type": "relation", "collectionId": users, "cascadeDelete": cascade}
        server.create_collection(name, [{**owner, "maxSelect": 1}])
        server.attach(name)
        user.append("create", "mine00000000001", {"owner": user.user_id}, name)
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    with nothing_changes(server):
        for user in (ann, bob):
            is_refused(user, "DELETE", records("users", user.user_id))
            is_refused(root, "DELETE", records("users", user.user_id))
