"""Events in, rows out, on a real PocketBase."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import DEADLINE, ITEM_FIELDS, Server, check_log, create, fold_log, item_id, live_rows, start_copy

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.record.worker import MAX_BATCH, Step

NEVER = threading.Event()
NAMES = ("title", "qty", "done", "note", "deleted")


@pytest.fixture(scope="module")
def shared(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase for tests that leave each other alone."""
    yield from start_copy(installed_template, tmp_path_factory.mktemp("shared") / "pocketbase")


def outcome(server: Server, event: dict[str, Any]) -> dict[str, Any]:
    """The event after everything pending was processed."""
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    return server.superuser().record("events", event["id"])


def why(server: Server, event: dict[str, Any]) -> str:
    """Why the event was rejected."""
    after = outcome(server, event)
    assert after["seq"] == 0
    assert after["hash"] == after["event_id"] == after["timestamp"] == ""
    assert after["error"], "it was recorded"
    assert "\n" not in after["error"]
    return str(after["error"])


def expected(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows of a fold as PocketBase shows them: missing is zero, empty or false."""
    empty = {"title": "", "qty": 0, "done": False, "note": "", "deleted": False}
    return {
        key: {**empty, **{name: empty[name] if value is None else value for name, value in row.items()}}
        for key, row in rows.items()
    }


def test_an_appended_event_is_recorded_and_its_row_written(server: Server) -> None:
    guest = server.guest()
    event = guest.append("create", "milk00000000001", {"title": "Milk", "qty": 2})
    after = outcome(server, event)
    row = guest.record("items", "milk00000000001")
    assert {name: row[name] for name in NAMES} == {
        "title": "Milk", "qty": 2, "done": False, "note": "", "deleted": False,
    }  # fmt: skip
    assert (after["seq"], after["error"]) == (1, "")
    assert check_log(server).seq == 1


def test_updates_set_one_field_and_a_delete_marks_the_row(server: Server) -> None:
    guest = server.guest()
    guest.append("create", "milk00000000001", {"title": "Milk", "qty": 2})
    guest.append("update", "milk00000000001", {"qty": 3.5})
    guest.append("update", "milk00000000001", {"note": "fresh"})
    guest.append("delete", "milk00000000001")
    server.worker().run_to_end(NEVER)
    row = live_rows(server, NAMES)["milk00000000001"]
    assert row == {"title": "Milk", "qty": 3.5, "done": False, "note": "fresh", "deleted": True}
    assert check_log(server).seq == 4


def test_events_are_recorded_in_the_order_of_insertion_however_they_mix(server: Server) -> None:
    guest = server.guest()
    for number in range(150):
        guest.append("create", f"item{number:011d}", {"title": f"{number}"})
        guest.append("update", f"item{number // 2:011d}", {"qty": number})
    server.worker().run_to_end(NEVER)
    assert check_log(server).seq == 300
    assert live_rows(server, NAMES) == expected(fold_log(server))


def test_a_timestamp_never_runs_backwards_whatever_the_clock_does(server: Server) -> None:
    guest = server.guest()
    start = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    times = iter([start, start - timedelta(hours=1), start + timedelta(seconds=1)])
    worker = server.worker(now=lambda: next(times))
    for number in range(3):
        guest.append("create", f"item{number:011d}", {"title": "x"})
        worker.run_to_end(NEVER)
    events = server.superuser().records("events", sort="seq")
    assert [event["timestamp"][11:19] for event in events] == ["12:00:00", "12:00:00", "12:00:01"]
    check_log(server)


def test_a_worker_that_starts_anew_goes_on_from_the_last_timestamp(server: Server) -> None:
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    server.worker(now=lambda: datetime(2030, 1, 1, tzinfo=UTC)).run_to_end(NEVER)
    guest.append("create", "item00000000002", {"title": "x"})
    server.worker().run_to_end(NEVER)
    events = server.superuser().records("events", sort="seq")
    assert [event["timestamp"] for event in events] == ["2030-01-01 00:00:00.000Z"] * 2


# -- rejections --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "item_id", "data", "says"),
    [
        ("create", "milk00000000001", {"title": "again"}, "exists already"),
        ("update", "none00000000001", {"qty": 1}, "There is no item"),
        ("delete", "none00000000001", None, "There is no item"),
        ("update", "gone00000000001", {"qty": 1}, "is deleted"),
        ("delete", "gone00000000001", None, "is deleted"),
        ("create", "gone00000000001", {"title": "again"}, "exists already"),
        ("create", "new000000000001", {"qty": 1}, "title: "),
        ("create", "new000000000001", None, "title: "),
        ("update", "milk00000000001", {"title": ""}, "title: "),
        ("create", "SHORT", {"title": "x"}, "id: "),
        ("create", "UPPER0000000001", {"title": "x"}, "id: "),
        ("update", "milk00000000001", {"price": 1}, "Its fields are: title, qty, done, note"),
        ("update", "milk00000000001", {"qty": "2"}, '"qty" takes a number'),
        ("update", "milk00000000001", {"qty": 1, "done": True}, "one field"),
        ("delete", "milk00000000001", {"qty": 1}, "no data"),
    ],
)
def test_a_rejected_event_says_why_and_changes_nothing(
    shared: Server, type_: str, item_id: str, data: Any, says: str
) -> None:
    guest = shared.guest()
    if "milk00000000001" not in live_rows(shared, ("id",)):
        guest.append("create", "milk00000000001", {"title": "Milk"})
        guest.append("create", "gone00000000001", {"title": "Gone"})
        guest.append("delete", "gone00000000001")
        shared.worker().run_to_end(NEVER)
    rows, head = live_rows(shared, NAMES), check_log(shared)
    assert says in why(shared, guest.append(type_, item_id, data))
    assert live_rows(shared, NAMES) == rows
    assert check_log(shared) == head


@pytest.mark.parametrize("collection", ["users", "_superusers", "events", "event_head", "nope", "Items", "items "])
def test_a_collection_that_nobody_attached_is_named_in_the_rejection(shared: Server, collection: str) -> None:
    event = shared.superuser().append("create", "item00000000009", {}, collection=collection)
    assert f'"{collection}" is not attached' in why(shared, event)


def insert(server: Server, data: bytes, item_id: bytes = b"odd000000000001") -> dict[str, Any]:
    """Append an event whose data is stored byte by byte, past every check of PocketBase's API."""
    record_id = f"odd{time.time_ns() % 10**12:012d}"
    with server.database() as database:
        database.execute(
            "INSERT INTO events (id, type, collection, item_id, data, created)"
            " VALUES (?, 'create', 'items', CAST(? AS TEXT), CAST(? AS TEXT), '2026-01-01 00:00:00.000Z')",
            (record_id, item_id, data),
        )
    database.close()
    return {"id": record_id}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"title": "a", "note": "\\ud800"}', "surrogate"),
        (b'{"title": "a", "note": ' + b"[" * 5000 + b"]" * 5000 + b"}", "levels deep"),
        (b'{"title": "\xff"}', "UTF-8"),
        (b'{"title": "\xe2\x82"}', "UTF-8"),
        (b'{"title": "a", "qty": 1e400}', "double"),
        (b'{"title": "a", "qty": ' + b"9" * 5000 + b"}", "double"),
        (b'{"title": "a", "title": "b"}', '"title" twice'),
    ],
)
def test_data_that_json_readers_disagree_about_stops_nobody(
    server: Server, data: bytes, says: str, caplog_events: list[dict[str, Any]]
) -> None:
    guest = server.guest()
    guest.append("create", "before000000001", {"title": "before"})
    odd = insert(server, data)
    guest.append("create", "after0000000001", {"title": "after"})
    server.worker().run_to_end(NEVER)
    assert live_rows(server, ("title",)) == {
        "before000000001": {"title": "before"},
        "after0000000001": {"title": "after"},
    }
    check_log(server)
    with server.database() as database:
        seq, error = database.execute("SELECT seq, error FROM events WHERE id = ?", (odd["id"],)).fetchone()
    database.close()
    # What is no JSON to this PocketBase can't even be marked; then the worker says so and leaves it aside.
    left_aside = [entry for entry in caplog_events if entry["event"] == "left_aside"]
    assert seq == 0
    assert says in error or (error == "" and left_aside[0]["id"] == odd["id"])


