"""Laws of events that say more, and of taking them back, on a real PocketBase beside a model."""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support import Server, eventually
from support.modelled_things import APPENDING, EMPTY, Things, rows_of
from support.strategies import FEW

from pocketbase_events import EventLog, new_id

CLIENTS, TIMES = 8, 12  # who increase a counter, and how often each

NUMBERS = st.sampled_from([1, 3, 0.1, 1e-9])
VALUES = st.one_of(
    st.builds(lambda value: {"title": value}, st.sampled_from(["a", "b", "", None])),
    st.builds(lambda value: {"qty": value}, st.sampled_from([0, 5, -2.5, None])),
    st.builds(lambda value: {"done": value}, st.booleans()),
    st.builds(lambda value: {"tags": value}, st.lists(st.sampled_from("abc"), unique=True)),
)
SUMS = st.builds(lambda sign, value: {f"qty{sign}": value}, st.sampled_from("+-"), NUMBERS)
LISTS = st.builds(lambda key, value: {key: value}, st.sampled_from(["tags+", "+tags", "tags-"]), st.sampled_from("abc"))
KINDS = ["create", "delete", "restore", *["value", "sum", "list"] * 3]


@st.composite
def told(draw: st.DrawFn) -> tuple[int, tuple[str, Any]]:
    """An event about one of two items."""
    which, kind = draw(st.integers(0, 1)), draw(st.sampled_from(KINDS))
    match kind:
        case "create":
            return which, ("create", {"title": draw(st.sampled_from("ab"))})
        case "delete":
            return which, ("delete", None)
        case "restore":
            return which, ("update", {"deleted": False})
        case _:
            return which, ("update", draw({"value": VALUES, "sum": SUMS, "list": LISTS}[kind]))


BEGIN = [("merged", [(0, ("create", {"title": "a"})), (1, ("create", {"qty": 1}))])]
PAST = st.lists(st.tuples(st.sampled_from(APPENDING), st.lists(told(), min_size=1, max_size=6)), max_size=4)


@settings(max_examples=3 * FEW)
@given(PAST, st.integers(0, 9))
def test_rows_are_the_fold_of_the_log_and_every_moment_of_them_can_be_brought_back(
    busy: Server, log: EventLog, past: list[tuple[str, Any]], place: int
) -> None:
    things = Things(busy)
    bystander = log.append("create", "things", new_id(), {"title": "stays"}).item_id
    moments: list[tuple[int, dict[str, Any]]] = [(log.head().seq, {})]
    for how, events in BEGIN + past:
        things.append(how, events)
        assert things.rows() == things.expected
        assert {item: rows_of(log, item) for item in things.ids} == things.rows()
        moments.append((log.head().seq, copy.deepcopy(things.expected)))
    seq, then = moments[place % len(moments)]
    wanted = {item: then.get(item) or {**things.expected[item], "deleted": True} for item in things.expected}

    since = [entry["seq"] for item in things.ids for entry in log.history("things", item) if entry["seq"] > seq]
    undone = log.undo(since)
    assert undone.conflicts == []
    assert living(things.rows()) == living(wanted)
    if undone.appended:
        log.undo(together=undone.appended[0].together)
    assert living(things.rows()) == living(things.expected)

    head = log.head().seq
    log.revert("things", things.ids, to=seq)
    assert living(things.rows()) == living(wanted)
    shown = {item: rows_of(log, item, at=seq) for item in things.ids}
    assert all(things.rows()[item] == row for item, row in shown.items() if row is not None)
    assert log.revert("things", things.ids, to=seq).appended == []
    assert {event.item_id for event in log.follow(head, until_head=True)} <= {*things.ids}
    assert rows_of(log, bystander) == {**EMPTY, "title": "stays"}


def living(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows; of an item that is deleted, only that."""
    return {item: {"deleted": True} if row["deleted"] else row for item, row in rows.items()}


def test_of_many_clients_that_increase_one_counter_at_once_nothing_is_lost(busy: Server, log: EventLog) -> None:
    counter = log.append("create", "things", new_id(), {"title": "hits"}).item_id

    def increase(number: int) -> None:
        guest = busy.guest()
        for _ in range(TIMES):
            guest.append("update", counter, {"qty+": number}, "things")

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(increase, range(1, CLIENTS + 1)))
    total = TIMES * sum(range(1, CLIENTS + 1))
    row = eventually(lambda: [each for each in [busy.guest().record("things", counter)] if each["qty"] == total])
    assert row[0]["title"] == "hits"
    entry = log.history("things", counter)[CLIENTS]
    before, after = entry["changes"]["qty"]
    log.undo([entry["seq"]])
    assert busy.guest().record("things", counter)["qty"] == total - (after - before)
