"""Comparing the two clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from pocketbase_events.core.events import timestamp_of
from pocketbase_events.errors import WrongClockError
from pocketbase_events.jobs.record.clock import Clock

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Machine:
    """A machine whose clock can be set, and whose timer goes on."""

    def __init__(self) -> None:
        self.time, self.timer = START, 1000.0
        self.clock = Clock(lambda: self.time, lambda: self.timer)

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.timer += seconds

    def compare(self, away: float) -> None:
        """Compare with a PocketBase whose clock is so many seconds ahead."""
        self.clock.compare(timestamp_of(self.time + timedelta(seconds=away)))


@pytest.mark.parametrize("away", [0, 59, -59, 0.5])
def test_a_difference_of_less_than_a_minute_is_tolerated(away: float) -> None:
    machine = Machine()
    machine.compare(away)
    machine.wait(3600)
    assert machine.clock.time() == START + timedelta(hours=1)


@pytest.mark.parametrize("away", [61, -61, 86_400 * 365 * 5])
def test_a_larger_difference_is_refused_and_both_times_are_named(away: float) -> None:
    machine = Machine()
    with pytest.raises(WrongClockError, match="2026-05-01 12:00:00"):
        machine.compare(away)


@pytest.mark.parametrize("step", [timedelta(minutes=2), timedelta(days=-900)])
def test_a_clock_that_was_set_is_not_believed_until_it_was_compared_again(step: timedelta) -> None:
    machine = Machine()
    machine.compare(0)
    machine.time += step
    with pytest.raises(WrongClockError):
        machine.clock.time()
    machine.compare(0)
    assert machine.clock.time() == START + step
