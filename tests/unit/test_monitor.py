"""Health and metrics of a worker, by what it tells."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from pocketbase_events.jobs.monitor import STALE, Monitor
from pocketbase_events.pb.records import Status

START = datetime(2026, 1, 1, tzinfo=UTC)
LOOKED = Status(
    seq=7, hash="", hold_until="", hold_by="", last_seq=7, last_hash="", last_timestamp="", pending=2, rejected=1,
    oldest_pending="", now="2026-01-01 00:00:00.000Z", triggers=(),
)  # fmt: skip


class Time:
    """A clock that stands still unless it is set forth."""

    seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def timer(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def wake() -> threading.Event:
    return threading.Event()


@pytest.fixture
def monitor(time: Time, wake: threading.Event) -> Monitor:
    return Monitor("1.2.3", wake, time.now, time.timer)


def value(monitor: Monitor, name: str) -> float:
    (line,) = (line for line in monitor.metrics().decode().splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def test_the_metrics_are_new_before_anybody_hears_of_a_look_or_of_trouble(wake: threading.Event) -> None:
    told: list[tuple[float, float]] = []

    def timer() -> float:
        """Asked just before those who wait for the worker hear of it."""
        told.append((value(monitor, "pocketbase_events_head_seq"), value(monitor, "pocketbase_events_trouble")))
        return 0.0

    monitor = Monitor("1.2.3", wake, timer=timer)
    monitor.looked(LOOKED)
    monitor.trouble("The disk is full.")
    assert told == [(7, 0), (7, 1)]


def test_a_worker_that_has_not_looked_yet_is_not_healthy(monitor: Monitor) -> None:
    assert not monitor.health().ok


def test_a_worker_that_looks_is_healthy_until_its_look_is_stale(monitor: Monitor, time: Time) -> None:
    monitor.realtime(True)
    monitor.looked(LOOKED)
    time.seconds = STALE
    assert (monitor.health().ok, monitor.health().sentence) == (True, "The worker records.")
    time.seconds = STALE + 1
    assert not monitor.health().ok
    assert "for 11 s, since 2026-01-01 00:00:00.000Z" in monitor.health().sentence
    monitor.looked()
    assert monitor.health().ok


def test_trouble_is_named_with_its_beginning_until_it_is_over(monitor: Monitor, time: Time) -> None:
    monitor.looked(LOOKED)
    monitor.trouble("The disk is full.")
    time.seconds = 4
    monitor.trouble("The disk is still full.")
    assert monitor.health().sentence == (
        "The disk is still full. It has been so for 4 s, since 2026-01-01 00:00:00.000Z."
    )
    assert not monitor.health().ok
    assert value(monitor, "pocketbase_events_trouble") == 1
    monitor.trouble("")
    assert monitor.health().ok
    assert value(monitor, "pocketbase_events_trouble") == 0


def test_an_answer_wakes_an_idle_worker_and_waits_for_its_look(monitor: Monitor, wake: threading.Event) -> None:
    def look() -> None:
        wake.wait()
        monitor.looked(LOOKED)

    worker = threading.Thread(target=look)
    worker.start()
    monitor.renew()
    worker.join()
    assert monitor.health().ok
    wake.clear()
    monitor.renew()
    assert not wake.is_set(), "the look is fresh"


def test_standby_hold_and_lost_realtime_are_healthy_and_named(monitor: Monitor) -> None:
    monitor.looked(LOOKED)
    assert "Realtime is not connected" in monitor.health().sentence
    monitor.realtime(True)
    monitor.stands_by(standby=True)
    assert "stands by" in monitor.health().sentence
    monitor.looked(LOOKED.model_copy(update={"hold_until": "2026-01-01 00:01:00.000Z", "hold_by": "rebuild"}))
    assert "held by rebuild until 2026-01-01 00:01:00.000Z" in monitor.health().sentence
    assert monitor.health().ok


def test_realtime_counts_as_reconnected_only_after_it_was_lost(monitor: Monitor) -> None:
    for connected in (False, True, True, False, False, True):
        monitor.realtime(connected)
    assert value(monitor, "pocketbase_events_realtime_reconnects_total") == 1
