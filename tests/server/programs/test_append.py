"""Appending from Python: as anybody who may, once, whatever the network does, until the outcome is known."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from proxy import Proxy
from support import SUPERUSER, WORKER, Server, check_log, start_copy
from support.working import AS_WORKER, working

from pocketbase_events import (
    Account,
    AppendRefusedError,
    CredentialsRefusedError,
    EventLog,
    EventRejected,
    NewEvent,
    StillPendingError,
    TroubleError,
    WrongUsageError,
    new_id,
)
from pocketbase_events.jobs.append import append

RECORDS = "/api/collections/events/records"
AS_SUPERUSER = Account(*SUPERUSER, "_superusers")


@pytest.fixture(scope="module")
def busy(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with a worker."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("busy") / "pocketbase"):
        with working(server):
            yield server
        check_log(server)


@pytest.fixture(scope="module")
def ann(busy: Server) -> Iterator[EventLog]:
    """The log as Ann sees it, who appends."""
    busy.user("ann")
    with EventLog(busy.url, Account("ann@example.com", "user-password")) as log:
        yield log


def test_it_returns_the_event_as_recorded_with_its_row_written(busy: Server, ann: EventLog) -> None:
    item = new_id()
    event = ann.append("create", "items", item, {"title": "Milk", "qty": 1.5})
    assert (event.type, event.item_id, event.data) == ("create", item, {"title": "Milk", "qty": 1.5})
    assert event.seq > 0
    assert len(event.hash) == 64
    assert busy.guest().record("items", item)["qty"] == 1.5
    assert ann.append("delete", "items", item).data is None
    assert busy.guest().record("items", item)["deleted"] is True


def test_an_event_that_cannot_be_applied_is_raised_with_the_sentence(ann: EventLog) -> None:
    with pytest.raises(EventRejected, match='items has no field "colour"') as rejected:
        ann.append("create", "items", new_id(), {"colour": "red"}, id="chosen000000001")
    assert rejected.value.id == "chosen000000001"
    assert str(rejected.value) == rejected.value.why


def test_whoever_appends_is_the_events_actor(busy: Server, ann: EventLog) -> None:
    assert ann.append("create", "items", new_id(), {"title": "x"}).actor
    for account in (AS_SUPERUSER, AS_WORKER, busy.user("bob").session.headers["Authorization"]):
        with EventLog(busy.url, account) as log:
            assert len(log.append("create", "items", new_id(), {"title": "x"}).actor) == 15


def test_what_pocketbase_does_not_accept_is_reported_with_what_to_do(ann: EventLog) -> None:
    with pytest.raises(AppendRefusedError, match="nothing_here is not attached, or its rule"):
        ann.append("create", "nothing_here", new_id(), {"title": "x"})
    with pytest.raises(AppendRefusedError, match="id: "):
        ann.append("create", "items", new_id(), {"title": "x"}, id="Not an id/../")


def test_the_same_event_again_is_the_same_one_and_another_with_its_id_is_refused(ann: EventLog) -> None:
    item, chosen = new_id(), new_id()
    first = ann.append("create", "items", item, {"title": "x"}, id=chosen)
    assert ann.append("create", "items", item, {"title": "x"}, id=chosen) == first
    with pytest.raises(AppendRefusedError, match="another event has its id"):
        ann.append("create", "items", new_id(), {"title": "x"}, id=chosen)


def test_a_group_is_recorded_whole_with_what_its_events_say(busy: Server, ann: EventLog) -> None:
    item = new_id()
    created = NewEvent("create", "items", item, {"title": "x"}, reason="first")
    group = [created, NewEvent("update", "items", item, {"qty+": 2})]
    events = ann.append_together(group)
    assert [event.data for event in events] == [{"title": "x"}, {"qty+": 2}]
    assert [event.reason for event in events] == ["first", ""]
    assert events[1].seq == events[0].seq + 1
    assert events[0].together == events[1].together != ""
    assert {event.actor for event in events} == {busy.client("users", "ann@example.com", "user-password").user_id}
    assert ann.append_together(group) == events
    assert ann.append_together([]) == []
    alone = ann.append("update", "items", item, {"qty+": 1}, reason="more", together="mine")
    assert (alone.reason, alone.together) == ("more", "mine")
    assert busy.guest().record("items", item)["qty"] == 3


def test_a_group_that_cannot_be_recorded_names_the_event_to_blame(ann: EventLog) -> None:
    item = new_id()
    events = [NewEvent("create", "items", item, {"title": "x"}), NewEvent("update", "items", item, {"colour": "red"})]
    with pytest.raises(EventRejected, match='items has no field "colour"') as rejected:
        ann.append_together(events)
    assert (rejected.value.id, "together" in rejected.value.why) == (events[1].id, False)
    with pytest.raises(AppendRefusedError, match="nothing_here is not attached, or its rule"):
        ann.append_together(
            [NewEvent("create", "items", item, {"title": "x"}), NewEvent("delete", "nothing_here", item)]
        )
    with pytest.raises(AppendRefusedError, match="its id was used before"):
        ann.append_together([events[0], NewEvent("delete", "items", item)])
    with pytest.raises(WrongUsageError, match="At most 100 events"):
        ann.append_together([NewEvent("create", "items", new_id(), {"title": "x"})] * 101)


def test_a_lost_answer_does_not_double_a_group(busy: Server) -> None:
    proxy = Proxy(busy.port)
    with EventLog(proxy.url, AS_WORKER) as log:
        before = busy.gateway().status().seq
        proxy.drop_the_answer_to(b"POST /api/batch", times=2)
        events = log.append_together([NewEvent("create", "items", new_id(), {"title": "x"}) for _ in range(3)])
        assert [event.seq for event in events] == [before + 1, before + 2, before + 3]
        assert proxy.hits >= 1
    proxy.close()


def test_threads_share_a_log(busy: Server, ann: EventLog) -> None:
    before = busy.gateway().status().seq
    with ThreadPoolExecutor(16) as pool:
        events = list(pool.map(lambda _: ann.append("create", "items", new_id(), {"title": "x"}), range(64)))
    assert sorted(event.seq for event in events) == list(range(before + 1, before + 65))


def test_a_lost_answer_does_not_double_the_event(busy: Server) -> None:
    proxy = Proxy(busy.port)
    with EventLog(proxy.url, AS_WORKER) as log:
        log.append("create", "items", new_id(), {"title": "x"})
        before = busy.gateway().status().seq
        proxy.drop_the_answer_to(b"POST " + RECORDS.encode(), times=3)
        assert log.append("create", "items", new_id(), {"title": "x"}).seq == before + 1
        assert proxy.hits >= 1
        proxy.refuse()
        with pytest.raises(StillPendingError, match="can't be reached"):
            log.append("create", "items", new_id(), {"title": "x"}, within=0.5)
        proxy.be_well()
        assert log.append("create", "items", new_id(), {"title": "x"}).seq == before + 2
    proxy.close()


def test_a_wrong_password_and_an_invalid_address_are_reported_at_once(busy: Server) -> None:
    wrong = Account("ann@example.com", "wrong-password")
    with EventLog(busy.url, wrong) as log, pytest.raises(CredentialsRefusedError):
        log.append("create", "items", new_id(), {"title": "x"})
    with pytest.raises(WrongUsageError, match="must start with http"):
        EventLog("127.0.0.1:8090", "token")
    assert "wrong-password" not in repr(wrong)


def test_an_expired_token_is_renewed_and_a_given_one_is_reported(busy: Server) -> None:
    eve = busy.user("eve")
    token = str(eve.session.headers["Authorization"])
    with EventLog(busy.url, Account("eve@example.com", "user-password")) as log, EventLog(busy.url, token) as fixed:
        log.append("create", "items", new_id(), {"title": "x"})
        password = {"oldPassword": "user-password", "password": "user-password", "passwordConfirm": "user-password"}
        assert eve("PATCH", f"/api/collections/users/records/{eve.user_id}", json=password).ok
        assert log.append("create", "items", new_id(), {"title": "x"}).actor == eve.user_id
        with pytest.raises(AppendRefusedError, match="expired or was revoked"):
            fixed.append("create", "items", new_id(), {"title": "x"})


def test_without_a_worker_the_event_stays_pending_and_is_waited_for_again(server: Server) -> None:
    chosen, item = new_id(), new_id()
    with EventLog(server.url, AS_SUPERUSER) as log:
        with pytest.raises(StillPendingError, match="Is a worker running") as late:
            log.append("create", "items", item, {"title": "x"}, id=chosen, within=0.3)
        assert late.value.id == chosen
        assert log.pending() == 1
        with working(server):
            assert log.append("create", "items", item, {"title": "x"}, id=chosen).seq == 1
        assert log.pending() == 0


def test_a_worker_of_ones_own_takes_the_workers_account_and_its_password(server: Server) -> None:
    with EventLog(server.url, AS_SUPERUSER) as log, pytest.raises(WrongUsageError, match="worker's account"):
        log.run_worker(threading.Event())
    with (
        EventLog(server.url, Account(WORKER[0], "wrong", "event_workers")) as log,
        pytest.raises(CredentialsRefusedError),
    ):
        log.run_worker(threading.Event())


def test_nobody_there_is_trouble(server: Server) -> None:
    server.stop()
    with EventLog(server.url, AS_WORKER) as log, pytest.raises(TroubleError, match="can't be reached"):
        log.head()


class Silent(threading.Event):
    """A flag that nobody sets, and that does not wait either; it notes for how long it should."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return False


def test_where_realtime_tells_nothing_it_looks_soon_and_then_less_often(server: Server) -> None:
    event, silent = NewEvent("create", "items", new_id(), {"title": "x"}), Silent()
    clock = iter(range(100))
    with pytest.raises(StillPendingError):
        append(server.gateway()._connection, [event], silent, timer=lambda: float(next(clock)), within=7.0)  # noqa: SLF001 - an account that may append
    assert silent.waits == [0.25, 0.5, 1.0, 2.0, 2.0, 1.0]
