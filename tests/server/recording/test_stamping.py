"""Many events are recorded at once by a trigger, under the promises that hold for one by one."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from support import NAMES, NEVER, Client, Server, check_log, create, fold_log, item_id, live_rows, query
from support.recording import expected

from pocketbase_events.core.batch import STAMPS_ID, VERSION, append_requests
from pocketbase_events.core.transaction import STAMPED_FROM, Outcome, Transaction
from pocketbase_events.jobs.record import Recorder, Worker
from pocketbase_events.pb.gateway import Gateway

pytestmark = pytest.mark.usefixtures("locks")
STAMPS = f"/api/collections/event_stamps/records/{STAMPS_ID}"


def append(client: Client, first: int, count: int) -> None:
    for start in range(first, first + count, 200):
        client.append_all(*(create(number) for number in range(start, min(start + 200, first + count))))


def watched(monkeypatch: pytest.MonkeyPatch) -> list[Transaction]:
    """The transactions that are sent from now on."""
    sent: list[Transaction] = []
    transact: Callable[..., Outcome] = Gateway.transact

    def noting(self: Gateway, transaction: Transaction, **more: Any) -> Outcome:
        sent.append(transaction)
        return transact(self, transaction, **more)

    monkeypatch.setattr(Gateway, "transact", noting)
    return sent


def record(server: Server) -> None:
    server.worker().run_to_end(NEVER)


@pytest.mark.parametrize(("count", "stamped"), [(STAMPED_FROM - 1, False), (STAMPED_FROM, True)])
def test_a_transaction_of_more_than_a_hundred_events_is_stamped(
    server: Server, monkeypatch: pytest.MonkeyPatch, count: int, *, stamped: bool
) -> None:
    sent = watched(monkeypatch)
    append(server.guest(), 0, count)
    record(server)
    assert {each.stamped for each in sent} == {stamped}
    assert check_log(server).seq == count
    assert live_rows(server, NAMES) == expected(fold_log(server))
    left = server.superuser()("GET", STAMPS).json()
    assert (left["stamps"], left["remaining"]) == (None, 0)


def test_rejections_among_them_are_written_as_ever(server: Server) -> None:
    guest = server.guest()
    append(guest, 0, 60)
    guest.append("update", item_id(999), {"qty": 1})
    guest.append("create", item_id(998), {"titel": "x"})
    append(guest, 60, 120)
    record(server)
    assert check_log(server).seq == 180
    assert len(server.superuser().records("events", filter='error != ""')) == 2


def test_without_the_trigger_nothing_is_recorded_at_once_and_nothing_is_lost(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = server.worker()
    worker.run_to_end(NEVER)  # it has seen the trigger
    server.admin().sql("DROP TRIGGER pbe_stamps_update")
    sent = watched(monkeypatch)
    append(server.guest(), 0, 150)
    worker.run_to_end(NEVER)
    assert sent[0].stamped
    assert not any(each.stamped for each in sent[1:])
    assert check_log(server).seq == 150
    assert server.superuser()("GET", STAMPS).json()["remaining"] == 0


def test_an_event_that_is_deleted_meanwhile_takes_no_other_with_it(server: Server) -> None:
    worker: Worker = server.worker()
    append(server.guest(), 0, 150)
    recorder: Recorder = worker._recorder  # noqa: SLF001 - so that the deletion comes after the look
    recorder.known.catch_up()
    page = recorder.known.first_page()
    root = server.superuser()
    assert root("DELETE", f"/api/collections/events/records/{page.page[70].id}").ok
    recorder.record(page)
    worker.run_to_end(NEVER)
    assert check_log(server).seq == 149


@pytest.mark.parametrize("name", ["guest", "user", "worker", "superuser"])
def test_nobody_stamps_outside_of_a_recording_transaction(server: Server, name: str) -> None:
    clients: dict[str, Callable[[], Client]] = {
        "guest": server.guest, "user": lambda: server.user("ann"), "worker": server.worker_client,
        "superuser": server.superuser,
    }  # fmt: skip
    client = clients[name]()
    event = server.guest().append("create", item_id(1), {"title": "x"})
    stamps = [f"{uuid4()}{'0' * 64}2026-01-01 00:00:00.000Z{event['id']}"]
    body = {"version": VERSION, "stamps": stamps, "remaining": 1}
    assert not client("PATCH", STAMPS, json=body).ok
    assert not client.batch(("PATCH", STAMPS, body), ("PATCH", STAMPS, {"version": VERSION})).ok
    assert server.superuser().record("events", event["id"])["seq"] == 0


@pytest.mark.parametrize(("recorded", "remaining"), [(0, 1), (0, 2), (1, 2), (3, 4)])
def test_a_stamp_never_marks_an_event_without_recording_it(server: Server, recorded: int, remaining: int) -> None:
    append(server.guest(), 0, recorded)
    record(server)
    append(server.guest(), recorded, 3)
    events = server.superuser().records("events", filter="seq = 0")
    stamps = [f"{uuid4()}{'0' * 64}2026-01-01 00:00:00.000Z{events[0]['id']}"]
    assert not server.superuser()("PATCH", STAMPS, json={"stamps": stamps, "remaining": remaining}).ok
    assert server.superuser().records("events", filter="seq = 0") == events


@pytest.mark.parametrize("name", ["guest", "user", "worker"])
def test_nobody_but_a_superuser_appends_events_all_at_once(server: Server, name: str) -> None:
    clients = {"guest": server.guest, "user": lambda: server.user("ann"), "worker": server.worker_client}
    appended = [["forged000000001", "create", "items", item_id(1), "somebody", {"title": "x"}, "", "", 0, False]]
    client = clients[name]()
    for body in ({"appended": appended}, {"version": VERSION, "appended": appended}):
        assert not client("PATCH", STAMPS, json=body).ok
    assert query(server, "SELECT COUNT(*) FROM events") == [(0,)]


DATA = [
    None, "", "text", '{"looks": "like JSON"}', 0, -1.5e300, 9007199254740991, True, [], [[1, "<&>\u2028"]], {},
    {"b": {"a": None}, "a": '\u00e9\U0001f600 \x00 \x7f \\ "quoted"', "": 1e-7},
]  # fmt: skip


def test_events_appended_all_at_once_lie_in_the_file_as_if_appended_one_by_one(server: Server) -> None:
    fields = {"type": "create", "collection": "items", "actor": "ann", "reason": "because", "together": "group1",
              "expected_seq": 7, "adopted": True}  # fmt: skip
    root = server.superuser()
    for number, data in enumerate([*DATA, *DATA]):
        event = {**fields, "id": f"event{number:010d}", "item_id": item_id(number % len(DATA)), "data": data}
        requests = append_requests([event], at_once=number >= len(DATA))
        assert root("POST", "/api/batch", json={"requests": requests}).ok
    rows = query(server, "SELECT * FROM events ORDER BY rowid")
    columns = [name for _, name, *_ in query(server, "PRAGMA table_info(events)")]
    found = [{**dict(zip(columns, row, strict=True)), "id": "", "created": ""} for row in rows]
    assert found[: len(DATA)] == found[len(DATA) :]
    assert len({row[columns.index("created")][:10] for row in rows}) == 1
