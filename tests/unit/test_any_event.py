"""Any event changes fields or is refused in a sentence, alone and in groups."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from support.any_schema import datas, odd_values, pendings, targets_named, types
from support.strategies import sentence

from pocketbase_events.core.batch import requests_of
from pocketbase_events.core.events import Head, Pending
from pocketbase_events.core.json_text import read_data
from pocketbase_events.core.projection import Change, Refused, Write, merge, project
from pocketbase_events.core.schema import Target, why_no_id, why_not_settable
from pocketbase_events.core.transaction import build, select
from pocketbase_events.core.values import to_pocketbase, why_not_fitting
from pocketbase_events.errors import TroubleError


@given(pendings(), datas, st.none() | targets_named("items"))
def test_whatever_an_event_and_a_schema_say_it_changes_fields_or_is_refused_in_a_sentence(
    event: Pending, data: Any, target: Target | None
) -> None:
    outcome = project(event, data, target)
    if isinstance(outcome, Refused):
        sentence(outcome.why)
        return
    assert target is not None
    assert (outcome.type, outcome.collection, outcome.item_id) == (event.type, "items", event.item_id)
    assert why_no_id(event.item_id) is None
    if event.type == "delete":
        assert outcome.fields == {"deleted": True}
        assert not data
        return
    assert set(outcome.fields) == set(data or {}) - {"id"}
    assert len(outcome.fields) == 1 or event.type == "create"
    for name, sent in outcome.fields.items():
        definition = target.by_name[name]
        assert why_not_settable(definition) is None
        assert why_not_fitting(definition, data[name]) is None
        assert sent == to_pocketbase(definition, data[name])


@st.composite
def groups_of_changes(draw: st.DrawFn) -> tuple[list[Change | None], dict[str, Target]]:
    targets = {name: draw(targets_named(name)) for name in ("items", "others")}
    changes: list[Change | None] = []
    for _ in range(draw(st.integers(0, 12))):
        target = targets[draw(st.sampled_from(sorted(targets)))]
        event = Pending(
            "r", draw(types), target.collection, draw(st.sampled_from("ab")), "", "", damaged=False, schema_version="1"
        )
        names = [each.name for each in target.settable]
        data = {draw(st.sampled_from(names)): draw(odd_values)} if names and event.type != "delete" else None
        outcome = project(event, data, target)
        changes.append(outcome if isinstance(outcome, Change) else None)
    return changes, targets


def in_turn(writes: Iterable[Write]) -> tuple[dict[tuple[str, str], dict[str, Any]], list[tuple[str, str]]]:
    """The rows that writes come to, and which rows were inserted, in turn."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    inserted = []
    for write in writes:
        row = (write.collection, write.item_id)
        rows.setdefault(row, {}).update(write.fields)
        inserted += [row] if write.inserts else []
    return rows, inserted


@given(groups_of_changes())
def test_changes_of_any_kind_give_the_same_rows_merged_or_not(
    case: tuple[list[Change | None], dict[str, Target]],
) -> None:
    changes, targets = case
    merged, single = merge(changes, targets), merge(changes, targets, merging=False)
    assert in_turn(merged) == in_turn(single)
    places = [place for place, change in enumerate(changes) if change is not None]
    assert [write.events for write in single] == [[place] for place in places]
    assert sorted(place for write in merged for place in write.events) == places
    assert [write.events[0] for write in merged] == sorted(write.events[0] for write in merged)
    for write in merged:
        assert write.events == sorted(write.events)
        target = targets[write.collection]
        for place in write.events[1:]:
            joined = changes[place]
            assert joined is not None
            assert (joined.collection, joined.item_id) == (write.collection, write.item_id)
            for name in joined.fields:
                assert target.by_name[name].type != "relation"


@given(
    st.lists(pendings(("items", "others", "nowhere")), max_size=8),
    st.sets(st.integers(0, 7), max_size=2),
    targets_named("items"),
    targets_named("others"),
    st.tuples(st.integers(1, 5), st.integers(1, 8)),
    st.booleans(),
)
def test_a_group_is_the_beginning_of_its_page_and_its_transaction_is_one_that_pocketbase_reads(
    events: list[Pending], refused: set[int], items: Target, others: Target, bounds: tuple[int, int], merging: bool
) -> None:
    targets = {"items": items, "others": others}
    page = [replace(event, id=f"r{place}") for place, event in enumerate(events)]
    limit, most = bounds
    chosen = select(page, {f"r{place}": "It may not be." for place in refused}, targets, limit=limit, most=most)
    assert len(chosen.events) == len(chosen.data) == len(chosen.changes) <= limit
    assert len(chosen) == min(most, len(page)) or len(chosen.events) == limit
    taken = [*chosen.events, *(rejection.event for rejection in chosen.rejections)]
    assert sorted(event.id for event in taken) == [event.id for event in page[: len(chosen)]]
    for event, change in zip(chosen.events, chosen.changes, strict=True):
        assert (change is None) == event.adopted
    for rejection in chosen.rejections:
        sentence(rejection.why)
    head = Head(7, "ab")
    made = iter(range(10))
    transaction = build(
        chosen, head, "2026-01-01 00:00:00.000Z", lambda: UUID(int=next(made), version=4), targets, merging=merging
    )
    for event, recorded in zip(chosen.events, transaction.recorded, strict=True):
        assert (recorded.seq, recorded.id, recorded.item_id) == (head.seq + 1, event.id, event.item_id)
        assert rfc8785.dumps(recorded.data) == rfc8785.dumps(read_data(event.data, damaged=False))
        head = recorded.head
    assert transaction.after == head
    requests = requests_of(transaction)
    json.dumps(requests, allow_nan=False)
    assert len(requests) == 1 + len(transaction.writes) + len(chosen)
    for request, write in zip(requests[1:], transaction.writes, strict=False):
        assert addressed(request) == (write.collection, write.item_id)
    marked = requests[1 + len(transaction.writes) :]
    assert [addressed(request) for request in marked] == [("events", event.id) for event in taken]


def addressed(request: dict[str, Any]) -> tuple[str, str | None]:
    """The collection and the record that PocketBase reads from a request of a batch (apis/batch.go)."""
    found = re.fullmatch(r"/api/collections/([^/?]+)/records(?:/([^/?]+))?(?:\?.*)?", request["url"])
    assert found is not None, request["url"]
    return found[1], request["body"]["id"] if request["method"] == "POST" else found[2]


@given(pendings(), targets_named("items"))
def test_rules_that_were_edited_are_trouble_and_no_events_fault(event: Pending, target: Target) -> None:
    closed = {"items": target.model_copy(update={"row_update_rule": "1 = 2"})}
    usual = select([event], {}, {"items": target}, limit=1, most=1)
    if usual.changes and usual.changes[0] is not None:
        with pytest.raises(TroubleError, match="attach items"):
            select([event], {}, closed, limit=1, most=1)
    else:
        assert select([event], {}, closed, limit=1, most=1) == usual
