"""An event that can't be applied says why, and costs the others nothing."""

import time
from typing import Any

import pytest
from support import NAMES, NEVER, Server, check_log, live_rows
from support.recording import outcome, why

from pocketbase_events.core.transaction import Committed, Outcome, Transaction
from pocketbase_events.jobs.record import Step, Worker


@pytest.mark.parametrize(
    ("type_", "item_id", "data", "says"),
    [
        ("create", "milk00000000001", {"title": "again"}, "exists already"),
        ("update", "none00000000001", {"qty": 1}, "There is no item"),
        ("delete", "none00000000001", None, "There is no item"),
        ("update", "gone00000000001", {"qty": 1}, "is deleted"),
        ("delete", "gone00000000001", None, "is deleted"),
        ("create", "gone00000000001", {"title": "again"}, "exists already"),
        ("create", "new000000000001", {"qty": 1}, "title: "),
        ("create", "new000000000001", None, "title: "),
        ("update", "milk00000000001", {"title": ""}, "title: "),
        ("create", "SHORT", {"title": "x"}, "id: "),
        ("create", "UPPER0000000001", {"title": "x"}, "id: "),
        ("update", "milk00000000001", {"price": 1}, "Its fields are: title, qty, done, note"),
        ("update", "milk00000000001", {"qty": "2"}, '"qty" takes a number'),
        ("update", "milk00000000001", {"qty": 1, "done": True}, "one field"),
        ("delete", "milk00000000001", {"qty": 1}, "no data"),
    ],
)
def test_a_rejected_event_says_why_and_changes_nothing(
    shared: Server, type_: str, item_id: str, data: Any, says: str
) -> None:
    guest = shared.guest()
    if "milk00000000001" not in live_rows(shared, ("id",)):
        guest.append("create", "milk00000000001", {"title": "Milk"})
        guest.append("create", "gone00000000001", {"title": "Gone"})
        guest.append("delete", "gone00000000001")
        shared.worker().run_to_end(NEVER)
    rows, head = live_rows(shared, NAMES), check_log(shared)
    assert says in why(shared, guest.append(type_, item_id, data))
    assert live_rows(shared, NAMES) == rows
    assert check_log(shared) == head


@pytest.mark.parametrize("collection", ["users", "_superusers", "events", "event_head", "nope", "Items", "items "])
def test_a_collection_that_nobody_attached_is_named_in_the_rejection(shared: Server, collection: str) -> None:
    event = shared.superuser().append("create", "item00000000009", {}, collection=collection)
    assert f'"{collection}" is not attached' in why(shared, event)


def insert(server: Server, data: bytes, item_id: bytes = b"odd000000000001") -> dict[str, Any]:
    """Append an event whose data is stored byte by byte, past every check of PocketBase's API."""
    record_id = f"odd{time.time_ns() % 10**12:012d}"
    with server.database() as database:
        database.execute(
            "INSERT INTO events (id, type, collection, item_id, data, created)"
            " VALUES (?, 'create', 'items', CAST(? AS TEXT), CAST(? AS TEXT), '2026-01-01 00:00:00.000Z')",
            (record_id, item_id, data),
        )
    database.close()
    return {"id": record_id}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"title": "a", "note": "\\ud800"}', "surrogate"),
        (b'{"title": "a", "note": ' + b"[" * 5000 + b"]" * 5000 + b"}", "levels deep"),
        (b'{"title": "\xff"}', "UTF-8"),
        (b'{"title": "\xe2\x82"}', "UTF-8"),
        (b'{"title": "a", "qty": 1e400}', "double"),
        (b'{"title": "a", "qty": ' + b"9" * 5000 + b"}", "double"),
        (b'{"title": "a", "title": "b"}', '"title" twice'),
    ],
)
def test_data_that_json_readers_disagree_about_stops_nobody(
    server: Server, data: bytes, says: str, caplog_events: list[dict[str, Any]]
) -> None:
    guest = server.guest()
    guest.append("create", "before000000001", {"title": "before"})
    odd = insert(server, data)
    guest.append("create", "after0000000001", {"title": "after"})
    server.worker().run_to_end(NEVER)
    assert live_rows(server, ("title",)) == {
        "before000000001": {"title": "before"},
        "after0000000001": {"title": "after"},
    }
    check_log(server)
    with server.database() as database:
        seq, error = database.execute("SELECT seq, error FROM events WHERE id = ?", (odd["id"],)).fetchone()
    database.close()
    # What is no JSON to this PocketBase can't even be marked; then the worker says so and leaves it aside.
    left_aside = [entry for entry in caplog_events if entry["event"] == "left_aside"]
    assert seq == 0
    assert says in error or (error == "" and left_aside[0]["id"] == odd["id"])


