"""Any edit of a recorded chain is found where it was made."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from support.chain_edits import CONTENT, Edit, edited_chains, field_edit
from support.chains import (
    FLAW,
    chained,
    chains,
    found,
    hashed_again,
    reasons,
    simple_chain,
    written,
)

from pocketbase_events.core.chain import Chain
from pocketbase_events.core.events import EMPTY, Recorded


def is_near(seq: int, about: set[int]) -> bool:
    return any(abs(seq - each) <= 1 for each in about)


# -- laws --------------------------------------------------------------------------------------------------


@given(chains())
def test_an_untouched_chain_has_no_problems(chain: list[Recorded]) -> None:
    assert found(chain) == []
    assert found(chain, chain[-1].head) == []


def test_an_empty_chain_has_no_problems() -> None:
    assert found([], EMPTY) == []


@given(edited_chains())
def test_any_single_edit_of_a_chain_is_found_where_it_was_made(
    case: tuple[list[Recorded], list[Recorded], set[int]],
) -> None:
    chain, edited, about = case
    problems = found(edited, chain[-1].head)
    assert problems
    assert is_near(problems[0].seq, about), problems
    # A database gives the recorded events in the order of their seq.
    in_database = sorted((event for event in edited if event.seq > 0), key=lambda event: event.seq)
    problems = found(in_database, chain[-1].head)
    assert bool(problems) == (written(in_database) != written(chain))
    assert not problems or is_near(problems[0].seq, about), problems


class Thorough(Chain):
    """Takes the long way with every event."""

    def _is_right(self, _: Recorded) -> bool:
        return False


@given(edited_chains())
def test_the_short_way_with_right_events_hides_nothing(
    case: tuple[list[Recorded], list[Recorded], set[int]],
) -> None:
    chain, edited, _ = case
    for head in (None, chain[-1].head):
        assert found(edited, head) == found(edited, head, Thorough)
        assert found(chained(edited), head) == found(chained(edited), head, Thorough)


def test_the_short_way_forgets_neither_an_event_out_of_order_nor_one_that_can_not_be_read() -> None:
    chain = simple_chain(6)
    out_of_order = [chain[place] for place in (0, 1, 2, 1, 3, 2, 4, 5)]
    unreadable = [*chain[:2], replace(chain[2], flaw=FLAW), *chain[3:]]
    for edited in (out_of_order, unreadable):
        assert found(edited) == found(edited, kind=Thorough)


@given(chains(), st.data())
def test_any_edited_field_is_found_even_without_a_head(chain: list[Recorded], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    edited, about = data.draw(field_edit(chain, place, CONTENT))
    problems = found(edited)
    assert problems
    assert is_near(problems[0].seq, about)


@given(chains(), st.data())
def test_an_end_that_was_removed_is_found_through_the_head_alone(chain: list[Recorded], data: st.DataObject) -> None:
    rest = chain[: data.draw(st.integers(0, len(chain) - 1))]
    assert found(rest) == []
    problems = found(rest, chain[-1].head)
    assert [problem.seq for problem in problems] == [len(chain)]
    assert "head disagrees" in problems[0].reason
    assert found(rest, rest[-1].head if rest else EMPTY) == []


@given(chains(least=2), st.data())
def test_a_rewritten_event_breaks_its_link_with_the_next_one(chain: list[Recorded], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    edited, _ = data.draw(field_edit(chain, place, ("actor", "collection", "item_id", "type", "data")))
    edited[place] = hashed_again(edited[place], chain[place - 1].hash if place else "")
    problems = found(edited, chain[-1].head)
    if place + 1 < len(chain):
        assert [problem.seq for problem in problems] == [place + 2]
        assert f"or seq {place + 1} was rewritten" in problems[0].reason
    else:
        assert [problem.seq for problem in problems] == [place + 1]
        assert "head disagrees" in problems[0].reason


def one_of_many(chain: list[Recorded], place: int) -> st.SearchStrategy[Edit]:
    """An edit of a chain that leaves what is further away as it is."""
    without = ([*chain[:place], *chain[place + 1 :]], {place + 1})
    doubled = ([*chain[: place + 1], *chain[place:]], {place + 1})
    swapped = ([*chain[:place], *reversed(chain[place : place + 2]), *chain[place + 2 :]], {place + 1, place + 2})
    whole = [without, doubled] + ([swapped] if place + 1 < len(chain) else [])
    return st.sampled_from(whole) | field_edit(chain, place, CONTENT)


@given(chains(least=5, most=9), st.data())
def test_two_edits_apart_from_each_other_are_both_found(chain: list[Recorded], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(chain) - 4))
    second = data.draw(st.integers(first + 3, len(chain) - 1))
    edited, about_second = data.draw(one_of_many(chain, second))
    untouched = [event for event in chain[: second - 1] if event in edited]
    assert untouched == chain[: second - 1]
    edited, about_first = data.draw(one_of_many(edited, first))
    # A timestamp set far ahead makes all that come after it late: that one is not what the second edit is found by.
    problems = [problem for problem in found(edited, chain[-1].head) if "time runs" not in problem.reason]
    for about in (about_first, about_second):
        assert any(is_near(problem.seq, about) for problem in problems), (about, problems)


def test_an_event_that_is_out_of_place_hides_no_edit_after_it() -> None:
    chain = simple_chain(12)
    chain[2] = replace(chain[2], seq=1000)
    chain[8] = replace(chain[8], data={"qty": -1})
    assert any(seq == 9 and reason.startswith("changed") for seq, reason in reasons(chain))