def test_an_event_that_was_left_aside_costs_the_later_ones_nothing(server: Server) -> None:
    guest, worker = server.guest(), server.worker()
    insert(server, b'{"title": "a", "title": "b"}')
    worker.run_to_end(NEVER)
    guest.append("create", "after0000000001", {"title": "after"})
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 1


def test_an_item_id_that_is_no_utf8_is_rejected(server: Server) -> None:
    event = insert(server, b'{"title": "a"}', item_id=b"item\xff")
    assert "UTF-8" in why(server, event)


def test_numbers_beyond_what_integers_hold_are_recorded_as_doubles(server: Server) -> None:
    event = insert(server, b'{"title": "a", "qty": 12345678901234567890}')
    assert outcome(server, event)["seq"] == 1
    assert float(live_rows(server, ("qty",))["odd000000000001"]["qty"]) == 12345678901234567890.0
    check_log(server)


def test_a_unique_index_over_an_expression_costs_its_event_only(server: Server) -> None:
    indexes = ["CREATE UNIQUE INDEX `idx_note` ON `items` (lower(`note`)) WHERE `note` != ''"]
    assert server.superuser()("PATCH", "/api/collections/items", json={"indexes": indexes}).ok
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "a", "note": "Same"})
    twin = guest.append("create", "item00000000002", {"title": "b", "note": "same"})
    guest.append("create", "item00000000003", {"title": "c", "note": "other"})
    assert "PocketBase refused the row" in why(server, twin)
    assert sorted(live_rows(server, ("id",))) == ["item00000000001", "item00000000003"]


