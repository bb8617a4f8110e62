"""Under a load that never ends, the worker waits until there are enough events to be recorded at once."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from pocketbase_events.core.transaction import STAMPED_FROM
from pocketbase_events.jobs.record.heard import A_MOMENT, GATHERING, MOST_SKIPPED, Heard


class Load:
    """Events that realtime tells of while somebody sleeps, by a clock of their own."""

    def __init__(self, arriving: Callable[[float], int]) -> None:
        self.now = 0.0
        self.heard = Heard(threading.Event(), lambda: self.now, self._sleep)
        self._arriving, self._ids = arriving, 0

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.tell(self._arriving(seconds))

    def tell(self, events: int) -> None:
        for _ in range(events):
            self._ids += 1
            self.heard.told({"id": f"e{self._ids}"})

    def gathering(self, recorded: tuple[str, ...] = ()) -> float:
        """Seconds for which it waits after it heard of one more event."""
        started = self.now
        self.tell(1)
        self.heard.gather(recorded)
        self.heard.take()
        return self.now - started


def at(rate: float) -> Load:
    """So many events a second."""
    return Load(lambda seconds: round(rate * seconds))


@pytest.mark.parametrize("rate", [600, 2000, 20_000])
def test_it_waits_while_events_arrive_fast_until_there_are_enough(rate: int) -> None:
    waited = at(rate).gathering()
    assert STAMPED_FROM / rate - A_MOMENT <= waited <= STAMPED_FROM / rate + A_MOMENT


@pytest.mark.parametrize("rate", [0, 100, 300])
def test_it_waits_a_moment_only_if_they_arrive_slowly(rate: int) -> None:
    assert at(rate).gathering() == pytest.approx(A_MOMENT)


def test_it_waits_no_longer_than_promised_if_they_stop_arriving() -> None:
    load = at(0)
    load.tell(STAMPED_FROM - 2)
    assert load.gathering() == pytest.approx(GATHERING, abs=A_MOMENT)


def test_after_a_vain_attempt_the_next_comes_later_each_time_and_at_last_rarely() -> None:
    load = at(0)
    attempts = [round_ for round_ in range(2000) if load.gathering()]
    apart = [later - earlier - 1 for earlier, later in pairwise(attempts)]
    assert apart[:5] == [4, 16, 64, MOST_SKIPPED, MOST_SKIPPED]


def test_once_it_was_worth_it_it_is_tried_each_time() -> None:
    arriving = [0]
    load = Load(lambda _: arriving[0])
    for _ in range(100):
        load.gathering()
    arriving[0] = STAMPED_FROM
    assert any(load.gathering() for _ in range(MOST_SKIPPED + 1))
    assert all(load.gathering() for _ in range(10))


def test_events_that_are_recorded_already_don_t_count() -> None:
    load = at(0)
    load.tell(STAMPED_FROM)
    assert load.gathering(tuple(f"e{number}" for number in range(STAMPED_FROM + 2))) == 0


def test_what_it_keeps_of_a_long_backlog_is_bounded() -> None:
    load = at(0)
    load.tell(100_000)
    assert len(load.heard._ids) == 1000  # noqa: SLF001 - nothing else shows it
