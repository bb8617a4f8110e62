"""How many events the next transaction records."""

from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.batch import MAX_EVENTS
from pocketbase_events.jobs.record.batch_size import FIRST, MAX, TRANSACTION_TIME, BatchSize

taken = st.lists(st.tuples(st.integers(1, MAX), st.floats(0, 10)), max_size=50)


@given(taken)
def test_it_keeps_within_its_bounds_whatever_transactions_take(transactions: list[tuple[int, float]]) -> None:
    size = BatchSize()
    for events, seconds in transactions:
        size = size.after(events, seconds)
        assert 1 <= size.events <= MAX <= MAX_EVENTS


def test_a_slow_transaction_makes_the_next_one_smaller_and_a_fast_full_one_larger() -> None:
    assert BatchSize(100).after(100, 10 * TRANSACTION_TIME) == BatchSize(50)
    assert BatchSize(100).after(100, TRANSACTION_TIME / 10) == BatchSize(125)


def test_a_small_transaction_that_was_fast_tells_nothing() -> None:
    assert BatchSize(100).after(3, 0.001) == BatchSize(100)


def test_one_event_does_not_stay_one_for_ever() -> None:
    size = BatchSize(1)
    for _ in range(40):
        size = size.after(size.events, 0.001)
    assert size.events == MAX


def test_what_pocketbase_was_found_to_take_at_most_holds_until_its_limits_may_have_changed() -> None:
    size = BatchSize(FIRST).limited(7)
    for _ in range(10):
        size = size.after(size.events, 0.001)
    assert size.events == 7
    assert size.unlimited().after(7, 0.001).events > 7


def test_trouble_halves_it_down_to_one() -> None:
    size = BatchSize(5)
    sizes = [size := size.after_trouble() for _ in range(4)]
    assert [each.events for each in sizes] == [2, 1, 1, 1]
