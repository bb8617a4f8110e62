"""How often a worker looks, what it writes into its log, and how it shows that it is there."""

import fcntl
import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from support import DEADLINE, Server, check_log, command, create, eventually, item_id, seq_of
from support.workers import is_settled, start_worker

from pocketbase_events.jobs.record.presence import SHOWN_EVERY, Presence
from pocketbase_events.jobs.record.worker import BUSY_LOOK, DEAF_LOOK, HEARD_WITHIN, IDLE_LOOK, STANDBY_LOOK


class Waits(threading.Event):
    """A wake-up that nobody sets. It notes how long the worker would wait, and ends it after some times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.stop = threading.Event()
        self.noted: list[float | None] = []
        self._times = times

    def wait(self, timeout: float | None = None) -> bool:
        self.noted.append(timeout)
        if len(self.noted) >= self._times:
            self.stop.set()
            self.set()
        return self.is_set()


@dataclass
class Stream:
    """Realtime, connected or not, that tells nothing."""

    connected: bool
    reconnects: int = 0

    def reconnect(self) -> None:
        self.reconnects += 1


@pytest.mark.parametrize(("connected", "every"), [(True, IDLE_LOOK), (False, DEAF_LOOK)])
def test_an_idle_worker_looks_twice_a_minute_and_more_often_while_realtime_is_lost(
    server: Server, connected: bool, every: float
) -> None:
    waits = Waits(5)
    server.worker().run(waits.stop, waits, Stream(connected))
    assert waits.noted == [every] * 5
    assert IDLE_LOOK >= 30


def test_soon_after_something_was_recorded_it_looks_once_more(server: Server) -> None:
    server.guest().append("create", item_id(1), {"title": "x"})
    waits = Waits(6)
    waits.set()  # as realtime does for an event
    server.worker().run(waits.stop, waits, Stream(connected=True))
    assert check_log(server).seq == 1
    assert waits.noted[1:] == [DEAF_LOOK, *[IDLE_LOOK] * 4], "after a moment of rest"


def test_events_that_realtime_did_not_tell_of_are_found_and_it_is_connected_anew(server: Server) -> None:
    server.guest().append("create", item_id(1), {"title": "x"})
    waits, stream = Waits(4), Stream(connected=True)
    server.worker().run(waits.stop, waits, stream)
    assert check_log(server).seq == 1
    assert HEARD_WITHIN in waits.noted
    assert stream.reconnects == 1


def last_seen(server: Server) -> str:
    return str(server.superuser().records("event_workers")[0]["last_seen"])


def test_a_worker_shows_by_pocketbase_s_clock_when_it_has_last_looked_twice_a_minute_at_most(server: Server) -> None:
    gateway, clock = server.gateway(), 0.0
    presence = Presence(gateway, lambda: clock)
    first = gateway.status()
    presence.looked(first)
    assert last_seen(server) == first.now
    for clock in (1.0, SHOWN_EVERY - 1):  # noqa: B007 - it is the presence that reads it
        presence.looked(gateway.status())
    assert last_seen(server) == first.now
    clock = SHOWN_EVERY
    later = gateway.status()
    presence.looked(later)
    assert last_seen(server) == later.now > first.now


def test_showing_that_it_is_there_changes_nothing_else_of_its_account(server: Server) -> None:
    before = server.superuser().records("event_workers")[0]
    gateway = server.gateway()
    gateway.show_seen(gateway.status().now)
    after = server.superuser().records("event_workers")[0]
    assert {**after, "last_seen": before["last_seen"]} == before
    assert server.worker_client().user_id == before["id"], "the password is what it was"


def test_a_worker_that_stands_by_shows_that_it_is_there(server: Server, caplog_events: list[dict[str, Any]]) -> None:
    other, clock, seen = server.worker(), [0.0], [""]

    class Wake(threading.Event):
        """Another worker is faster."""

        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - it ends at once
            for number in (1, 2):
                other.run_to_end(threading.Event())
                server.guest().append("create", item_id(number), {"title": "x"})
            return True

    class Stop(threading.Event):
        """Time passes while the worker stands by."""

        def wait(self, timeout: float | None = None) -> bool:
            other.run_to_end(threading.Event())
            seen.append(last_seen(server))
            clock[0] += timeout or 0
            if clock[0] > SHOWN_EVERY + STANDBY_LOOK:
                self.set()
            return self.is_set()

    server.worker(timer=lambda: clock[0]).run(Stop(), Wake(), Stream(connected=True))
    assert [entry["event"] for entry in caplog_events].count("standing_by") == 1
    assert seen[-1] > seen[1]
    assert check_log(server).seq == 2


def test_a_worker_that_may_not_show_it_goes_on(server: Server) -> None:
    assert server.superuser()("PATCH", "/api/collections/event_workers", json={"updateRule": None}).ok
    server.guest().append("create", item_id(1), {"title": "x"})
    waits = Waits(3)
    server.worker().run(waits.stop, waits, Stream(connected=True))
    assert check_log(server).seq == 1


@pytest.mark.slow
def test_a_backlog_is_told_in_about_a_line_a_second(server: Server, processes: ExitStack) -> None:
    for start in range(0, 2000, 200):
        server.guest().append_all(*(create(n) for n in range(start, start + 200)))
    started = time.monotonic()
    _, log = start_worker(processes, server)
    eventually(lambda: is_settled(server), "all records")
    took = time.monotonic() - started
    eventually(lambda: log.has("seq=2000"), "the last line")
    assert log.count(" recorded ") <= took + 2
    assert BUSY_LOOK <= 10


def unread_pipe(stack: ExitStack) -> int:
    """A pipe that is full, and that nobody reads; its writing end."""
    read, write = os.pipe()
    stack.callback(os.close, read)
    flags = fcntl.fcntl(write, fcntl.F_GETFL)
    fcntl.fcntl(write, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    fcntl.fcntl(write, fcntl.F_SETFL, flags)
    return write


def abandoned_pipe(_: ExitStack) -> int:
    """A pipe whose reader has gone; its writing end."""
    read, write = os.pipe()
    os.close(read)
    return write


def full_disk(_: ExitStack) -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.slow
@pytest.mark.parametrize("stderr", [unread_pipe, abandoned_pipe, full_disk])
@pytest.mark.parametrize("arguments", [("run",), ("run", "--json")])
def test_a_worker_whose_log_can_not_be_written_goes_on(
    server: Server, processes: ExitStack, stderr: object, arguments: tuple[str, ...]
) -> None:
    assert callable(stderr)
    written = stderr(processes)
    process = processes.enter_context(
        command(*arguments, env=server.environment, stderr=written, stdout=subprocess.DEVNULL)
    )
    os.close(written)
    for number in range(3):
        server.guest().append("create", item_id(number), {"title": "x"})
        eventually(lambda number=number: seq_of(server) == number + 1, "the record")
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0
