"""How long to wait for an answer."""

from pocketbase_events.jobs.record.patience import CALM, LONGEST, USUAL, Patience


def test_silence_doubles_the_wait_for_that_collection_up_to_a_limit() -> None:
    patience = Patience()
    waits = []
    for _ in range(8):
        waits.append(patience.within(["slow", "other"]))
        patience = patience.after_failure(["slow"], waits[-1], answered=False)
    assert waits[:4] == [USUAL, 2 * USUAL, 4 * USUAL, 8 * USUAL]
    assert waits[-1] == LONGEST
    assert patience.within(["other"]) == USUAL


def test_a_time_out_of_pocketbase_s_own_needs_no_longer_wait_and_marks_the_collection_as_slow() -> None:
    patience = Patience().after_failure(["slow"], USUAL, answered=True)
    assert (patience.within(["slow"]), patience.slow) == (USUAL, {"slow"})


def test_a_slow_success_is_remembered_with_as_much_again() -> None:
    patience = Patience().after_failure(["slow"], USUAL, answered=False).after_commit(["slow"], 5.0)
    assert patience.within(["slow"]) == 10.0


def test_a_collection_that_has_become_fast_is_forgotten_after_a_while() -> None:
    patience = Patience().after_failure(["slow"], USUAL, answered=False)
    for _ in range(CALM - 1):
        patience = patience.after_commit(["slow", "other"], 0.01)
    assert patience.within(["slow"]) == 2 * USUAL
    assert patience.after_commit(["slow"], 0.01) == Patience()
