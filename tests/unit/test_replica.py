"""Whose replica it is, which event follows, and that no group is cut. Pure: no PocketBase and no NATS here."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chains import VECTORS

from pocketbase_events.core.events import EMPTY, Pending, Recorded, record
from pocketbase_events.core.groups import recorded_groups
from pocketbase_events.core.replica import (
    Inapplicable,
    Origin,
    origin_of,
    replica_rule,
    whole_groups,
    why_not_next,
    writes_of,
)
from pocketbase_events.core.rules import parse
from pocketbase_events.core.schema import ROW_CREATE_RULE, FieldDefinition, Target, row_update_rule
from pocketbase_events.pb.export_file import ExportFile

CHAIN = [event for page in ExportFile(VECTORS).log(0, 1000) for event in page]
URLS = st.from_regex(r"nats://[a-z0-9.:\[\]-]{1,20}(,tls://[a-z0-9.:-]{1,20})?", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
ITEMS = Target(
    collection="items",
    version="1",
    fields=(FieldDefinition(name="title", type="text"), FieldDefinition(name="qty", type="number")),
    row_create_rule=ROW_CREATE_RULE,
    row_update_rule=row_update_rule(versioned=True),
    versioned=True,
)


@given(URLS, NAMES)
def test_the_rule_of_a_replica_says_whose_it_is(url: str, stream: str) -> None:
    rule = replica_rule(Origin(url, stream))
    assert origin_of(rule) == Origin(url, stream)
    assert str(parse(rule)) == '@request.auth.collectionName = "event_workers" && @request.body.relayed = true'


@pytest.mark.parametrize("rule", [None, "", 'seq = 0 && actor = ""', "// A replica of the stream that I once had"])
def test_another_rule_is_no_replicas(rule: str | None) -> None:
    assert origin_of(rule) is None


def test_each_event_of_a_chain_follows_the_one_before() -> None:
    head = EMPTY
    for event in CHAIN:
        assert why_not_next(event, head) is None
        head = event.head


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seq": 9}, "seq 9 comes after 3."),
        ({"item_id": "another"}, "the hash of seq 4 does not follow"),
        ({"hash": "0" * 64}, "the hash of seq 4 does not follow"),
        ({"data": float("nan")}, "the hash of seq 4 does not follow"),
        ({"reason": "added"}, "the hash of seq 4 does not follow"),
    ],
)
def test_an_event_that_was_edited_does_not_follow(change: dict[str, Any], why: str) -> None:
    assert (why_not_next(replace(CHAIN[3], **change), CHAIN[2].head) or "").startswith(why)


def chain(togethers: list[str]) -> list[Recorded]:
    """Updates of one item, in groups."""
    events: list[Recorded] = []
    for place, together in enumerate(togethers):
        pending = Pending(f"{place:015d}", "update", "items", "one", "", "", False, "", together=together)
        head = events[-1].head if events else EMPTY
        events.append(record(pending, {"qty+": 1}, head, f"id{place}", "2026-01-01 00:00:00.000Z"))
    return events


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=30), st.integers(0, 30), st.integers(1, 12))
def test_no_group_is_cut_and_none_is_taken_before_it_is_whole(togethers: list[str], seen: int, most: int) -> None:
    events = chain(togethers)
    groups = list(recorded_groups(events))
    ends = {event.seq: members[-1].seq for members in groups for event in members}
    taken = whole_groups(events[:seen], ends, most)
    whole = [members for members in groups if members[-1].seq <= min(seen, len(events))]
    sizes = [sum(map(len, whole[: count + 1])) for count in range(len(whole))]
    fitting = [size for place, size in enumerate(sizes) if size <= most or place == 0]
    assert len(taken) == (fitting[-1] if fitting else 0)


def test_a_group_is_written_as_one_and_the_row_gets_its_last_seq() -> None:
    first, *rest = chain(["", "a", "a"])
    create = replace(first, type="create", data={"title": "x", "qty": 1})
    updates = [replace(rest[0], data={"title": "y"}), replace(rest[1], data={"title": "z"})]
    writes = writes_of([create, *updates], {"items": ITEMS})
    assert not isinstance(writes, Inapplicable)
    assert [(write.inserts, dict(write.fields)) for write in writes] == [(True, {"title": "z", "qty": 1, "seq": 3})]


def test_which_version_of_a_row_an_event_expected_is_settled() -> None:
    event = replace(chain([""])[0], expected_seq=7)
    writes = writes_of([event], {"items": ITEMS})
    assert not isinstance(writes, Inapplicable)
    assert [write.expected_seq for write in writes] == [0]


def test_what_can_not_be_applied_is_named_by_its_seq() -> None:
    events = [replace(each, data={"colour": "red"}) if each.seq == 2 else each for each in chain(["", "", ""])]
    found = writes_of(events, {"items": ITEMS})
    assert isinstance(found, Inapplicable)
    assert found.seq == 2
    assert 'items has no field "colour"' in found.why
    assert isinstance(writes_of(events, {}), Inapplicable)
