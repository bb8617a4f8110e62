"""The worker as a process: starting, standing by, stopping, and surviving what its users will do to it."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
from proxy import Proxy
from support import (
    DEADLINE,
    Server,
    check_log,
    command,
    create,
    eventually,
    fold_log,
    item_id,
    live_rows,
    pending,
    seq_of,
)
from support.workers import Log, hears, is_settled, start_worker

from pocketbase_events.cli.signals import PATIENCE


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
    eventually(lambda: seq_of(server) == 1, "the record")
    eventually(lambda: log.has("recovered"), "the news that all is well")
    told = [re.sub(r".*why=|(for|retry_in)_s=.*", "", line) for line in log.lines if "trouble" in line]
    assert len(set(told)) == len(told), "each trouble once"
    # A PocketBase that is back before the stream is missed is no news.
    assert log.count("realtime_lost") <= 1
    eventually(lambda: hears(server), "the stream's return")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_the_middle_of_its_work(
    server: Server, processes: ExitStack, how: signal.Signals
) -> None:
    server.guest().append_all(*(create(number) for number in range(1000)))
    proxy, goes_on = Proxy(server.port), threading.Event()
    processes.callback(proxy.close)

    def hold(request: bytes) -> None:
        """Keep the transactions after the first one until the signal is sent."""
        if request.startswith(b"POST /api/batch") and seq_of(server) > 0:
            goes_on.wait(DEADLINE)

    proxy.guard(hold)
    process, log = start_worker(processes, server, POCKETBASE_URL=proxy.url)
    eventually(lambda: seq_of(server) > 0, "the first record")
    process.send_signal(how)
    sent = time.monotonic()
    goes_on.set()
    assert process.wait(DEADLINE) == 0
    took = time.monotonic() - sent
    log.ends()
    assert log.has("stopped") or took > PATIENCE
    assert check_log(server).seq < 1000
    eventually(lambda: live_rows(server, ("title",)).keys() == fold_log(server).keys(), "the rows of the log")


def test_two_workers_never_fork_the_log_and_the_loser_stands_by(server: Server, processes: ExitStack) -> None:
    logs = [start_worker(processes, server)[1] for _ in range(2)]
    appends = appending(server)
    eventually(lambda: next(appends) and any(map(stands_by, logs)), "the loser's standing by")
    for _ in range(40):
        number = next(appends)
    eventually(lambda: is_settled(server), "all records")
    assert check_log(server).seq == number
    conflicts = sum(log.count("conflict") for log in logs)
    assert conflicts <= 1 + sum(log.count("taking_over") for log in logs), "a standby makes no further conflicts"


def appending(server: Server) -> Iterator[int]:
    """Appends an event each time, and tells how many there are."""
    guest = server.guest()
    for number in count(1):
        guest.append("create", item_id(number), {"title": "x"})
        yield number


def stands_by(log: Log) -> bool:
    """Whether it does now: one that was starved may have been taken for dead."""
    return log.count("standing_by") > log.count("taking_over")


def test_a_standby_takes_over_from_a_worker_that_was_killed(server: Server, processes: ExitStack) -> None:
    workers = [start_worker(processes, server) for _ in range(2)]
    appends = appending(server)
    eventually(lambda: next(appends) and any(stands_by(log) for _, log in workers), "the loser's standing by")
    eventually(lambda: is_settled(server), "all records")
    active = next(process for process, log in workers if not stands_by(log))
    active.kill()
    next(appends)
    eventually(lambda: is_settled(server), "the takeover")
    check_log(server)


@pytest.mark.slow
def test_a_held_head_is_left_alone_until_the_hold_ends(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"

    def hold(seconds: float) -> None:
        until = time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime(time.time() + seconds))
        assert root.batch(("PATCH", path, {"hold_by": "somebody", "hold_until": until})).ok

    hold(600)
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: log.has("held"), "the worker's notice")
    assert seq_of(server) == 0
    assert pending(server) == 1
    hold(1)
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
    assert not [line for line in log.lines if "trouble" in line and "no answer in time" not in line]
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
    eventually(lambda: log.has("log_went_back"), "the news of it")
    assert check_log(server).seq == 2
    assert sorted(live_rows(server, ("id",))) == ["item00000000001", "item00000000003"]
