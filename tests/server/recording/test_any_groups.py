"""Whatever is refused in a group, and wherever a page or a transaction ends: it is recorded whole, or not at all."""

import time
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from support import NEVER, Server, check_log
from support.strategies import FEW

from pocketbase_events import new_id
from pocketbase_events.jobs.record import Step, Worker
from pocketbase_events.jobs.record.batch_size import BatchSize

EVENTS = "/api/collections/events/records"
DATA: list[dict[str, Any]] = [
    {"title": "x"}, {"qty": 2}, {"qty+": 1}, {"done": True}, {"note": "n"}, {"deleted": False},
]  # fmt: skip
BAD: list[dict[str, Any]] = [{"title": ""}, {"nothing": 1}, {"qty": "x"}, {"qty+": None}, {"title": "x", "qty": 1}]
MEMBERS = st.tuples(st.integers(0, 2), st.sampled_from(DATA * 3 + BAD) | st.just("delete"))
GROUPS = st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.lists(MEMBERS, min_size=1, max_size=6)), max_size=8)


@settings(max_examples=4 * FEW)
@given(GROUPS, st.integers(1, 9))
def test_a_group_is_recorded_whole_or_not_at_all(
    shared: Server, groups: list[tuple[str, list[tuple[int, Any]]]], size: int
) -> None:
    items = [new_id() for _ in range(3)]
    bodies = [{"type": "create", "item_id": item, "data": {"title": "x"}, "together": ""} for item in items]
    bodies += [
        {"type": "delete" if data == "delete" else "update", "item_id": items[which],
         "data": None if data == "delete" else data, "together": together}
        for together, members in groups
        for which, data in members
    ]  # fmt: skip
    bodies = [{**body, "id": new_id(), "collection": "items"} for body in bodies]
    assert shared.guest().batch(*(("POST", EVENTS, body) for body in bodies)).ok
    small = BatchSize(events=size)
    worker = Worker(shared.gateway(), lambda: datetime.now(UTC), uuid4, time.monotonic, small)
    assert worker.run_to_end(NEVER) is Step.IDLE
    records = {record["id"]: record for record in shared.superuser().records("events", filter=_any_of(bodies))}
    for together, members in groupby(bodies, key=lambda body: body["together"]):
        seqs = [records[member["id"]]["seq"] for member in members]
        assert not together or seqs == [seqs[0] + place if seqs[0] else 0 for place in range(len(seqs))]
    assert all(bool(record["seq"]) is not bool(record["error"]) for record in records.values())
    check_log(shared)


def _any_of(bodies: list[dict[str, Any]]) -> str:
    return " || ".join(f"id = '{body['id']}'" for body in bodies)
