"""Each kind of break is told apart by its sentence."""

from dataclasses import replace
from uuid import UUID

import pytest
from support.chains import FLAW, chained, found, reasons, simple_chain

from pocketbase_events.core.events import EMPTY, Head


def test_a_removed_event_is_a_gap() -> None:
    chain = simple_chain(6)
    assert reasons([*chain[:2], *chain[3:]]) == [(3, "gap: seq 3 is missing.")]
    assert reasons([*chain[:2], *chain[5:]]) == [(3, "gap: seq 3 to 5 are missing.")]
    assert reasons(chain[1:]) == [(1, "gap: seq 1 is missing.")]


def test_a_second_event_with_the_same_seq_is_a_duplicate() -> None:
    chain = simple_chain(6)
    forged = replace(chain[2], event_id=str(UUID(int=99, version=4)), data={"qty": 99})
    for events in ([*chain[:3], forged, *chain[3:]], [*chain[:2], forged, *chain[2:]]):
        told = reasons(events)
        assert (3, "duplicate: another event has the same seq.") in told
        assert {seq for seq, _ in told} == {3}


def test_an_event_at_an_earlier_place_is_out_of_order_and_no_other_is_missing() -> None:
    chain = simple_chain(6)
    told = [reason for _, reason in reasons([*chain[:4], chain[1], *chain[4:]], chain[-1].head)]
    assert "out of order: seq 2 after 4." in told
    assert not any(reason.startswith(("gap", "changed")) for reason in told)


def test_an_edited_event_is_changed() -> None:
    chain = simple_chain(6)
    for field, value in (
        ("data", {"qty": -1}),
        ("actor", "somebody"),
        ("collection", "others"),
        ("item_id", "i9"),
        ("type", "delete"),
    ):
        told = reasons([*chain[:2], replace(chain[2], **{field: value}), *chain[3:]], chain[-1].head)
        assert [seq for seq, _ in told] == [3]
        assert told[0][1].startswith("changed: ")


def test_an_edited_last_event_is_changed() -> None:
    chain = simple_chain(3)
    told = reasons([*chain[:2], replace(chain[2], actor="somebody")], chain[-1].head)
    assert [seq for seq, _ in told] == [3]
    assert told[0][1].startswith("changed: ")


@pytest.mark.parametrize("place", [0, 2, 5])
def test_an_overwritten_hash_is_a_broken_link_of_content_that_is_right(place: int) -> None:
    chain = simple_chain(6)
    edited = [*chain[:place], replace(chain[place], hash="0" * 64), *chain[place + 1 :]]
    told = reasons(edited, chain[-1].head)
    assert told[0] == (place + 1, "broken link: its hash was overwritten; its content is what was recorded.")


def test_an_event_with_a_wrong_hash_and_wrong_content_is_reported() -> None:
    chain = simple_chain(6)
    told = reasons([*chain[:2], replace(chain[2], hash="0" * 64, data=1), *chain[3:]])
    assert told[0][0] == 3
    assert told[0][1].startswith("changed, or a broken link: ")


def test_a_timestamp_before_the_last_is_time_that_runs_backwards() -> None:
    chain = simple_chain(6)
    earlier = "2025-12-31 23:59:59.999Z"
    chain = chained([*chain[:2], replace(chain[2], timestamp=earlier), *chain[3:]])
    assert reasons(chain, chain[-1].head) == [
        (3, f"time runs backwards: {earlier} after 2026-01-01 00:00:02.000Z."),
    ]


