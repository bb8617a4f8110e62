"""The worker as a process: starting, standing by, stopping, and surviving what its users will do to it."""

import signal
import time
from contextlib import ExitStack
from typing import Any

import pytest
from support import Server, check_log, command, create, eventually, fold_log, live_rows, pending, seq_of
from support.workers import Log, is_settled, start_worker


def test_events_that_were_pending_before_the_start_are_recorded(server: Server, processes: ExitStack) -> None:
    guest = server.guest()
    for number in range(300):
        guest.append("create", f"item{number:011d}", {"title": "x"})
    start_worker(processes, server)
    eventually(lambda: seq_of(server) == 300, "the backlog")
    check_log(server)


def test_a_worker_started_before_pocketbase_waits_for_it(server: Server, processes: ExitStack) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    server.stop()
    process = processes.enter_context(command("run", env=server.environment))
    log = Log(process)
    eventually(lambda: log.has("waiting_for_pocketbase"), "the worker's patience")
    server.start()
    eventually(lambda: seq_of(server) == 1, "the record")


def test_the_worker_comes_back_after_a_restart_of_pocketbase(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    server.stop()
    eventually(lambda: log.has("trouble"), "the worker's notice")
    server.start()
    server.guest().append("create", "item00000000001", {"title": "x"})
    eventually(lambda: seq_of(server) == 1, "the record", deadline=10)
    # The realtime stream is back too: the next event is recorded faster than polling would.
    eventually(lambda: log.has("recovered"), "the news that all is well")
    assert log.count("trouble") <= 2
    # A PocketBase that is back before the stream is missed is no news.
    assert log.count("realtime_lost") <= 1
    eventually(lambda: is_recorded_at_once(server), "the stream's return")


def is_recorded_at_once(server: Server) -> bool:
    """Whether an event that is appended now is recorded faster than polling would, as a rule."""
    before, started = seq_of(server), time.monotonic()
    server.guest().append("create", f"item{before + 1:011d}", {"title": "x"})
    eventually(lambda: seq_of(server) > before, "the record")
    return time.monotonic() - started < 0.3


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_the_middle_of_its_work(
    server: Server, processes: ExitStack, how: signal.Signals
) -> None:
    guest = server.guest()
    guest.append_all(*(create(number) for number in range(1000)))
    process, log = start_worker(processes, server)
    eventually(lambda: seq_of(server) > 0, "the first record")
    process.send_signal(how)
    assert process.wait(5) == 0
    assert log.has("stopped")
    assert check_log(server).seq < 1000
    assert live_rows(server, ("title",)).keys() == fold_log(server).keys()


def test_two_workers_never_fork_the_log_and_the_loser_stands_by(server: Server, processes: ExitStack) -> None:
    logs = [start_worker(processes, server)[1] for _ in range(2)]
    guest = server.guest()
    for number in range(40):
        guest.append("create", f"item{number:011d}", {"title": "x"})
    eventually(lambda: seq_of(server) == 40, "all records")
    check_log(server)
    eventually(lambda: sum(log.count("standing_by") for log in logs) == 1, "the loser's standing by")
    for number in range(40, 80):
        guest.append("create", f"item{number:011d}", {"title": "x"})
    eventually(lambda: seq_of(server) == 80, "all records")
    assert sum(log.count("conflict") for log in logs) == 1, "a standby makes no further conflicts"
    check_log(server)


def test_a_standby_takes_over_from_a_worker_that_was_killed(server: Server, processes: ExitStack) -> None:
    workers = [start_worker(processes, server) for _ in range(2)]
    guest = server.guest()
    number = 0

    def one_stands_by() -> bool:
        nonlocal number
        guest.append("create", f"item{number:011d}", {"title": "x"})
        number += 1
        return any(log.has("standing_by") for _, log in workers)

    eventually(one_stands_by, "the loser's standing by")
    active = next(process for process, log in workers if not log.has("standing_by"))
    eventually(lambda: is_settled(server), "all records")
    active.kill()
    guest.append("create", "last00000000001", {"title": "x"})
    eventually(lambda: is_settled(server), "the takeover", deadline=10)
    check_log(server)


@pytest.mark.slow
def test_a_held_head_is_left_alone_until_the_hold_ends(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    until = time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime(time.time() + 3))
    assert root.batch(("PATCH", path, {"hold_by": "somebody", "hold_until": until})).ok
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: log.has("held"), "the worker's notice")
    assert seq_of(server) == 0
    assert pending(server) == 1
    eventually(lambda: seq_of(server) == 1, "the record after the hold")
    assert log.count("held") == 1


