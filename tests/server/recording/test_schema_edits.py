"""Schema edits, attaching and detaching are seen without a restart."""

import time
from typing import Any

import pytest
from support import NEVER, Server, check_log, item_id

from pocketbase_events.core.transaction import Outcome, RowRefused, Transaction
from pocketbase_events.pb.gateway import Gateway


def test_a_schema_edit_is_seen_at_the_next_event_without_restart(server: Server) -> None:
    guest, worker = server.guest(), server.worker()

    def error(type_: str, data: Any) -> str:
        event = guest.append(type_, "item00000000001", data)
        worker.run_to_end(NEVER)
        return str(server.superuser().record("events", event["id"])["error"])

    assert error("create", {"title": "x"}) == ""
    assert "no field" in error("update", {"colour": "red"})
    server.edit_fields("items", lambda fields: fields.append({"name": "colour", "type": "text"}))
    assert error("update", {"colour": "red"}) == ""

    def rename(fields: list[dict[str, Any]]) -> None:
        next(field for field in fields if field["name"] == "colour")["name"] = "paint"

    server.edit_fields("items", rename)
    assert "no field" in error("update", {"colour": "blue"})
    assert error("update", {"paint": "blue"}) == ""

    def remove(fields: list[dict[str, Any]]) -> None:
        fields[:] = [field for field in fields if field["name"] != "paint"]

    server.edit_fields("items", remove)
    server.edit_fields("items", lambda fields: fields.append({"name": "paint", "type": "number"}))
    assert "takes a number" in error("update", {"paint": "blue"})
    assert error("update", {"paint": 5}) == ""


def test_attaching_and_detaching_is_seen_without_restart(server: Server) -> None:
    root, worker = server.superuser(), server.worker()
    server.create_collection("notes", [{"name": "body", "type": "text"}])

    def error() -> str:
        event = root.append("create", f"note{time.time_ns() % 10**11:011d}", {"body": "x"}, collection="notes")
        worker.run_to_end(NEVER)
        return str(root.record("events", event["id"])["error"])

    assert "not attached" in error()
    server.attach("notes")
    assert error() == ""
    server.detach("notes")
    assert "not attached" in error()
    check_log(server)


def test_a_row_that_is_refused_without_a_reason_right_after_an_edit_is_tried_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By its timer, no second passes after the edit, however long this takes.
    worker, guest, transact = server.worker(timer=lambda: 0.0), server.guest(), Gateway.transact
    refusals = iter([True, True])

    def stale(self: Gateway, transaction: Transaction, **more: Any) -> Outcome:
        """As PocketBase answers until it has noticed the edit."""
        if transaction.writes and next(refusals, False):
            return RowRefused(transaction.writes[0], None)
        return transact(self, transaction, **more)

    guest.append("create", item_id(1), {"title": "x"})
    worker.run_to_end(NEVER)
    server.edit_fields("items", lambda fields: fields.append({"name": "more", "type": "text"}))
    monkeypatch.setattr(Gateway, "transact", stale)
    guest.append("create", item_id(2), {"title": "x"})
    worker.run_to_end(NEVER)
    assert check_log(server).seq == 2
