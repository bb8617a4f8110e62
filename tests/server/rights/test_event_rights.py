"""Events stay as they were appended, whoever asks."""

from typing import Any

import pytest
from support import NEVER, Server
from support.house import (
    CALLERS,
    EVENTS,
    NO_SUPERUSERS,
    OUTSIDERS,
    UUID,
    House,
    an_event,
    is_refused,
    needs_triggers,
    nothing_changes,
    records,
    refuses,
)

from pocketbase_events.jobs.record import Step

CLIENT_CHANGES: list[dict[str, Any]] = [
    {"id": "other0000000001"},
    {"type": "delete"},
    {"collection": "loose"},
    {"collection:autogenerate": "loose"},
    {"item_id": "live00000000001"},
    {"data": {"title": "forged"}},
    {"data": None},
    {"actor": ""},
    {"actor": "somebody"},
]
SERVER_CHANGES: list[dict[str, Any]] = [
    {"seq": 0},
    {"seq": 1},
    {"seq+": 1},
    {"seq": 99, "hash": "0" * 64, "event_id": UUID, "timestamp": "2026-01-01 00:00:00.000Z"},
    {"event_id": UUID},
    {"hash": ""},
    {"timestamp": ""},
    {"error": "forged"},
    {"error": ""},
]


def seq_forgeries(house: House) -> list[dict[str, Any]]:
    """Server fields that would make a pending event a recorded one, the next in line among them."""
    last = max(event["seq"] for event in house.callers["superuser"].records("events"))
    return [{"seq": seq, "hash": "0" * 64, "event_id": UUID} for seq in (1, last, last + 1, last + 2, -1)]


@pytest.mark.parametrize("who", CALLERS)
def test_a_recorded_event_is_changed_by_nobody(house: House, who: str) -> None:
    if who == "superuser":
        needs_triggers(house.server)
    with nothing_changes(house.server):
        for change in CLIENT_CHANGES + SERVER_CHANGES:
            is_refused(house.callers[who], "PATCH", house.event("recorded"), change)
        upsert = an_event(id=house.events["recorded"], error="forged")
        refuses(house.callers[who].batch(("PUT", EVENTS, upsert)))


@pytest.mark.parametrize("state", ["pending", "rejected"])
@pytest.mark.parametrize("who", CALLERS)
def test_what_the_client_wrote_into_an_event_never_changes(house: House, who: str, state: str) -> None:
    if who in ("worker", "superuser"):
        needs_triggers(house.server)
    with nothing_changes(house.server):
        for change in CLIENT_CHANGES:
            is_refused(house.callers[who], "PATCH", house.event(state), change)


@pytest.mark.parametrize("state", ["pending", "rejected"])
@pytest.mark.parametrize("who", CALLERS)
def test_nobody_makes_an_event_a_recorded_one_by_hand(house: House, who: str, state: str) -> None:
    if who in ("worker", "superuser"):
        needs_triggers(house.server)
    with nothing_changes(house.server):
        for forged in seq_forgeries(house):
            is_refused(house.callers[who], "PATCH", house.event(state), forged)


@pytest.mark.parametrize(("who", "state"), [(who, "pending") for who in OUTSIDERS] + [
    (who, "rejected") for who in NO_SUPERUSERS
])  # fmt: skip
def test_only_the_worker_marks_pending_events_and_only_superusers_retry_rejected_ones(
    house: House, who: str, state: str
) -> None:
    with nothing_changes(house.server):
        for change in SERVER_CHANGES:
            is_refused(house.callers[who], "PATCH", house.event(state), change)


@pytest.mark.parametrize("state", ["pending", "recorded", "rejected"])
@pytest.mark.parametrize("who", NO_SUPERUSERS)
def test_only_superusers_delete_an_event(house: House, who: str, state: str) -> None:
    with nothing_changes(house.server):
        is_refused(house.callers[who], "DELETE", house.event(state))


def test_superusers_delete_pending_and_rejected_events_and_no_recorded_ones(server: Server) -> None:
    guest, root = server.guest(), server.superuser()
    recorded = guest.append("create", "milk00000000001", {"title": "Milk"})
    rejected = guest.append("create", "milk00000000001", {"title": "Milk"})
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    pending = guest.append("delete", "milk00000000001")
    for event in (pending, rejected):
        assert root("DELETE", records("events", event["id"])).status_code == 204
    needs_triggers(server)
    with nothing_changes(server):
        is_refused(root, "DELETE", records("events", recorded["id"]))
        # One transaction: the pending event that goes first comes back.
        other = guest.append("delete", "milk00000000001")["id"]
        refuses(root.batch(*(("DELETE", records("events", id_), None) for id_ in (other, recorded["id"]))))
        assert root("DELETE", records("events", other)).status_code == 204


@pytest.mark.parametrize("collection", ["events", "items", "event_head"])
@pytest.mark.parametrize("who", CALLERS)
def test_nobody_truncates_the_log_or_its_rows(house: House, who: str, collection: str) -> None:
    if who == "superuser":
        needs_triggers(house.server)
    with nothing_changes(house.server):
        refuses(house.callers[who]("DELETE", f"/api/collections/{collection}/truncate"), 401)
