"""Edits of a recorded chain, of every kind."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import rfc8785
from hypothesis import assume
from hypothesis import strategies as st

from pocketbase_events.core.events import Recorded
from support.chains import FLAW, chains, event_ids, json_values, texts, timestamps, types

Edit = tuple[list[Recorded], set[int]]  # the edited chain, and the seqs that the edit is about


def values_of(field: str, chain: list[Recorded]) -> st.SearchStrategy[Any]:
    """What somebody may put into a field of a recorded event, those of other events included."""
    there = st.sampled_from([getattr(event, field) for event in chain]) if field != "data" else st.nothing()
    return (
        there
        | {
            "actor": texts,
            "collection": texts,
            "item_id": texts,
            "type": types | texts,
            "data": json_values,
            "event_id": event_ids | texts,
            "timestamp": timestamps | texts,
            "hash": st.text("0123456789abcdef", min_size=64, max_size=64) | texts,
            "seq": st.integers(-2, len(chain) + 3),
            "flaw": st.just(FLAW),
        }[field]
    )


def is_same(field: str, one: Any, other: Any) -> bool:
    return bool(rfc8785.dumps(one) == rfc8785.dumps(other)) if field == "data" else bool(one == other)


@st.composite
def field_edit(draw: st.DrawFn, chain: list[Recorded], place: int, fields: Sequence[str]) -> Edit:
    field = draw(st.sampled_from(fields))
    event, value = chain[place], draw(values_of(field, chain))
    assume(not is_same(field, getattr(event, field), value))
    edited = replace(event, **{field: value})
    return [*chain[:place], edited, *chain[place + 1 :]], {event.seq, edited.seq}


@st.composite
def removal(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    last = draw(st.integers(place, len(chain) - 1))
    first_told = place + 1 if last + 1 < len(chain) else len(chain)  # a gap, or the head
    return [*chain[:place], *chain[last + 1 :]], {first_told}


@st.composite
def duplication(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    to = draw(st.integers(0, len(chain)))
    return [*chain[:to], chain[place], *chain[to:]], {place + 1, to + 1}


@st.composite
def swap(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    other = draw(st.integers(0, len(chain) - 1))
    assume(other != place)
    edited = list(chain)
    edited[place], edited[other] = edited[other], edited[place]
    return edited, {place + 1, other + 1}


@st.composite
def exchange(draw: st.DrawFn, chain: list[Recorded], place: int) -> Edit:
    """Two events that give each other their seq."""
    other = draw(st.integers(0, len(chain) - 1))
    assume(other != place)
    edited = list(chain)
    edited[place] = replace(chain[other], seq=place + 1)
    edited[other] = replace(chain[place], seq=other + 1)
    return edited, {place + 1, other + 1}


CONTENT = ("actor", "collection", "item_id", "type", "data", "event_id", "timestamp", "hash", "flaw")
EDITS: list[Callable[[list[Recorded], int], st.SearchStrategy[Edit]]] = [
    lambda chain, place: field_edit(chain, place, (*CONTENT, "seq")),
    removal,
    duplication,
    swap,
    exchange,
]


@st.composite
def edited_chains(draw: st.DrawFn) -> tuple[list[Recorded], list[Recorded], set[int]]:
    """A recorded chain, the same edited, and what the edit is about."""
    chain = draw(chains())
    edit = draw(st.sampled_from(EDITS))
    edited, about = draw(edit(chain, draw(st.integers(0, len(chain) - 1))))
    return chain, edited, about
