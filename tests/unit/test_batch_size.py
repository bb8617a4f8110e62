"""How many events the next transaction records."""

import random
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketbase_events.core.batch import MAX_EVENTS
from pocketbase_events.core.transaction import STAMPED_FROM
from pocketbase_events.jobs.record.batch_size import FIRST, LONGEST_TIME, MAX, TRANSACTION_TIME, BatchSize, Sizes, cost

AN_EVENT = 0.00025  # seconds that PocketBase works on one, on a fast machine
OVERHEAD = 0.003  # seconds that it works on any transaction

Seconds = Callable[[int], float]  # that a transaction of so many events takes


def after(takes: Seconds, count: int, start: BatchSize, away: float = 0.0) -> tuple[BatchSize, list[int]]:
    """Record so many transactions of a backlog; what was learned, and their sizes."""
    size, found = start, []
    for _ in range(count):
        found.append(size.next)
        size = size.after(size.next, takes(size.next), away)
    return size, found


def sizes(takes: Seconds, count: int = 100, start: BatchSize | None = None, away: float = 0.0) -> list[int]:
    """The sizes of transactions while a backlog is recorded."""
    return after(takes, count, start or BatchSize(), away)[1]


def worked(events: int, an_event: float = AN_EVENT) -> float:
    return OVERHEAD + events * an_event


def settled(found: list[int]) -> float:
    """The usual size in the end, samples aside."""
    return sorted(found[-30:])[15]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, MAX), st.floats(0, 10)), max_size=50))
def test_it_keeps_within_its_bounds_whatever_transactions_take(transactions: list[tuple[int, float]]) -> None:
    size = BatchSize()
    for events, seconds in transactions:
        size = size.after(events, seconds)
        assert 1 <= size.next <= size.events + 1
        assert max(size.next, size.events) <= MAX <= MAX_EVENTS


@pytest.mark.parametrize("an_event", [AN_EVENT, 0.001, 0.003, 0.01])
def test_pocketbase_works_on_a_transaction_about_as_long_as_it_should(an_event: float) -> None:
    found = settled(sizes(lambda events: worked(events, an_event)))
    assert 0.6 * TRANSACTION_TIME <= found * an_event <= 1.4 * TRANSACTION_TIME


def test_one_event_that_takes_longer_than_that_is_recorded_alone() -> None:
    found = sizes(lambda events: worked(events, 1.0))[-20:]
    assert found.count(1) >= 17
    assert max(found) == 2, "now and then two are tried"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("away", [0.02, 0.08, 0.3])
def test_distance_makes_no_transaction_smaller(away: float, seed: int) -> None:
    choose = random.Random(seed)
    near = settled(sizes(worked))
    far = settled(sizes(lambda events: worked(events) + away * choose.uniform(0.9, 1.3), away=away))
    assert 0.8 * near <= far <= 1.8 * near


@pytest.mark.parametrize("seed", range(5))
def test_waiting_for_somebody_else_s_transactions_makes_none_smaller(seed: int) -> None:
    choose = random.Random(seed)
    found = sizes(lambda events: worked(events) + choose.uniform(0.1, 0.3), 200)
    assert settled(found) >= 0.7 * settled(sizes(worked))


def test_events_that_become_costly_make_transactions_smaller_within_some_of_them() -> None:
    size, _ = after(worked, 60, BatchSize())
    costly = sizes(lambda events: worked(events, 20 * AN_EVENT), 25, size)
    assert size.events > 200
    assert costly[-1] < 30


@pytest.mark.parametrize("seed", range(5))
def test_beside_a_client_with_long_transactions_ours_may_be_as_long_until_it_has_gone(seed: int) -> None:
    choose = random.Random(seed)
    slow = partial(worked, an_event=0.001)
    size, found = after(lambda events: slow(events) + choose.uniform(0.2, 0.3), 100, BatchSize())
    assert 0.15 <= settled(found) * 0.001 <= LONGEST_TIME
    assert settled(sizes(slow, 60, size)) * 0.001 <= 1.4 * TRANSACTION_TIME


def test_it_grows_again_after_the_smallest_one() -> None:
    assert settled(sizes(worked, start=BatchSize(events=1))) > 200


def test_the_transaction_after_a_sample_is_a_large_one_though_it_is_made_ready_before_the_answer() -> None:
    size, _ = after(worked, 60, BatchSize())
    while size.next == size.events:
        size = size.after(size.next, worked(size.next))
    assert size.beside(size.next).next == size.events


def test_a_short_line_tells_nothing_about_long_ones() -> None:
    size = BatchSize(100)
    for _ in range(50):
        size = size.after(3, 0.004)
    assert size.events == 100


def test_what_pocketbase_was_found_to_take_at_most_holds_until_its_limits_may_have_changed() -> None:
    size = BatchSize(FIRST).limited(7)
    assert max(sizes(worked, 10, size)) == 7
    assert max(sizes(worked, 10, size.unlimited())) > 7


def test_trouble_halves_it_down_to_one() -> None:
    size = BatchSize(5)
    assert [(size := size.after_trouble()).events for _ in range(4)] == [2, 1, 1, 1]


def test_a_limit_of_transactions_a_second_doubles_it() -> None:
    assert BatchSize(5).rarer().events == 10
    assert BatchSize(MAX).rarer().events == MAX


def test_the_cost_of_an_event_is_unknown_while_all_transactions_are_alike() -> None:
    assert cost([]) is None
    assert cost([(50, 0.1), (49, 0.1)]) is None
    assert cost([(50, 0.1), (10, 0.02)]) == pytest.approx(0.002)


def test_stamped_transactions_keep_within_their_bounds_and_learn_what_an_event_costs() -> None:
    start = Sizes().stamped
    cheap, dear = sizes(worked, start=start), sizes(lambda events: worked(events, 0.01), start=start)
    assert 0.6 * TRANSACTION_TIME <= settled(cheap) * AN_EVENT <= 1.4 * TRANSACTION_TIME
    assert settled(dear) == min(dear) == STAMPED_FROM


def test_a_transaction_is_stamped_if_enough_events_are_pending_and_pocketbase_takes_so_many() -> None:
    both = Sizes()
    assert both.of(STAMPED_FROM, stamping=True) == both.stamped
    assert both.of(STAMPED_FROM - 1, stamping=True) == both.of(STAMPED_FROM, stamping=False) == both.alone
    limited = both.change(lambda size: size.limited(50))
    assert limited.of(STAMPED_FROM, stamping=True) == limited.alone
    assert limited.alone.events == 50