@pytest.mark.slow
def test_a_revoked_token_is_noticed_and_renewed(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    worker = root.records("event_workers")[0]
    # The same password set again makes a new token key: every token given out so far is a guest's now.
    password = {"password": "worker-password", "passwordConfirm": "worker-password"}
    assert root("PATCH", f"/api/collections/event_workers/records/{worker['id']}", json=password).ok
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: seq_of(server) == 1, "the record")
    assert not log.has("conflict")
    assert not log.has("standing_by")


@pytest.mark.slow
def test_a_token_is_renewed_before_it_expires(server: Server, processes: ExitStack) -> None:
    root = server.superuser()
    workers = root("GET", "/api/collections/event_workers").json()
    workers["authToken"]["duration"] = 10
    assert root("PATCH", "/api/collections/event_workers", json={"authToken": workers["authToken"]}).ok
    _, log = start_worker(processes, server)
    guest, end, number = server.guest(), time.monotonic() + 13, 0
    while time.monotonic() < end:
        guest.append("create", f"item{number:011d}", {"title": "x"})
        number += 1
        eventually(lambda: is_settled(server), "the record")
    assert seq_of(server) == number
    assert not log.has("trouble")
    assert not log.has("conflict")


def test_a_changed_rule_of_a_target_stops_nothing_for_good(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    assert root("PATCH", "/api/collections/items", json={"createRule": None}).ok
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: log.has("pocketbase-events attach items"), "what to do")
    assert pending(server) == 1
    server.attach("items")
    eventually(lambda: seq_of(server) == 1, "the record")


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ({"batch": {"enabled": False}}, {"batch": {"enabled": True, "maxRequests": 1000}}, "batch API is switched off"),
        (
            {"rateLimits": {"enabled": True, "rules": [{"label": "/api/batch", "maxRequests": 1, "duration": 60}]}},
            {"rateLimits": {"enabled": False}},
            "rate limiter refuses",
        ),
    ],
)
def test_settings_that_keep_the_worker_from_recording_are_reported_and_waited_out(
    server: Server, processes: ExitStack, wrong: dict[str, Any], right: dict[str, Any], says: str
) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    assert root("PATCH", "/api/settings", json=wrong).ok

    def told() -> bool:
        guest.append("create", f"item{time.time_ns() % 10**11:011d}", {"title": "x"})
        return log.has(says)

    eventually(told, "the sentence")
    assert pending(server) > 0
    assert root("PATCH", "/api/settings", json=right).ok
    eventually(lambda: is_settled(server), "all records")
    eventually(lambda: log.has("recovered"), "the news that all is well")
    check_log(server)


def test_a_log_that_went_back_is_gone_on_from(server: Server, processes: ExitStack) -> None:
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    _, log = start_worker(processes, server)
    eventually(lambda: seq_of(server) == 1, "the first record")
    server.stop()
    backup = (server.data / "data.db").read_bytes()
    server.start()
    guest.append("create", "item00000000002", {"title": "x"})
    eventually(lambda: seq_of(server) == 2, "the second record")
    server.stop()
    (server.data / "data.db").write_bytes(backup)
    server.start()
    guest.append("create", "item00000000003", {"title": "x"})
    eventually(lambda: seq_of(server) == 2 and is_settled(server), "the record after the restored backup")
    assert log.has("log_went_back")
    assert check_log(server).seq == 2
    assert sorted(live_rows(server, ("id",))) == ["item00000000001", "item00000000003"]