def test_an_event_that_was_left_aside_costs_later_ones_nothing(server: Server) -> None:
    guest, worker = server.guest(), server.worker()
    insert(server, b'{"title": "a", "title": "b"}')
    worker.run_to_end(NEVER)
    guest.append("create", "after0000000001", {"title": "after"})
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 1


def test_an_item_id_that_is_not_utf8_is_rejected(server: Server) -> None:
    event = insert(server, b'{"title": "a"}', item_id=b"item\xff")
    assert "UTF-8" in why(server, event)


def test_numbers_beyond_what_integers_hold_are_recorded_as_doubles(server: Server) -> None:
    event = insert(server, b'{"title": "a", "qty": 12345678901234567890}')
    assert outcome(server, event)["seq"] == 1
    assert float(live_rows(server, ("qty",))["odd000000000001"]["qty"]) == 12345678901234567890.0
    check_log(server)


def test_a_unique_index_over_an_expression_costs_its_event_only(server: Server) -> None:
    indexes = ["CREATE UNIQUE INDEX `idx_note` ON `items` (lower(`note`)) WHERE `note` != ''"]
    assert server.superuser()("PATCH", "/api/collections/items", json={"indexes": indexes}).ok
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "a", "note": "Same"})
    twin = guest.append("create", "item00000000002", {"title": "b", "note": "same"})
    guest.append("create", "item00000000003", {"title": "c", "note": "other"})
    assert "PocketBase refused the row" in why(server, twin)
    assert sorted(live_rows(server, ("id",))) == ["item00000000001", "item00000000003"]


def outcomes_of(worker: Worker) -> list[Outcome]:
    """What becomes of the transactions that a worker sends from now on."""
    gateway, outcomes = worker._gateway, list[Outcome]()  # noqa: SLF001 - watched, not changed
    transact = gateway.transact

    def watched(transaction: Transaction, **waits: float) -> Outcome:
        outcomes.append(transact(transaction, **waits))
        return outcomes[-1]

    gateway.transact = watched  # type: ignore[method-assign]
    return outcomes


def test_one_bad_event_among_many_costs_one_transaction_more(server: Server) -> None:
    guest = server.guest()
    for number in range(100):
        guest.append("create", f"item{number:011d}", {"title": "x"} if number != 61 else {})
    worker = server.worker()
    outcomes = outcomes_of(worker)
    worker.run_to_end(NEVER)
    assert (worker.tally.recorded, worker.tally.rejected) == (99, 1)
    assert sum(outcome != Committed() for outcome in outcomes) == 1
    check_log(server)


@pytest.mark.slow
def test_a_flood_of_bad_events_does_not_starve_a_good_one(server: Server) -> None:
    guest = server.guest()
    missing = ({"type": "update", "item_id": f"none{n:011d}", "data": {"qty": 1}} for n in range(400))
    guest.append_all(*missing)
    guest.append("create", "good00000000001", {"title": "good"})
    worker = server.worker(timer=lambda: 0.0)  # a slow machine does not make transactions smaller
    outcomes = outcomes_of(worker)
    worker.run_to_end(NEVER)
    assert len(outcomes) < 420, "little more than one transaction for each"
    assert (worker.tally.recorded, worker.tally.rejected) == (1, 400)


def test_what_follows_a_delete_within_one_transaction_is_rejected(server: Server) -> None:
    guest, worker = server.guest(), server.worker()
    guest.append("create", "item00000000001", {"title": "x"})
    worker.run_to_end(NEVER)
    guest.append("update", "item00000000001", {"qty": 1})
    guest.append("delete", "item00000000001")
    late = [guest.append("update", "item00000000001", {name: None}) for name in ("qty", "note")]
    late.append(guest.append("create", "item00000000001", {"title": "again"}))
    says = ["is deleted", "is deleted", "exists already"]
    assert all(sentence in why(server, event) for sentence, event in zip(says, late, strict=True))
    assert check_log(server).seq == 3


def test_a_merged_write_that_fails_blames_the_right_event(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "rank", "type": "number", "max": 10}))
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    guest.append("update", "item00000000001", {"qty": 1})
    bad = guest.append("update", "item00000000001", {"rank": 11})
    guest.append("update", "item00000000001", {"done": True})
    assert "rank: " in why(server, bad)
    assert live_rows(server, (*NAMES, "rank"))["item00000000001"] == {
        "title": "x", "qty": 1, "done": True, "note": "", "deleted": False, "rank": 0,
    }  # fmt: skip
    assert check_log(server).seq == 3


def test_a_retried_event_is_recorded_once_its_cause_is_gone(server: Server) -> None:
    guest, root = server.guest(), server.superuser()
    early = guest.append("update", "item00000000001", {"qty": 1})
    assert why(server, early)
    guest.append("create", "item00000000001", {"title": "x"})
    server.worker().run_to_end(NEVER)
    assert root("PATCH", f"/api/collections/events/records/{early['id']}", json={"error": ""}).ok
    assert outcome(server, early)["seq"] == 2