def test_one_bad_event_among_many_costs_one_transaction_more(server: Server) -> None:
    guest = server.guest()
    for number in range(100):
        guest.append("create", f"item{number:011d}", {"title": "x"} if number != 61 else {})
    worker = server.worker(timer=lambda: 0.0)  # so that no transaction is cut short for being slow
    gateway, transactions = worker._gateway, []  # noqa: SLF001 - counted, not changed
    transact = gateway.transact
    gateway.transact = lambda tx: transactions.append(tx) or transact(tx)  # type: ignore[method-assign,func-returns-value]
    worker.run_to_end(NEVER)
    assert (worker.tally.recorded, worker.tally.rejected) == (99, 1)
    assert len(transactions) == 3  # 50 and 50 events, and the one that failed
    check_log(server)


def test_a_flood_of_bad_events_does_not_starve_a_good_one(server: Server) -> None:
    guest = server.guest()
    missing = ({"type": "update", "item_id": f"none{n:011d}", "data": {"qty": 1}} for n in range(400))
    guest.append_all(*missing)
    guest.append("create", "good00000000001", {"title": "good"})
    worker = server.worker()
    started = time.monotonic()
    worker.run_to_end(NEVER)
    assert time.monotonic() - started < DEADLINE
    assert (worker.tally.recorded, worker.tally.rejected) == (1, 400)


def test_what_follows_a_delete_within_one_transaction_is_rejected(server: Server) -> None:
    guest, worker = server.guest(), server.worker()
    guest.append("create", "item00000000001", {"title": "x"})
    worker.run_to_end(NEVER)
    guest.append("update", "item00000000001", {"qty": 1})
    guest.append("delete", "item00000000001")
    late = [guest.append("update", "item00000000001", {name: None}) for name in ("qty", "note")]
    late.append(guest.append("create", "item00000000001", {"title": "again"}))
    says = ["is deleted", "is deleted", "exists already"]
    assert all(sentence in why(server, event) for sentence, event in zip(says, late, strict=True))
    assert check_log(server).seq == 3


def test_a_merged_write_that_fails_blames_the_right_event(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "rank", "type": "number", "max": 10}))
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    guest.append("update", "item00000000001", {"qty": 1})
    bad = guest.append("update", "item00000000001", {"rank": 11})
    guest.append("update", "item00000000001", {"done": True})
    assert "rank: " in why(server, bad)
    assert live_rows(server, (*NAMES, "rank"))["item00000000001"] == {
        "title": "x", "qty": 1, "done": True, "note": "", "deleted": False, "rank": 0,
    }  # fmt: skip
    assert check_log(server).seq == 3


