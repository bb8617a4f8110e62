"""Events in, rows out, on a real PocketBase."""

from datetime import UTC, datetime, timedelta

import pytest
from support import NAMES, NEVER, Server, check_log, fold_log, live_rows
from support.command_line import as_json, cli
from support.recording import expected, outcome

from pocketbase_events.core.events import timestamp_of
from pocketbase_events.errors import WrongClockError
from pocketbase_events.jobs.record import Step


def test_an_appended_event_is_recorded_and_its_row_written(server: Server) -> None:
    guest = server.guest()
    event = guest.append("create", "milk00000000001", {"title": "Milk", "qty": 2})
    after = outcome(server, event)
    row = guest.record("items", "milk00000000001")
    assert {name: row[name] for name in NAMES} == {
        "title": "Milk", "qty": 2, "done": False, "note": "", "deleted": False,
    }  # fmt: skip
    assert (after["seq"], after["error"]) == (1, "")
    assert check_log(server).seq == 1


def test_updates_set_one_field_and_a_delete_marks_the_row(server: Server) -> None:
    guest = server.guest()
    guest.append("create", "milk00000000001", {"title": "Milk", "qty": 2})
    guest.append("update", "milk00000000001", {"qty": 3.5})
    guest.append("update", "milk00000000001", {"note": "fresh"})
    guest.append("delete", "milk00000000001")
    server.worker().run_to_end(NEVER)
    row = live_rows(server, NAMES)["milk00000000001"]
    assert row == {"title": "Milk", "qty": 3.5, "done": False, "note": "fresh", "deleted": True}
    assert check_log(server).seq == 4


def test_events_are_recorded_in_the_order_of_insertion_however_they_mix(server: Server) -> None:
    guest = server.guest()
    for number in range(150):
        guest.append("create", f"item{number:011d}", {"title": f"{number}"})
        guest.append("update", f"item{number // 2:011d}", {"qty": number})
    server.worker().run_to_end(NEVER)
    assert check_log(server).seq == 300
    assert live_rows(server, NAMES) == expected(fold_log(server))


def test_a_timestamp_never_runs_backwards_whatever_the_clock_does(server: Server) -> None:
    guest, start = server.guest(), datetime.now(UTC)
    clock = start
    worker = server.worker(now=lambda: clock)
    for seconds in (0, -20, 2):
        clock = start + timedelta(seconds=seconds)
        guest.append("create", f"item{seconds + 50:011d}", {"title": "x"})
        worker.run_to_end(NEVER)
    events = server.superuser().records("events", sort="seq")
    assert [event["timestamp"] for event in events] == [
        timestamp_of(start), timestamp_of(start), timestamp_of(start + timedelta(seconds=2)),
    ]  # fmt: skip
    check_log(server)


def test_a_worker_that_starts_anew_goes_on_from_the_last_timestamp(server: Server) -> None:
    guest, later = server.guest(), datetime.now(UTC) + timedelta(seconds=50)
    guest.append("create", "item00000000001", {"title": "x"})
    server.worker(now=lambda: later).run_to_end(NEVER)
    guest.append("create", "item00000000002", {"title": "x"})
    server.worker().run_to_end(NEVER)
    events = server.superuser().records("events", sort="seq")
    assert [event["timestamp"] for event in events] == [timestamp_of(later)] * 2


@pytest.mark.parametrize("wrong", [timedelta(days=5 * 365), timedelta(seconds=75), timedelta(days=-1)])
def test_a_worker_whose_clock_is_wrong_records_nothing_and_says_so(server: Server, wrong: timedelta) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    with pytest.raises(WrongClockError, match="Set the clock that is wrong"):
        server.worker(now=lambda: datetime.now(UTC) + wrong).run_to_end(NEVER)
    assert check_log(server).seq == 0
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 1


def test_a_clock_that_is_set_wrong_while_the_worker_runs_is_noticed_before_the_next_record(server: Server) -> None:
    guest, wrong = server.guest(), timedelta()
    worker = server.worker(now=lambda: datetime.now(UTC) + wrong)
    guest.append("create", "item00000000001", {"title": "x"})
    worker.run_to_end(NEVER)
    wrong = timedelta(days=5 * 365)
    guest.append("create", "item00000000002", {"title": "x"})
    for _ in range(3):
        with pytest.raises(WrongClockError):
            worker.run_to_end(NEVER)
    assert check_log(server).seq == 1
    wrong = timedelta()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 2


def test_a_log_that_contradicts_itself_is_not_extended(server: Server) -> None:
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    cli(server, "run", "--once")
    server.stop()
    with server.database() as database:
        for trigger in ("pbe_head_update", "pbe_head_delete"):
            database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        database.execute("UPDATE event_head SET hash = 'f00d'")
    database.close()
    server.start()
    guest.append("create", "item00000000002", {"title": "x"})
    assert "contradicts itself" in cli(server, "run", "--once", code=1).stderr
    assert "contradicts itself" in cli(server, "status", code=1).stderr
    assert as_json(server, "status", code=1)["pending"] == 1
