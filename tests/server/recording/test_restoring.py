"""Deleted items come back, and modifiers change values where they stand."""

from typing import Any

import pytest
from support import Server, check_log, item_id, live_rows
from support.recording import outcome, why

RESTORE = {"deleted": False}


def item(server: Server, number: int, **data: Any) -> str:
    server.guest().append("create", item_id(number), {"title": "x", **data})
    return item_id(number)


def test_an_update_restores_a_deleted_item_as_it_was(shared: Server) -> None:
    guest, key = shared.guest(), item(shared, 9001, qty=7)
    guest.append("delete", key)
    guest.append("update", key, RESTORE)
    after = outcome(shared, guest.append("update", key, {"note": "again"}))
    assert after["seq"] > 0
    assert live_rows(shared, ("qty", "note", "deleted"))[key] == {"qty": 7, "note": "again", "deleted": False}
    check_log(shared)


def test_an_item_that_is_not_deleted_is_not_restored(shared: Server) -> None:
    key = item(shared, 9002)
    assert "is not deleted" in why(shared, shared.guest().append("update", key, RESTORE))


def test_deleted_true_is_no_update(shared: Server) -> None:
    key = item(shared, 9003)
    assert "Append an event of type delete" in why(shared, shared.guest().append("update", key, {"deleted": True}))


@pytest.mark.parametrize(("type_", "data"), [("update", {"qty": 1}), ("delete", None), ("create", {"title": "y"})])
def test_the_sentence_about_a_deleted_item_says_that_it_can_be_restored(shared: Server, type_: str, data: Any) -> None:
    key = item(shared, 9004 if type_ == "update" else 9005 if type_ == "delete" else 9006)
    shared.guest().append("delete", key)
    assert '{"deleted": false}' in why(shared, shared.guest().append(type_, key, data))


def test_of_many_modifiers_at_once_nothing_is_lost(shared: Server) -> None:
    guest, key = shared.guest(), item(shared, 9007, qty=1)
    guest.append_all(*({"type": "update", "item_id": key, "data": {"qty+": 1}} for _ in range(200)))
    guest.append_all(*({"type": "update", "item_id": key, "data": {"qty-": 0.5}} for _ in range(100)))
    outcome(shared, guest.append("update", key, {"note": "done"}))
    assert live_rows(shared, ("qty", "note"))[key] == {"qty": 151, "note": "done"}
    check_log(shared)


def test_a_modifier_beyond_doubles_is_refused_by_pocketbase_and_costs_nobody_else(shared: Server) -> None:
    guest, key = shared.guest(), item(shared, 9008, qty=1.7e308)
    assert "qty: " in why(shared, guest.append("update", key, {"qty+": 1.7e308}))
    assert outcome(shared, guest.append("update", key, {"qty-": 1.7e308}))["seq"] > 0
    assert live_rows(shared, ("qty",))[key] == {"qty": 0}
