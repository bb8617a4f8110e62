"""Events that belong together are recorded in one transaction, or rejected, all of them."""

import json
from typing import Any

from support import Server, check_log, item_id, live_rows, run_command
from support.recording import NEVER

EVENTS = "/api/collections/events/records"


def appended(server: Server, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Append events in one request, have them processed, and read what became of them."""
    prefix = str(events[0]["item_id"])[-12:]
    bodies = [{"collection": "items", "id": f"{prefix}{n:03d}", **event} for n, event in enumerate(events)]
    answer = server.guest().batch(*(("POST", EVENTS, body) for body in bodies))
    assert answer.status_code == 200, answer.text
    server.worker().run_to_end(NEVER)
    root = server.superuser()
    return [root.record("events", body["id"]) for body in bodies]


def update(number: int, together: str, **data: Any) -> dict[str, Any]:
    return {"type": "update", "item_id": item_id(number), "data": data, "together": together}


def create(number: int, together: str, **data: Any) -> dict[str, Any]:
    return {**update(number, together, **data), "type": "create"}


def test_a_group_is_recorded_with_consecutive_seqs(shared: Server) -> None:
    events = appended(shared, create(1, "save", title="a"), update(1, "save", qty=2), update(1, "save", done=True))
    first = events[0]["seq"]
    assert [event["seq"] for event in events] == [first, first + 1, first + 2]
    row = live_rows(shared, ("title", "qty", "done"))[item_id(1)]
    assert row == {"title": "a", "qty": 2, "done": True}
    check_log(shared)


def test_a_bad_event_rejects_its_whole_group_and_only_that(shared: Server) -> None:
    events = appended(
        shared,
        create(2, "", title="before"),
        update(2, "two", title="changed"),
        update(2, "two", nothing=1),
        create(3, "two", title="never"),
        create(4, "", title="after"),
    )
    assert [event["seq"] > 0 for event in events] == [True, False, False, False, True]
    reason = events[2]["error"]
    assert reason.startswith('items has no field "nothing"')
    with_it = f"Rejected together with the event {events[2]['id']}, which was rejected: {reason}"
    assert events[1]["error"] == events[3]["error"] == with_it
    rows = live_rows(shared, ("title",))
    assert rows[item_id(2)] == {"title": "before"}
    assert item_id(3) not in rows


def test_a_row_that_pocketbase_refuses_rejects_the_group_and_blames_the_event_that_set_it(shared: Server) -> None:
    events = appended(
        shared,
        create(5, "", title="x"),
        update(5, "three", qty=3),
        update(5, "three", title=""),
        update(5, "three", note="n"),
    )
    assert [event["seq"] > 0 for event in events] == [True, False, False, False]
    assert "title: " in events[2]["error"]
    assert events[1]["error"].startswith(f"Rejected together with the event {events[2]['id']},")
    assert live_rows(shared, ("qty",))[item_id(5)] == {"qty": 0}


def test_changes_of_a_group_are_judged_by_their_end(shared: Server) -> None:
    events = appended(shared, create(6, "four", qty=1), update(6, "four", title="now it is valid"))
    assert all(event["seq"] > 0 for event in events)
    assert live_rows(shared, ("title", "qty"))[item_id(6)] == {"title": "now it is valid", "qty": 1}


def test_a_group_of_a_hundred_is_one_transaction_however_small_the_worker_s_are(shared: Server) -> None:
    events = appended(shared, *(create(100 + number, "many", title="x") for number in range(100)))
    assert [event["seq"] - events[0]["seq"] for event in events] == list(range(100))
    assert len({event["timestamp"] for event in events}) == 1


def test_more_than_a_hundred_are_rejected_all_of_them(shared: Server) -> None:
    events = appended(shared, *(create(300 + number, "too many", title="x") for number in range(101)))
    assert not any(event["seq"] for event in events)
    assert "At most 100 events" in events[0]["error"]
    assert events[100]["error"].startswith("Rejected together with")


def test_a_large_group_is_recorded_with_all_its_data(shared: Server) -> None:
    """A look shows two megabytes of pending events, but no group is cut by that."""
    note = "n" * 4000
    padding = [create(500 + number, "", title="x", note=note) for number in range(3)]
    events = appended(shared, *padding, *(create(600 + number, "large", title=note, note=note) for number in range(90)))
    assert all(event["seq"] for event in events)
    assert [event["seq"] - events[3]["seq"] for event in events[3:]] == list(range(90))


def test_groups_of_different_actors_and_single_events_between_them_are_apart(shared: Server) -> None:
    events = appended(
        shared,
        create(701, "same", title="x"),
        create(702, "", title="x"),
        create(703, "same", title=""),
        create(704, "same", title="x"),
    )
    assert [event["seq"] > 0 for event in events] == [True, True, False, False]


def test_merging_across_groups_blames_the_right_one(shared: Server) -> None:
    """Changes of one row in different groups may be merged; a refusal is then found one by one."""
    events = appended(
        shared,
        create(801, "a", title="x"),
        update(801, "b", note="one"),
        update(801, "c", title=""),
        update(801, "c", note="two"),
        update(801, "d", qty=4),
    )
    assert [event["seq"] > 0 for event in events] == [True, True, False, False, True]
    assert live_rows(shared, ("title", "note", "qty"))[item_id(801)] == {"title": "x", "note": "one", "qty": 4}


def test_retrying_one_event_retries_its_whole_group(shared: Server) -> None:
    events = appended(
        shared, create(901, "again", title="a"), create(902, "again", title=""), create(903, "", title="")
    )
    assert not any(event["seq"] for event in events)
    done = run_command("retry", events[0]["id"], "--json", env=shared.environment)
    assert json.loads(done.stdout) == {"retried": [events[0]["id"], events[1]["id"]]}
    pending = [shared.superuser().record("events", event["id"])["error"] == "" for event in events]
    assert pending == [True, True, False]