def test_a_retried_event_is_recorded_once_its_cause_is_gone(server: Server) -> None:
    guest, root = server.guest(), server.superuser()
    early = guest.append("update", "item00000000001", {"qty": 1})
    assert why(server, early)
    guest.append("create", "item00000000001", {"title": "x"})
    server.worker().run_to_end(NEVER)
    assert root("PATCH", f"/api/collections/events/records/{early['id']}", json={"error": ""}).ok
    assert outcome(server, early)["seq"] == 2


# -- what PocketBase makes of values -----------------------------------------------------------------------

GEO_POINTS_SINCE = (0, 27)
ODD_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "text", "max": 100000},
    {"name": "editor", "type": "editor"},
    {"name": "email", "type": "email"},
    {"name": "url", "type": "url"},
    {"name": "number", "type": "number"},
    {"name": "bool", "type": "bool"},
    {"name": "date", "type": "date"},
    {"name": "one", "type": "select", "maxSelect": 1, "values": ["a", "b", "[c]", '["a"]']},
    {"name": "many", "type": "select", "maxSelect": 3, "values": ["a", "b", "[c]", '["a"]']},
    {"name": "json", "type": "json"},
    {"name": "place", "type": "geoPoint"},
]


@pytest.fixture(scope="module")
def odd(shared: Server) -> Server:
    """The shared PocketBase with a collection `odd` that has a field of every type."""
    known = [field for field in ODD_FIELDS if field["type"] != "geoPoint" or shared.version >= GEO_POINTS_SINCE]
    shared.create_collection("odd", known, listRule="", viewRule="")
    shared.attach("odd")
    return shared


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("text", " spaces kept ", " spaces kept "),
        ("text", 'Œufs \u2028 "frais" \\ \x7f 😀', 'Œufs \u2028 "frais" \\ \x7f 😀'),
        ("text", "true", "true"),
        ("text", None, ""),
        ("editor", "<p>x</p>", "<p>x</p>"),
        ("email", "a@example.com", "a@example.com"),
        ("url", "https://example.com/?a=1&b=2", "https://example.com/?a=1&b=2"),
        ("number", 3.5, 3.5),
        ("number", -0.0, 0),
        ("number", 1e300, 1e300),
        ("number", 9007199254740991, 9007199254740991),
        ("bool", True, True),
        ("date", "2026-01-31", "2026-01-31 00:00:00.000Z"),
        ("date", "2026-01-31 09:30:00", "2026-01-31 09:30:00.000Z"),
        ("date", "2026-01-31T09:30:00", "2026-01-31 09:30:00.000Z"),
        ("date", "2026-01-31 09:30:00Z", "2026-01-31 09:30:00.000Z"),
        ("date", "2026-01-31T09:30:00Z", "2026-01-31 09:30:00.000Z"),
        ("date", "2026-01-31 09:30:00.123456Z", "2026-01-31 09:30:00.123Z"),
        ("date", "2026-01-31T09:30:00.5", "2026-01-31 09:30:00.500Z"),
        ("date", "2026-01-31 09:30:00+02:00", "2026-01-31 07:30:00.000Z"),
        ("date", "2026-01-31T09:30:00.25-05:30", "2026-01-31 15:00:00.250Z"),
        ("date", "", ""),
        ("one", "[c]", "[c]"),
        ("one", "", ""),
        ("many", ["b", "a", "b"], ["b", "a"]),
        ("many", "[c]", ["[c]"]),
        ("many", '["a"]', ['["a"]']),
        ("many", [], []),
        ("json", "plain", "plain"),
        ("json", "true", "true"),
        ("json", "[1]", "[1]"),
        ("json", '"quoted"', '"quoted"'),
        ("json", "", ""),
        ("json", "tab\t\x01", "tab\t\x01"),
        ("json", {"a": [1, 1e21, None, {"<": "&"}]}, {"a": [1, 1e21, None, {"<": "&"}]}),
        ("json", None, None),
        ("place", {"lon": 12.5, "lat": -7}, {"lon": 12.5, "lat": -7}),
    ],
)
def test_a_value_of_every_type_reaches_the_row_as_it_was_appended(
    odd: Server, field: str, value: Any, stored: Any
) -> None:
    item_id = f"v{abs(hash((field, json.dumps(value)))):014d}"[:15]
    if field == "place" and odd.version < GEO_POINTS_SINCE:
        pytest.skip("this PocketBase has no fields of type geoPoint")
    guest = odd.guest()
    created = guest.append("create", item_id, {field: value}, collection="odd")
    assert outcome(odd, created)["error"] == ""
    assert guest.record("odd", item_id)[field] == stored
    updated = guest.append("update", item_id, {field: value}, collection="odd")
    assert outcome(odd, updated)["error"] == ""
    assert guest.record("odd", item_id)[field] == stored


