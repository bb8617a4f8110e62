"""Following the log, and reading the past, from Python."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice

import pytest
from support import DEADLINE, SUPERUSER, Server, create, eventually, fill_log, item_id, unlocked
from support.working import AS_WORKER

from pocketbase_events import Account, EventLog, LogWentBackError, Recorded, WrongUsageError
from pocketbase_events.jobs.follow import LOOK_EVERY_UNHEARD

NEVER = threading.Event()


@pytest.fixture
def log(server: Server) -> Iterator[EventLog]:
    with EventLog(server.url, AS_WORKER) as seen:
        yield seen


class Follower(threading.Thread):
    """Somebody who follows, in a thread; `seen` are the events, `failure` what ended it."""

    def __init__(self, log: EventLog, after: int = 0) -> None:
        super().__init__(daemon=True)
        self.seen: list[Recorded] = []
        self.failure: Exception | None = None
        self.stop = threading.Event()
        self._events = log.follow(after, stop=self.stop)
        self.start()

    def run(self) -> None:
        try:
            self.seen.extend(self._events)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.failure = error

    def ends(self) -> None:
        self.stop.set()
        self.join(DEADLINE)
        assert not self.is_alive()

    def seqs(self) -> list[int]:
        return [event.seq for event in self.seen]


def record(server: Server, *numbers: int) -> None:
    """Record the creation of these items."""
    server.guest().append_all(*(create(number) for number in numbers))
    server.worker().run_to_end(NEVER)


def test_it_tells_the_log_from_a_seq_on_and_then_each_event_as_it_is_recorded(server: Server, log: EventLog) -> None:
    record(server, 1, 2, 3)
    follower = Follower(log, after=1)
    eventually(lambda: follower.seqs() == [2, 3], "what is there")
    numbers = count(4)

    def is_told_at_once() -> bool:
        number = next(numbers)
        record(server, number)
        started = time.monotonic()
        eventually(lambda: len(follower.seen) == number - 1, "what comes")
        assert follower.seen[-1].item_id == item_id(number)
        return time.monotonic() - started < LOOK_EVERY_UNHEARD / 4

    eventually(lambda: all(is_told_at_once() for _ in range(3)), "three events in a row of which realtime tells")
    assert follower.seqs() == list(range(2, next(numbers)))
    follower.ends()


def test_one_that_remembers_the_last_seq_misses_and_repeats_nothing(server: Server, log: EventLog) -> None:
    record(server, *range(1, 101))
    seen: list[int] = []
    while batch := [event.seq for event in islice(log.follow(seen[-1] if seen else 0, until_head=True), 7)]:
        seen += batch
        if len(seen) == 49:
            record(server, *range(101, 121))
    assert seen == list(range(1, 121))


def test_a_restart_of_pocketbase_is_waited_out(server: Server, log: EventLog) -> None:
    record(server, 1)
    follower = Follower(log)
    eventually(lambda: follower.seqs() == [1], "the first event")
    server.stop()
    time.sleep(0.3)  # long enough to meet a PocketBase that is not there
    server.start()
    record(server, 2)
    eventually(lambda: follower.seqs() == [1, 2], "the second event")
    follower.ends()
    assert follower.failure is None


def test_a_long_log_is_followed_in_order_and_without_gaps_while_it_grows(server: Server, log: EventLog) -> None:
    server.stop()
    fill_log(server, 5000)
    server.start()
    follower = Follower(log)
    record(server, *range(2000, 2100))
    eventually(lambda: len(follower.seen) == 5100, "all events")
    assert follower.seqs() == list(range(1, 5101))
    follower.ends()


def test_only_events_of_the_named_collections_are_followed(server: Server, log: EventLog) -> None:
    for name in ("notes", "tasks"):
        server.create_collection(name, [{"name": "title", "type": "text"}])
        server.attach(name)
    guest = server.guest()
    for place, name in enumerate(("notes", "items", "tasks", "notes")):
        guest.append("create", item_id(place), {"title": "x"}, name)
    server.worker().run_to_end(NEVER)

    def told(*collections: str) -> list[int]:
        return [event.seq for event in log.follow(collections=collections, until_head=True)]

    assert told("notes") == [1, 4]
    assert told("notes", "tasks") == [1, 3, 4]
    assert told() == [1, 2, 3, 4]


def test_a_log_that_went_back_is_reported_even_if_it_has_grown_again(server: Server, log: EventLog) -> None:
    record(server, 1, 2, 3)
    with pytest.raises(LogWentBackError, match="up to seq 7: it ends at seq 3"):
        next(log.follow(7))
    follower = Follower(log)
    eventually(lambda: follower.seqs() == [1, 2, 3], "what is there")
    server.stop()
    with unlocked(server) as database:  # as a backup from before seq 2 has it
        database.execute("DELETE FROM events WHERE seq > 1")
        database.execute("DELETE FROM items WHERE id != ?", (item_id(1),))
        database.execute("UPDATE event_head SET seq = 1, hash = (SELECT hash FROM events WHERE seq = 1)")
    server.start()
    record(server, 4, 5, 6, 7)
    eventually(lambda: follower.failure, "the end")
    assert isinstance(follower.failure, LogWentBackError)
    assert follower.seqs() == [1, 2, 3]


def test_the_log_is_read_by_the_worker_and_by_superusers_only(server: Server) -> None:
    record(server, 1)
    with EventLog(server.url, Account(*SUPERUSER, "_superusers")) as log:
        assert [event.seq for event in log.follow(until_head=True)] == [1]
    server.user("ann")
    with EventLog(server.url, Account("ann@example.com", "user-password")) as log:
        for read in (log.head, log.pending, lambda: log.rows("items"), lambda: next(log.follow())):
            with pytest.raises(WrongUsageError, match="or a superuser's"):
                read()


def test_history_and_rows_at_a_moment(server: Server, log: EventLog) -> None:
    started = datetime.now(UTC) - timedelta(seconds=1)
    record(server, 1)
    server.guest().append("update", item_id(1), {"qty": 2})
    server.worker().run_to_end(NEVER)
    assert [entry["changes"] for entry in log.history("items", item_id(1))] == [
        {"title": [None, "x"]},
        {"qty": [None, 2]},
    ]
    row = {"id": item_id(1), "title": "x", "deleted": False}
    assert log.rows("items", at=1) == [row]
    assert log.rows("items", item_id(1)) == [{**row, "qty": 2}]
    assert log.rows("items", at=started) == log.rows("items", at=started.replace(tzinfo=None)) == []
    with pytest.raises(WrongUsageError, match="not attached"):
        log.rows("itmes")


def test_the_environment_of_the_command_line_serves_as_well(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    record(server, 1)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    for without in ("POCKETBASE_SUPERUSER_PASSWORD", "POCKETBASE_EVENTS_WORKER_PASSWORD"):
        with monkeypatch.context() as context:
            context.delenv(without)
            with EventLog.from_environment() as log:
                assert log.head().seq == 1
    monkeypatch.setenv("POCKETBASE_URL", "nonsense")
    with pytest.raises(WrongUsageError, match="POCKETBASE_URL must start"):
        EventLog.from_environment()
