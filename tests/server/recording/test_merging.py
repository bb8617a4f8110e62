"""Merged or one by one, events come to the same rows."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ITEM_FIELDS, NAMES, NEVER, Server, fold_log, live_rows
from support.recording import expected
from support.strategies import FEW

steps = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "update", "update", "update", "delete"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([
            {"title": "x"}, {"title": ""}, {"qty": 1}, {"qty": "1"}, {"qty": None}, {"done": True}, {"note": "n"},
            {"code": "1"}, {"code": "2"}, {"code": ""}, {"rank": 5}, {"rank": 99}, {"nope": 1},
            {"title": "y", "qty": 2}, {"title": "z", "rank": 99}, {},
            {"title": " "}, {"note": "n" * 5001}, {"note": "é" * 5000},
        ]),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@pytest.fixture(scope="module")
def twins(shared: Server) -> Server:
    """The shared PocketBase with two collections of the same schema."""
    for name in ("left", "right"):
        fields = [
            *ITEM_FIELDS,
            {"name": "code", "type": "text"},
            {"name": "rank", "type": "number", "max": 10},
        ]
        index = f"CREATE UNIQUE INDEX `idx_{name}` ON `{name}` (`code`) WHERE `code` != ''"
        shared.create_collection(name, fields, indexes=[index], listRule="", viewRule="")
        shared.attach(name)
    return shared


@settings(max_examples=FEW)
@given(steps)
def test_merged_or_one_by_one_the_same_events_are_accepted_and_the_rows_are_the_same(
    twins: Server, given_steps: list[tuple[str, str, dict[str, Any]]]
) -> None:
    run = f"{time.time_ns() % 10**13:013d}"
    guest, worker = twins.guest(), twins.worker()

    def append(side: str, step: tuple[str, str, dict[str, Any]]) -> str:
        type_, item, data = step
        # The unique code is unique to this example, so that examples leave each other alone.
        own = {key: f"{run}{value}" if key == "code" and value else value for key, value in data.items()}
        sent = None if type_ == "delete" else own
        return str(guest.append(type_, f"{item}{run}0", sent, collection=side)["id"])

    one_by_one = []
    for step in given_steps:
        one_by_one.append(append("left", step))
        worker.run_to_end(NEVER)
    together = [append("right", step) for step in given_steps]
    worker.run_to_end(NEVER)
    root = twins.superuser()
    verdicts = {event["id"]: event["seq"] > 0 for event in root.records("events", sort="-@rowid", perPage=1000)}
    assert [verdicts[i] for i in one_by_one] == [verdicts[i] for i in together]
    names = (*NAMES, "code", "rank")
    mine = {key for key in live_rows(twins, ("id",), "left") if run in key}
    left, right = (live_rows(twins, names, side) for side in ("left", "right"))
    assert {key: left[key] for key in mine} == {key: row for key, row in right.items() if run in key}
    empty = {"code": "", "rank": 0}
    fold = {key: {**empty, **row} for key, row in expected(fold_log(twins, "right")).items()}
    assert fold == right