# -- the owner's own hooks ---------------------------------------------------------------------------------


def hook(server: Server, script: str) -> None:
    """Give the PocketBase a hook of its owner's."""
    server.stop()
    hooks = server.folder / "pb_hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "main.pb.js").write_text(script)
    server.start()


def test_what_a_hook_says_against_a_row_reaches_the_author(server: Server) -> None:
    refusal = 'if (e.record.get("qty") == 13) throw new BadRequestError("No 13.")'
    hook(server, f'onRecordCreate((e) => {{ {refusal}; e.next() }}, "items")')
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x", "qty": 12})
    bad = guest.append("create", "item00000000002", {"title": "x", "qty": 13})
    assert "No 13." in why(server, bad)
    assert check_log(server).seq == 1


def test_a_hook_that_fails_after_the_commit_doubles_nothing(server: Server) -> None:
    hook(server, 'onRecordAfterCreateSuccess((e) => { e.next(); throw new Error("too late") }, "items")')
    guest, worker = server.guest(), server.worker()
    for number in range(3):
        guest.append("create", f"item{number:011d}", {"title": "x"})
        with suppress(TroubleError):
            worker.run_to_end(NEVER)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 3
    assert len(live_rows(server, ("id",))) == 3


# -- schema edits ------------------------------------------------------------------------------------------


def test_a_schema_edit_is_seen_at_the_next_event_without_restart(server: Server) -> None:
    guest, worker = server.guest(), server.worker()

    def error(type_: str, data: Any) -> str:
        event = guest.append(type_, "item00000000001", data)
        worker.run_to_end(NEVER)
        return str(server.superuser().record("events", event["id"])["error"])

    assert error("create", {"title": "x"}) == ""
    assert "no field" in error("update", {"colour": "red"})
    server.edit_fields("items", lambda fields: fields.append({"name": "colour", "type": "text"}))
    assert error("update", {"colour": "red"}) == ""

    def rename(fields: list[dict[str, Any]]) -> None:
        next(field for field in fields if field["name"] == "colour")["name"] = "paint"

    server.edit_fields("items", rename)
    assert "no field" in error("update", {"colour": "blue"})
    assert error("update", {"paint": "blue"}) == ""

    def remove(fields: list[dict[str, Any]]) -> None:
        fields[:] = [field for field in fields if field["name"] != "paint"]

    server.edit_fields("items", remove)
    server.edit_fields("items", lambda fields: fields.append({"name": "paint", "type": "number"}))
    assert "takes a number" in error("update", {"paint": "blue"})
    assert error("update", {"paint": 5}) == ""


def test_attaching_and_detaching_is_seen_without_restart(server: Server) -> None:
    root, worker = server.superuser(), server.worker()
    server.create_collection("notes", [{"name": "body", "type": "text"}])

    def error() -> str:
        event = root.append("create", f"note{time.time_ns() % 10**11:011d}", {"body": "x"}, collection="notes")
        worker.run_to_end(NEVER)
        return str(root.record("events", event["id"])["error"])

    assert "not attached" in error()
    server.attach("notes")
    assert error() == ""
    server.detach("notes")
    assert "not attached" in error()
    check_log(server)


# -- laws --------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "update", "update", "update", "delete"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([
            {"title": "x"}, {"title": ""}, {"qty": 1}, {"qty": "1"}, {"qty": None}, {"done": True}, {"note": "n"},
            {"code": "1"}, {"code": "2"}, {"code": ""}, {"rank": 5}, {"rank": 99}, {"nope": 1},
            {"title": "y", "qty": 2}, {"title": "z", "rank": 99}, {},
            {"title": " "}, {"note": "n" * 5001}, {"note": "é" * 5000},
        ]),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@pytest.fixture(scope="module")
