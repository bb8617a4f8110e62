"""Events in, rows out, on a real PocketBase."""

import threading
from typing import Any

import pytest
from support import Server, check_log, fold_log, live_rows

from pocketbase_events.worker import Step

NEVER = threading.Event()


def test_an_appended_event_is_recorded_and_its_row_written(server: Server) -> None:
    guest = server.guest()
    event = guest.append("create", "milk00000000001", {"title": "Milk", "qty": 2})
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    row = guest.record("items", "milk00000000001")
    assert (row["title"], row["qty"], row["done"], row["deleted"]) == ("Milk", 2, False, False)
    recorded = server.superuser().record("events", event["id"])
    assert recorded["seq"] == 1
    assert recorded["error"] == ""
    assert check_log(server).seq == 1
