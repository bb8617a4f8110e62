"""How many events share a transaction, and what becomes of one that was made ready."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support import NAMES, NEVER, Server, check_log, create, fold_log, item_id, live_rows
from support.recording import expected, why

from pocketbase_events.jobs.record import Recorder, Step
from pocketbase_events.jobs.record.steps import Done


@pytest.mark.parametrize("data", [{"title": "x"}, {"titel": "x"}])
def test_a_lowered_limit_of_the_batch_api_makes_transactions_smaller(
    server: Server, data: dict[str, Any], caplog_events: list[dict[str, Any]]
) -> None:
    guest = server.guest()
    for number in range(120):
        guest.append("create", f"item{number:011d}", data)
    settings_ = {"batch": {"enabled": True, "maxRequests": 10, "timeout": 3}}
    assert server.superuser()("PATCH", "/api/settings", json=settings_).ok
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert worker.tally.recorded + worker.tally.rejected == 120
    assert not [entry for entry in caplog_events if entry["event"] == "trouble"]
    check_log(server)


def test_data_too_large_for_the_batch_api_is_rejected(server: Server) -> None:
    guest = server.guest()
    server.edit_fields("items", lambda fields: fields.append({"name": "long", "type": "text", "max": 1_000_000}))
    settings_ = {"batch": {"enabled": True, "maxRequests": 100, "timeout": 3, "maxBodySize": 50_000}}
    assert server.superuser()("PATCH", "/api/settings", json=settings_).ok
    guest.append("create", "item00000000001", {"title": "x"})
    large = guest.append("create", "item00000000002", {"title": "x", "long": "x" * 100_000})
    guest.append("create", "item00000000003", {"title": "x"})
    assert "larger than" in why(server, large)
    assert check_log(server).seq == 2


def backlog(server: Server, count: int, every: int) -> int:
    """Append so many events, each so-many-th of them a bad one; how many are bad. Of those only PocketBase can tell."""
    events = [
        {"type": "update", "item_id": item_id(n), "data": {"qty": 1}} if n % every == 0 else create(n)
        for n in range(count)
    ]
    for start in range(0, count, 200):
        server.guest().append_all(*events[start : start + 200])
    return len(range(0, count, every))


@pytest.mark.slow
def test_a_backlog_longer_than_a_look_is_recorded_in_order_bad_events_or_not(server: Server) -> None:
    bad = backlog(server, 2_400, every=171)
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert (worker.tally.recorded, worker.tally.rejected) == (2_400 - bad, bad)
    assert check_log(server).seq == 2_400 - bad
    assert live_rows(server, NAMES) == expected(fold_log(server))


def record_to_the_end(recorder: Recorder, done: Done) -> None:
    """Record what was made ready, and everything after it."""
    while done.step is not Step.IDLE:
        done = recorder.record(done.ready)


def test_what_was_made_ready_for_a_log_that_another_worker_has_extended_is_dropped(server: Server) -> None:
    bad = backlog(server, 700, every=97)
    recorders = [server.recorder(), server.recorder()]
    done = [Done(Step.IDLE), Done(Step.IDLE)]
    steps = set()
    with ThreadPoolExecutor(1) as beside:
        for turn in range(100):
            done[turn % 2] = recorders[turn % 2].record(done[turn % 2].ready, beside)
            steps.add(done[turn % 2].step)
    assert Step.CONFLICT in steps
    assert sum(recorder.news.tally.recorded for recorder in recorders) == 700 - bad
    assert check_log(server).seq == 700 - bad
    assert live_rows(server, NAMES) == expected(fold_log(server))


def test_an_event_that_was_deleted_after_it_was_looked_at_is_left_out(server: Server) -> None:
    server.guest().append_all(*(create(number) for number in range(300)))
    root, recorder = server.superuser(), server.recorder()
    with ThreadPoolExecutor(1) as beside:
        done = recorder.record(beside=beside)
        assert done.ready
        last = root.records("events", filter=f'item_id = "{item_id(299)}"')[0]
        following = root.records("events", filter=f'item_id = "{item_id(recorder.news.tally.recorded)}"')[0]
        for event in (last, following):
            assert root("DELETE", f"/api/collections/events/records/{event['id']}").ok
    record_to_the_end(recorder, done)
    assert check_log(server).seq == 298


def test_a_collection_that_is_detached_amid_a_backlog_takes_no_more_events(server: Server) -> None:
    server.guest().append_all(*(create(number) for number in range(300)))
    recorder = server.recorder()
    with ThreadPoolExecutor(1) as beside:
        done = recorder.record(beside=beside)
        recorded = recorder.news.tally.recorded
        assert done.ready
        server.detach("items")
    record_to_the_end(recorder, done)
    assert (recorder.news.tally.recorded, recorder.news.tally.rejected) == (recorded, 300 - recorded)


def test_data_that_an_event_may_hold_fits_into_the_row(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "more", "type": "json"}))
    # PocketBase counts bytes, and takes a million of them.
    for number, data in enumerate(("ü" * 450_000, ["ü" * 450_000], {"ключ": "💥" * 200_000})):
        server.guest().append("create", f"large{number:010d}", {"title": "x", "more": data})
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert worker.tally.rejected == 0
    assert check_log(server).seq == 3


def test_pages_of_pending_events_are_no_larger_than_the_worker_can_bear(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "more", "type": "json"}))
    guest = server.guest()
    for number in range(10):
        guest.append("create", f"large{number:010d}", {"title": "x", "more": "x" * 900_000})
    guest.append_all(*(create(number) for number in range(10)))
    gateway = server.gateway()
    assert len(gateway.pending()) == 3
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 20
    # So are the pages in which the log is read.
    pages = [sum(len(str(event.data)) for event in page) for page in gateway.log(0, 20)]
    assert max(pages[1:]) < 6_000_000