def twins(shared: Server) -> Server:
    """The shared PocketBase with two collections of the same schema."""
    for name in ("left", "right"):
        fields = [
            *ITEM_FIELDS,
            {"name": "code", "type": "text"},
            {"name": "rank", "type": "number", "max": 10},
        ]
        index = f"CREATE UNIQUE INDEX `idx_{name}` ON `{name}` (`code`) WHERE `code` != ''"
        shared.create_collection(name, fields, indexes=[index], listRule="", viewRule="")
        shared.attach(name)
    return shared


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_merged_or_one_by_one_the_same_events_are_accepted_and_the_rows_are_the_same(
    twins: Server, given_steps: list[tuple[str, str, dict[str, Any]]]
) -> None:
    run = f"{time.time_ns() % 10**13:013d}"
    guest, worker = twins.guest(), twins.worker()

    def append(side: str, step: tuple[str, str, dict[str, Any]]) -> str:
        type_, item, data = step
        # The unique code is unique to this example, so that examples leave each other alone.
        own = {key: f"{run}{value}" if key == "code" and value else value for key, value in data.items()}
        sent = None if type_ == "delete" else own
        return str(guest.append(type_, f"{item}{run}0", sent, collection=side)["id"])

    one_by_one = []
    for step in given_steps:
        one_by_one.append(append("left", step))
        worker.run_to_end(NEVER)
    together = [append("right", step) for step in given_steps]
    worker.run_to_end(NEVER)
    root = twins.superuser()
    verdicts = {event["id"]: event["seq"] > 0 for event in root.records("events", sort="-@rowid", perPage=1000)}
    assert [verdicts[i] for i in one_by_one] == [verdicts[i] for i in together]
    names = (*NAMES, "code", "rank")
    mine = {key for key in live_rows(twins, ("id",), "left") if run in key}
    left, right = (live_rows(twins, names, side) for side in ("left", "right"))
    assert {key: left[key] for key in mine} == {key: row for key, row in right.items() if run in key}
    empty = {"code": "", "rank": 0}
    fold = {key: {**empty, **row} for key, row in expected(fold_log(twins, "right")).items()}
    assert fold == right


@pytest.mark.parametrize("data", [{"title": "x"}, {"titel": "x"}])
def test_a_lowered_limit_of_the_batch_api_makes_transactions_smaller(
    server: Server, data: dict[str, Any], caplog_events: list[dict[str, Any]]
) -> None:
    guest = server.guest()
    for number in range(120):
        guest.append("create", f"item{number:011d}", data)
    settings_ = {"batch": {"enabled": True, "maxRequests": 10, "timeout": 3}}
    assert server.superuser()("PATCH", "/api/settings", json=settings_).ok
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert worker.tally.recorded + worker.tally.rejected == 120
    assert not [entry for entry in caplog_events if entry["event"] == "trouble"]
    check_log(server)


def test_data_too_large_for_the_batch_api_is_rejected(server: Server) -> None:
    guest = server.guest()
    server.edit_fields("items", lambda fields: fields.append({"name": "long", "type": "text", "max": 1_000_000}))
    settings_ = {"batch": {"enabled": True, "maxRequests": 100, "timeout": 3, "maxBodySize": 50_000}}
    assert server.superuser()("PATCH", "/api/settings", json=settings_).ok
    guest.append("create", "item00000000001", {"title": "x"})
    large = guest.append("create", "item00000000002", {"title": "x", "long": "x" * 100_000})
    guest.append("create", "item00000000003", {"title": "x"})
    assert "larger than" in why(server, large)
    assert check_log(server).seq == 2


def test_slow_transactions_make_the_next_ones_smaller(server: Server) -> None:
    guest = server.guest()
    for number in range(130):
        guest.append("create", f"item{number:011d}", {"title": "x"})
    seconds = iter(range(1000))
    worker = server.worker(timer=lambda: float(next(seconds)))  # every transaction seems to take a second
    assert worker.run_once() is Step.PROGRESS
    assert worker.tally.recorded == 50
    assert worker.run_once() is Step.PROGRESS
    assert worker.tally.recorded == 50 + 25
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 130


def test_batches_keep_within_their_bounds(server: Server) -> None:
    guest = server.guest()
    guest.append_all(*(create(number) for number in range(1000)))
    worker = server.worker(timer=lambda: 0.0)  # every transaction seems to take no time at all
    worker.run_to_end(NEVER)
    assert worker._batch <= MAX_BATCH  # noqa: SLF001 - the bound is the point
    assert check_log(server).seq == 1000


