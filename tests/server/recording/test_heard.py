"""An event that realtime tells of is recorded without a look, if it is the first pending one."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count, islice
from typing import Any

import pytest
from support import NEVER, Client, Server, check_log, create, eventually, item_id, live_rows, pictures, query, seq_of

from pocketbase_events.core.events import Pending
from pocketbase_events.core.transaction import Outcome, Transaction
from pocketbase_events.jobs.record import Recorder, Worker
from pocketbase_events.jobs.record.heard import Heard
from pocketbase_events.jobs.record.steps import Step
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.realtime import PENDING, Record, WakeUp

TITLES = ("title",)


def heard(server: Server, event: dict[str, Any]) -> Pending:
    """What a worker hears of an event."""
    ear = Heard(threading.Event())
    record = server.worker_client().record("events", event["id"])
    ear.told(PENDING.news(json.dumps({"action": "create", "record": record}))[0])
    found = ear.take()
    assert found is not None
    return found


@pytest.fixture
def recorder(server: Server) -> Recorder:
    """One that knows the log and its collections."""
    worker: Worker = server.worker()
    server.guest().append("create", item_id(0), {"title": "first"})
    worker.run_to_end(NEVER)
    return worker._recorder  # noqa: SLF001 - so that the look and the message come in a certain order


def record(recorder: Recorder, event: Pending) -> Step:
    ready = recorder.known.ready_for(event)
    assert ready is not None
    return recorder.record(ready).step


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many events each look has shown."""
    shown: list[int] = []
    pending = Gateway.pending

    def noting(self: Gateway) -> list[Pending]:
        found = pending(self)
        shown.append(len(found))
        return found

    monkeypatch.setattr(Gateway, "pending", noting)
    return shown


DATA = [
    {"title": "<b>\u2028 & 'quoted' \U0001f600</b>"}, {"title": " ", "qty": -0.5}, {"title": "x", "qty": 1e300},
    {"title": "x", "qty": 9007199254740991}, {"title": "x", "done": True, "note": "\n\t\\"},
]  # fmt: skip


def test_an_idle_worker_records_what_it_hears_of_without_a_look(server: Server, looks: list[int]) -> None:
    stop, wake = threading.Event(), threading.Event()
    ear, seen = Heard(wake), server.gateway()
    waking = WakeUp(server.url, seen.token, ear.told)
    working = threading.Thread(target=server.worker().run, args=(stop, wake, waking, ear))
    with ExitStack() as stack:
        stack.callback(waking.stop)
        stack.callback(working.join)
        stack.callback(wake.set)
        stack.callback(stop.set)
        waking.start()
        working.start()
        guest = server.guest()
        for number, data in enumerate(DATA):
            eventually(lambda: waking.connected and looks[-1:] == [0], "an idle worker that is connected")
            looked = len(looks)
            guest.append("create", item_id(number), data)
            eventually(lambda count=number + 1: seq_of(server) == count, "the record")
            eventually(lambda before=looked: len(looks) > before, "a look afterwards")
    assert sum(looks) < len(DATA)
    assert check_log(server).seq == len(DATA)


class Connected:
    """A stream that is always there."""

    connected = True

    def reconnect(self) -> None:
        """It never needs to."""