@pytest.mark.parametrize("timestamp", ["2099-01-01 00:00:00.000Z", "some day"])
def test_a_timestamp_set_ahead_accuses_no_event_but_its_own_and_the_next(timestamp: str) -> None:
    chain = simple_chain(6)
    edited = [*chain[:2], replace(chain[2], timestamp=timestamp), *chain[3:]]
    told = reasons(edited, chain[-1].head)
    assert told[0][0] == 3
    assert {seq for seq, _ in told} <= {3, 4}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("event_id", "36d0f8f6-e828-11f1-8918-02fc00000001", "its event_id is not a UUID v4."),
        ("event_id", str(UUID(int=3, version=4)).upper().replace("0", "A"), "its event_id is not a UUID v4."),
        ("event_id", str(UUID(int=3, version=4)) + "\n", "its event_id is not a UUID v4."),
        ("event_id", str(UUID(int=1, version=4)), "its event_id is used twice, by seq 1 before it."),
        ("event_id", "", "lacks its event_id."),
        ("timestamp", "", "lacks its timestamp."),
        ("timestamp", "2026-01-01T00:00:03.000Z", "its timestamp is not a time."),
        ("timestamp", "2026-01-01 00:00:03Z", "its timestamp is not a time."),
        ("hash", "", "lacks its hash."),
        ("hash", "f00d", "its hash is not a SHA-256."),
        ("hash", "A" * 64, "its hash is not a SHA-256."),
        ("hash", "é", "its hash is not a SHA-256."),
        ("flaw", FLAW, f"its data can't be read: {FLAW}"),
    ],
)
@pytest.mark.parametrize("place", [2, 5])
def test_a_field_that_is_not_what_the_worker_gives_is_reported(field: str, value: str, says: str, place: int) -> None:
    chain = simple_chain(6)
    edited = [*chain[:place], replace(chain[place], **{field: value}), *chain[place + 1 :]]
    told = reasons(edited, chain[-1].head)
    assert (place + 1, says) in told
    assert {seq for seq, _ in told} <= {place + 1, place + 2}


@pytest.mark.parametrize("place", [0, 2, 5])
@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("event_id", "", "lacks its event_id."),
        ("event_id", "36d0f8f6-e828-11f1-8918-02fc00000001", "its event_id is not a UUID v4."),
        ("timestamp", "", "lacks its timestamp."),
        ("timestamp", "some day", "its timestamp is not a time."),
    ],
)
def test_whoever_hashes_the_log_anew_can_not_hide_a_field(field: str, value: str, says: str, place: int) -> None:
    chain = simple_chain(6)
    chain = chained([*chain[:place], replace(chain[place], **{field: value}), *chain[place + 1 :]])
    assert reasons(chain, chain[-1].head) == [(place + 1, says)]


def test_whoever_hashes_the_log_anew_can_not_hide_an_id_that_is_used_twice() -> None:
    chain = simple_chain(6)
    chain = chained([*chain[:3], replace(chain[3], event_id=chain[1].event_id), *chain[4:]])
    assert reasons(chain, chain[-1].head) == [(4, "its event_id is used twice, by seq 2 before it.")]


def test_a_seq_that_is_not_whole_is_reported_though_the_hash_fits() -> None:
    chain = simple_chain(3)
    chain = chained([chain[0], replace(chain[1], seq=2.0), chain[2]])
    assert reasons(chain, chain[-1].head)[0] == (2.0, "out of order: seq 2.0 after 1.")


def test_a_head_that_disagrees_is_reported_with_what_both_say() -> None:
    chain = simple_chain(3)
    for head in (Head(2, chain[1].hash), Head(4, "0" * 64), Head(3, "0" * 64), Head(3, ""), EMPTY):
        told = reasons(chain, head)
        assert [seq for seq, _ in told] == [head.seq]
        assert "the head disagrees with the last event" in told[0][1]
        assert f"seq {head.seq} ({head.hash[:8] or 'no hash'})" in told[0][1]
        assert f"seq 3 ({chain[-1].hash[:8]})" in told[0][1]


@pytest.mark.parametrize("first", [-1, 0, 2])
def test_a_chain_that_does_not_begin_with_seq_1_has_a_problem(first: int) -> None:
    chain = chained(replace(event, seq=event.seq - 1 + first) for event in simple_chain(3))
    assert found(chain)