def test_batches_grow_again_after_the_smallest_one(server: Server) -> None:
    guest = server.guest()
    guest.append_all(*(create(number) for number in range(400)))
    seconds = iter(range(100))
    worker = server.worker(timer=lambda: float(next(seconds, 100)))  # slow for some fifty transactions, then fast
    recorded = []
    while worker.run_once() is Step.PROGRESS:
        recorded.append(worker.tally.recorded - sum(recorded))
    assert min(recorded) == 1
    assert max(recorded[recorded.index(1) :]) > 20
    assert check_log(server).seq == 400


def backlog(server: Server, count: int, every: int) -> int:
    """Append so many events, each so-many-th of them a bad one; how many are bad. Of those only PocketBase can tell."""
    events = [
        {"type": "update", "item_id": item_id(n), "data": {"qty": 1}} if n % every == 0 else create(n)
        for n in range(count)
    ]
    for start in range(0, count, 1000):
        server.guest().append_all(*events[start : start + 1000])
    return len(range(0, count, every))


def test_a_backlog_longer_than_a_look_is_recorded_in_order_bad_events_or_not(server: Server) -> None:
    bad = backlog(server, 2_400, every=171)
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert (worker.tally.recorded, worker.tally.rejected) == (2_400 - bad, bad)
    assert check_log(server).seq == 2_400 - bad
    assert live_rows(server, NAMES) == expected(fold_log(server))


def test_what_was_made_ready_for_a_log_that_another_worker_has_extended_is_dropped(server: Server) -> None:
    bad = backlog(server, 700, every=97)
    workers = [server.worker(), server.worker()]
    steps = set()
    with ThreadPoolExecutor(1) as beside:
        for turn in range(100):
            steps.add(workers[turn % 2].run_once(beside))
    assert Step.CONFLICT in steps
    assert sum(worker.tally.recorded for worker in workers) == 700 - bad
    assert check_log(server).seq == 700 - bad
    assert live_rows(server, NAMES) == expected(fold_log(server))


def test_an_event_that_was_deleted_after_it_was_looked_at_is_left_out(server: Server) -> None:
    server.guest().append_all(*(create(number) for number in range(300)))
    root, worker = server.superuser(), server.worker()
    with ThreadPoolExecutor(1) as beside:
        assert worker.run_once(beside) is Step.PROGRESS
        last = root.records("events", filter=f'item_id = "{item_id(299)}"')[0]
        following = root.records("events", filter=f'item_id = "{item_id(worker.tally.recorded)}"')[0]
        for event in (last, following):
            assert root("DELETE", f"/api/collections/events/records/{event['id']}").ok
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 298


def test_a_collection_that_is_detached_amid_a_backlog_takes_no_more_events(server: Server) -> None:
    server.guest().append_all(*(create(number) for number in range(300)))
    worker = server.worker()
    with ThreadPoolExecutor(1) as beside:
        assert worker.run_once(beside) is Step.PROGRESS
        recorded = worker.tally.recorded
        server.detach("items")
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert (worker.tally.recorded, worker.tally.rejected) == (recorded, 300 - recorded)


def test_data_that_an_event_may_hold_fits_into_the_row(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "more", "type": "json"}))
    # PocketBase counts bytes, and takes a million of them.
    for number, data in enumerate(("ü" * 450_000, ["ü" * 450_000], {"ключ": "💥" * 200_000})):
        server.guest().append("create", f"large{number:010d}", {"title": "x", "more": data})
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert worker.tally.rejected == 0
    assert check_log(server).seq == 3


def test_pages_of_pending_events_are_no_larger_than_the_worker_can_bear(server: Server) -> None:
    server.edit_fields("items", lambda fields: fields.append({"name": "more", "type": "json"}))
    guest = server.guest()
    for number in range(10):
        guest.append("create", f"large{number:010d}", {"title": "x", "more": "x" * 900_000})
    guest.append_all(*(create(number) for number in range(10)))
    gateway = server.gateway()
    assert len(gateway.pending()) == 3
    worker = server.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 20
    # So are the pages in which the log is read.
    pages = [sum(len(str(event.data)) for event in page) for page in gateway.log(0, 20)]
    assert max(pages[1:]) < 6_000_000