@pytest.mark.usefixtures("locks")
def test_a_busy_worker_waits_until_there_are_enough_events_to_be_recorded_at_once(
    server: Server, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, wake, numbers = threading.Event(), threading.Event(), count()
    sent: list[int] = []
    transact = Gateway.transact

    def noting(self: Gateway, transaction: Transaction, **more: Any) -> Outcome:
        sent.append(len(transaction.recorded))
        return transact(self, transaction, **more)

    def meanwhile(_: float) -> None:
        some = [{**create(number), "id": f"event{number:010d}"} for number in islice(numbers, 40)]
        server.guest().append_all(*some)
        for event in some:
            ear.told({"id": event["id"]})

    monkeypatch.setattr(Gateway, "transact", noting)
    ear = Heard(wake, timer=lambda: 0.0, sleep=meanwhile)
    worker: Worker = server.worker(timer=lambda: 0.0)
    working = threading.Thread(target=worker.run, args=(stop, wake, Connected(), ear))
    server.guest().append("create", item_id(2000), {"title": "a lone one"})
    wake.set()  # as realtime does; else the worker takes it for deaf, and looks again
    with ExitStack() as stack:
        stack.callback(working.join)
        stack.callback(wake.set)
        stack.callback(stop.set)
        working.start()
        eventually(lambda: looks == [1, 0], "a look that finds nothing after the first record")
        ear.told({"id": "more"})
        eventually(lambda: seq_of(server) == 121, "the others")
    assert sent == [1, 120]
    assert check_log(server).seq == 121


def test_it_waits_its_turn_behind_an_older_event(server: Server, recorder: Recorder) -> None:
    guest = server.guest()
    guest.append("create", item_id(1), {"title": "older"})
    younger = guest.append("update", item_id(1), {"title": "younger"})
    assert record(recorder, heard(server, younger)) is Step.AGAIN
    assert (seq_of(server), live_rows(server, TITLES).keys()) == (1, {item_id(0)})
    assert recorder.record().step is Step.PROGRESS
    assert live_rows(server, TITLES)[item_id(1)] == {"title": "younger"}
    check_log(server)


def test_of_two_workers_that_hear_of_it_the_slower_one_stands_by(server: Server, recorder: Recorder) -> None:
    ready = recorder.known.ready_for(heard(server, server.guest().append("create", item_id(1), {"title": "x"})))
    server.worker().run_to_end(NEVER)
    assert recorder.record(ready).step is Step.CONFLICT
    assert check_log(server).seq == 2


def test_it_is_refused_if_the_schema_has_changed_meanwhile(server: Server, recorder: Recorder) -> None:
    event = heard(server, server.guest().append("create", item_id(1), {"title": "x"}))
    server.edit_fields("items", lambda fields: [each for each in fields if each["name"] != "note"])
    assert record(recorder, event) is Step.AGAIN
    assert seq_of(server) == 1
    assert recorder.record().step is Step.PROGRESS
    assert live_rows(server, TITLES)[item_id(1)] == {"title": "x"}


def test_one_that_is_gone_takes_nothing_with_it(server: Server, recorder: Recorder) -> None:
    appended = server.guest().append("create", item_id(1), {"title": "x"})
    event = heard(server, appended)
    assert server.superuser()("DELETE", f"/api/collections/events/records/{appended['id']}").ok
    assert record(recorder, event) is Step.AGAIN
    assert recorder.record().step is Step.IDLE
    assert check_log(server).seq == 1


def test_one_that_pocketbase_refuses_is_rejected_after_a_look(server: Server, recorder: Recorder) -> None:
    event = server.guest().append("create", item_id(0), {"title": "taken"})
    assert record(recorder, heard(server, event)) is Step.AGAIN
    assert recorder.record().step is Step.PROGRESS
    assert "exists already" in server.superuser().record("events", event["id"])["error"]


@pytest.mark.parametrize(
    "body",
    [{"type": "create", "data": {"titel": "x"}}, {"type": "create", "data": {"title": "x"}, "together": "group"},
     {"type": "create", "data": {"title": "x"}, "collection": "other"}],
    ids=["one to reject", "one of a group", "of a collection that is not attached"],
)  # fmt: skip
def test_what_takes_a_look_is_not_recorded_at_once(server: Server, recorder: Recorder, body: dict[str, Any]) -> None:
    root: Client = server.superuser()
    answer = root(
        "POST", "/api/collections/events/records", json={"collection": "items", "item_id": item_id(1), **body}
    )
    assert recorder.known.ready_for(heard(server, answer.json())) is None


def test_one_with_a_file_takes_a_look(server: Server, recorder: Recorder) -> None:
    pictures.with_pictures(server)
    recorder.known.read_targets()
    event = pictures.append(server.guest(), "create", item_id(1), {"picture": 0}, ("a.png", b"x"))
    assert recorder.known.ready_for(heard(server, event)) is None
    assert server.superuser().records("event_next") == [], "what PocketBase records without a look"


def test_what_is_recorded_already_is_not_sent_again(server: Server, recorder: Recorder) -> None:
    event = heard(server, server.guest().append("create", item_id(1), {"title": "x"}))
    recorder.record()
    assert recorder.known.ready_for(event) is None


def test_nobody_else_has_an_event_recorded_out_of_turn(server: Server, recorder: Recorder) -> None:
    event = heard(server, server.guest().append("create", item_id(1), {"title": "x"}))
    ready = recorder.known.ready_for(event)
    assert ready is not None
    assert ready.draft is not None
    forged = replace(ready.draft.transaction, heard=f"{event.id} 2001-01-01 00:00:00.000Z")
    assert server.gateway().transact(forged) != server.gateway().transact(ready.draft.transaction)
    assert query(server, "SELECT seq FROM event_head") == [(2,)]


@pytest.mark.parametrize(
    "message",
    [
        '{"record": {"seq": 0, "error": "", "data": {"a": 1, "a": 2}}}',
        '{"record": {"seq": 0, "error": "", "id": "\\ufffd"}}',
        '{"record": {"seq": 0, "error": "", "data": 1e999}}',
    ],
    ids=["a key twice", "bytes that are not UTF-8", "a number that no double holds"],
)  # fmt: skip
def test_what_not_everybody_reads_alike_takes_a_look(message: str) -> None:
    assert PENDING.news(message) == [None]


def test_two_messages_take_a_look(server: Server) -> None:
    ear = Heard(threading.Event())
    record: Record = server.guest().append("create", item_id(1), {"title": "x"})
    for _ in range(2):
        ear.told(record)
    assert ear.take() is None
    assert ear.take() is None, "nothing was heard since"
