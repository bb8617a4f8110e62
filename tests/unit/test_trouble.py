"""What the worker says of trouble, and how soon it tries again."""

from collections.abc import MutableMapping
from typing import Any

from pocketbase_events.errors import CredentialsRefusedError, RateLimitedError, UnreachableError, WrongClockError
from pocketbase_events.jobs.record.trouble import FIRST_RETRY, LAST_RETRY, TOLD_AGAIN_AFTER, Trouble

DOWN = UnreachableError(url="http://x", why="ConnectionError")
LIMITED = RateLimitedError(limit="*:create")

Entries = list[MutableMapping[str, Any]]


class Clock:
    """A timer that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def said(entries: Entries) -> list[str]:
    return [entry["event"] for entry in entries]


def test_it_is_reported_once_and_so_is_that_it_is_over(caplog_events: Entries) -> None:
    clock = Clock()
    trouble = Trouble(clock)
    for _ in range(20):
        trouble.met(DOWN)
        clock.now += 1
    trouble.is_over()
    trouble.is_over()
    assert said(caplog_events) == ["trouble", "recovered"]
    assert caplog_events[-1]["after_s"] == 20


def test_trouble_that_comes_and_goes_is_reported_once_a_minute(caplog_events: Entries) -> None:
    clock = Clock()
    trouble = Trouble(clock)
    for _ in range(10 * int(TOLD_AGAIN_AFTER)):
        trouble.met(LIMITED)
        trouble.is_over()
        clock.now += 0.5
    assert said(caplog_events) == ["trouble", "recovered"] * 5


def test_trouble_that_stays_is_reported_again_with_how_long_it_lasts(caplog_events: Entries) -> None:
    clock = Clock()
    trouble = Trouble(clock)
    for _ in range(3):
        trouble.met(DOWN)
        clock.now += TOLD_AGAIN_AFTER
    assert [entry["for_s"] for entry in caplog_events] == [0, TOLD_AGAIN_AFTER, 2 * TOLD_AGAIN_AFTER]


def test_trouble_whose_sentence_has_the_time_is_told_once(caplog_events: Entries) -> None:
    trouble = Trouble(Clock())
    for second in range(10):
        trouble.met(WrongClockError(ours=f"2026-01-01 10:00:0{second}", theirs=f"2026-01-01 11:00:0{second}"))
    assert said(caplog_events) == ["trouble"]


def test_another_kind_of_trouble_is_news(caplog_events: Entries) -> None:
    trouble = Trouble(Clock())
    trouble.met(DOWN)
    trouble.met(LIMITED)
    trouble.met(DOWN)
    assert [entry["why"] for entry in caplog_events] == [str(DOWN), str(LIMITED)]


def test_waits_grow_up_to_a_second_and_begin_anew_when_it_is_over() -> None:
    trouble = Trouble(Clock())
    waits = [trouble.met(DOWN) for _ in range(6)]
    assert waits == sorted(waits)
    assert waits[-1] == LAST_RETRY
    trouble.is_over()
    assert trouble.met(DOWN) == waits[0] < LAST_RETRY


def test_what_was_refused_is_offered_less_often() -> None:
    refused = CredentialsRefusedError(url="http://x", role="worker", email="w", variable="V")
    assert Trouble(Clock()).met(refused) > LAST_RETRY


def test_after_an_attempt_that_took_long_the_next_one_comes_sooner() -> None:
    trouble = Trouble(Clock())
    waits = [trouble.met(DOWN, took=took) for took in (0.0, 0.0, 0.0, 0.4, 3.5)]
    assert waits == [FIRST_RETRY, 2 * FIRST_RETRY, LAST_RETRY, LAST_RETRY - 0.4, FIRST_RETRY]
