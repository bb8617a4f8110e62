"""The worker as a process: waking up, standing by, stopping, and surviving what its users will do to it."""

import json
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import requests
from proxy import Proxy
from sseclient import SSEClient
from support import DEADLINE, Client, Server, check_log, command, create, eventually, fold_log, live_rows

from pocketbase_events.jobs.status import retry
from pocketbase_events.pb.realtime import PENDING, WakeUp

NAMES = ("title", "qty", "done", "note", "deleted")
EMPTY = {"title": "", "qty": 0, "done": False, "note": "", "deleted": False}


def pending(server: Server) -> int:
    with server.database() as database:
        found = database.execute("SELECT COUNT(*) FROM events WHERE seq = 0 AND error = ''").fetchone()[0]
    database.close()
    return int(found)


def is_settled(server: Server) -> bool:
    return pending(server) == 0


def seq(server: Server) -> int:
    with server.database() as database:
        found = database.execute("SELECT seq FROM event_head").fetchone()[0]
    database.close()
    return int(found)


class Log:
    """What a worker process says on standard error, collected as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self.lines.extend(iter(self._process.stderr.readline, ""))

    def has(self, event: str) -> bool:
        return any(event in line for line in self.lines)

    def count(self, event: str) -> int:
        return sum(event in line for line in self.lines)


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start_worker(stack: ExitStack, server: Server, **more: str) -> tuple[subprocess.Popen[str], Log]:
    environment = {**server.environment, **more}
    environment.pop("POCKETBASE_SUPERUSER_PASSWORD")
    process = stack.enter_context(command("run", env=environment))
    log = Log(process)
    eventually(lambda: log.has("connected"), "the worker's connection")
    return process, log


@contextmanager
def listening(server: Server, token: str) -> Iterator[list[str]]:
    """What PocketBase sends to those who subscribe as the wake-up does."""
    received: list[str] = []
    with requests.get(f"{server.url}/api/realtime", stream=True, timeout=DEADLINE) as stream:

        def receive() -> None:
            with suppress(requests.RequestException):
                for message in SSEClient(stream.iter_content(4096)).events():
                    received.append(message.data)  # noqa: PERF401 - each is to be seen when it comes

        thread = threading.Thread(target=receive)
        thread.start()
        eventually(lambda: received, "the connection")
        body = {"clientId": json.loads(received.pop())["clientId"], "subscriptions": [PENDING.subscription]}
        headers = {"Authorization": token}
        assert requests.post(f"{server.url}/api/realtime", json=body, headers=headers, timeout=DEADLINE).ok
        yield received
        stream.raw.shutdown()
        thread.join(DEADLINE)


def test_only_pending_events_wake_a_worker_and_their_content_is_not_sent(server: Server) -> None:
    gateway, worker, wake = server.gateway(), server.worker(), threading.Event()
    waking = WakeUp(server.url, gateway.token, lambda _: wake.set())
    waking.start()
    assert wake.wait(DEADLINE), "the connection wakes it"
    with ExitStack() as stack, listening(server, gateway.token()) as received:
        stack.callback(waking.stop)
        guest, secret = server.guest(), {"title": "secret"}
        for number, title in enumerate(("recorded", "rejected")):
            wake.clear()
            event = guest.append("create", "item00000000001", secret)
            assert wake.wait(DEADLINE), f"the event to be {title}"
            wake.clear()
            worker.run_to_end(threading.Event())
            eventually(lambda count=2 * number + 2: len(received) == count, f"the message that it is {title}")
            assert not wake.wait(0.2)
        retry(server.admin(), [event["id"]], everything=False)
        assert wake.wait(DEADLINE), "the event to be retried"
        assert "secret" not in "".join(received)


@pytest.mark.parametrize("message", ["", "no JSON", "[]", "null", '{"record": null}', '{"record": {}}'])
def test_a_message_that_can_not_be_read_wakes_the_worker_to_be_sure(message: str) -> None:
    assert PENDING.news(message) == [None]


def test_realtime_wakes_the_worker_at_once(server: Server, processes: ExitStack) -> None:
    start_worker(processes, server)
    guest, took = server.guest(), []
    for number in range(5):
        started = time.monotonic()
        guest.append("create", f"item{number:011d}", {"title": "x"})
        eventually(lambda wanted=number + 1: seq(server) == wanted, "the record")
        took.append(time.monotonic() - started)
    # Polling alone would take a second on average.
    assert sorted(took)[2] < 0.5


def test_events_that_were_pending_before_the_start_are_recorded(server: Server, processes: ExitStack) -> None:
    guest = server.guest()
    for number in range(300):
        guest.append("create", f"item{number:011d}", {"title": "x"})
    start_worker(processes, server)
    eventually(lambda: seq(server) == 300, "the backlog")
    check_log(server)


def test_a_worker_started_before_pocketbase_waits_for_it(server: Server, processes: ExitStack) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    server.stop()
    process = processes.enter_context(command("run", env=server.environment))
    log = Log(process)
    eventually(lambda: log.has("waiting_for_pocketbase"), "the worker's patience")
    server.start()
    eventually(lambda: seq(server) == 1, "the record")


def test_the_worker_comes_back_after_a_restart_of_pocketbase(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    server.stop()
    eventually(lambda: log.has("trouble"), "the worker's notice")
    server.start()
    server.guest().append("create", "item00000000001", {"title": "x"})
    eventually(lambda: seq(server) == 1, "the record", deadline=10)
    # The realtime stream is back too: the next event is recorded faster than polling would.
    eventually(lambda: log.has("recovered"), "the news that all is well")
    assert log.count("trouble") <= 2
    # A PocketBase that is back before the stream is missed is no news.
    assert log.count("realtime_lost") <= 1
    eventually(lambda: is_recorded_at_once(server), "the stream's return")


def is_recorded_at_once(server: Server) -> bool:
    """Whether an event that is appended now is recorded faster than polling would, as a rule."""
    before, started = seq(server), time.monotonic()
    server.guest().append("create", f"item{before + 1:011d}", {"title": "x"})
    eventually(lambda: seq(server) > before, "the record")
    return time.monotonic() - started < 0.3


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_the_middle_of_its_work(
    server: Server, processes: ExitStack, how: signal.Signals
) -> None:
    guest = server.guest()
    guest.append_all(*(create(number) for number in range(1000)))
    process, log = start_worker(processes, server)
    eventually(lambda: seq(server) > 0, "the first record")
    process.send_signal(how)
    assert process.wait(5) == 0
    assert log.has("stopped")
    assert check_log(server).seq < 1000
    assert live_rows(server, ("title",)).keys() == fold_log(server).keys()


def test_two_workers_never_fork_the_log_and_the_loser_stands_by(server: Server, processes: ExitStack) -> None:
    logs = [start_worker(processes, server)[1] for _ in range(2)]
    guest = server.guest()
    for number in range(40):
        guest.append("create", f"item{number:011d}", {"title": "x"})
    eventually(lambda: seq(server) == 40, "all records")
    check_log(server)
    eventually(lambda: sum(log.count("standing_by") for log in logs) == 1, "the loser's standing by")
    for number in range(40, 80):
        guest.append("create", f"item{number:011d}", {"title": "x"})
    eventually(lambda: seq(server) == 80, "all records")
    assert sum(log.count("conflict") for log in logs) == 1, "a standby makes no further conflicts"
    check_log(server)


def test_a_standby_takes_over_from_a_worker_that_was_killed(server: Server, processes: ExitStack) -> None:
    workers = [start_worker(processes, server) for _ in range(2)]
    guest = server.guest()
    number = 0

    def one_stands_by() -> bool:
        nonlocal number
        guest.append("create", f"item{number:011d}", {"title": "x"})
        number += 1
        return any(log.has("standing_by") for _, log in workers)

    eventually(one_stands_by, "the loser's standing by")
    active = next(process for process, log in workers if not log.has("standing_by"))
    eventually(lambda: is_settled(server), "all records")
    active.kill()
    guest.append("create", "last00000000001", {"title": "x"})
    eventually(lambda: is_settled(server), "the takeover", deadline=10)
    check_log(server)


def test_a_held_head_is_left_alone_until_the_hold_ends(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    until = time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime(time.time() + 3))
    assert root.batch(("PATCH", path, {"hold_by": "somebody", "hold_until": until})).ok
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: log.has("held"), "the worker's notice")
    assert seq(server) == 0
    assert pending(server) == 1
    eventually(lambda: seq(server) == 1, "the record after the hold")
    assert log.count("held") == 1


def test_a_revoked_token_is_noticed_and_renewed(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    worker = root.records("event_workers")[0]
    # The same password set again makes a new token key: every token given out so far is a guest's now.
    password = {"password": "worker-password", "passwordConfirm": "worker-password"}
    assert root("PATCH", f"/api/collections/event_workers/records/{worker['id']}", json=password).ok
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: seq(server) == 1, "the record")
    assert not log.has("conflict")
    assert not log.has("standing_by")


def test_a_token_is_renewed_before_it_expires(server: Server, processes: ExitStack) -> None:
    root = server.superuser()
    workers = root("GET", "/api/collections/event_workers").json()
    workers["authToken"]["duration"] = 10
    assert root("PATCH", "/api/collections/event_workers", json={"authToken": workers["authToken"]}).ok
    _, log = start_worker(processes, server)
    guest, end, number = server.guest(), time.monotonic() + 13, 0
    while time.monotonic() < end:
        guest.append("create", f"item{number:011d}", {"title": "x"})
        number += 1
        eventually(lambda: is_settled(server), "the record")
    assert seq(server) == number
    assert not log.has("trouble")
    assert not log.has("conflict")


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A network between the worker and PocketBase."""
    between = Proxy(server.port)
    yield between
    between.close()


def test_a_stream_that_died_silently_is_noticed_and_replaced(
    server: Server, processes: ExitStack, proxy: Proxy
) -> None:
    start_worker(processes, server, POCKETBASE_URL=proxy.url)
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: seq(server) == 1, "the first record")
    proxy.silence_streams()
    guest.append("create", "item00000000002", {"title": "x"})
    eventually(lambda: seq(server) == 2, "the record that polling finds", deadline=5)
    number = 2

    def heard_at_once() -> bool:
        nonlocal number
        number += 1
        started = time.monotonic()
        guest.append("create", f"item{number:011d}", {"title": "x"})
        eventually(lambda: seq(server) == number, "the record")
        return time.monotonic() - started < 0.3

    # Three in a row: polling alone is that fast only by chance.
    eventually(lambda: all(heard_at_once() for _ in range(3)), "the new stream")
    check_log(server)


def test_an_answer_that_got_lost_after_the_commit_doubles_nothing(
    server: Server, processes: ExitStack, proxy: Proxy
) -> None:
    _, log = start_worker(processes, server, POCKETBASE_URL=proxy.url)
    guest = server.guest()
    for number in range(5):
        proxy.dropped.clear()
        proxy.drop_the_answer_to(b"POST /api/batch")
        guest.append("create", f"item{number:011d}", {"title": "x"})
        assert proxy.dropped.wait(10)
        eventually(lambda: is_settled(server), "the record")
    guest.append("update", "item00000000000", {"qty": 1})
    eventually(lambda: seq(server) == 6, "the last record")
    check_log(server)
    assert len(live_rows(server, ("id",))) == 5
    assert log.has("trouble")
    assert not log.has("conflict")
    assert not log.has("rejected")


def test_a_changed_rule_of_a_target_stops_nothing_for_good(server: Server, processes: ExitStack) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    assert root("PATCH", "/api/collections/items", json={"createRule": None}).ok
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: log.has("pocketbase-events attach items"), "what to do")
    assert pending(server) == 1
    server.attach("items")
    eventually(lambda: seq(server) == 1, "the record")


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ({"batch": {"enabled": False}}, {"batch": {"enabled": True, "maxRequests": 1000}}, "batch API is switched off"),
        (
            {"rateLimits": {"enabled": True, "rules": [{"label": "/api/batch", "maxRequests": 1, "duration": 60}]}},
            {"rateLimits": {"enabled": False}},
            "rate limiter refuses",
        ),
    ],
)
def test_settings_that_keep_the_worker_from_recording_are_told_and_waited_out(
    server: Server, processes: ExitStack, wrong: dict[str, Any], right: dict[str, Any], says: str
) -> None:
    _, log = start_worker(processes, server)
    root, guest = server.superuser(), server.guest()
    assert root("PATCH", "/api/settings", json=wrong).ok

    def told() -> bool:
        guest.append("create", f"item{time.time_ns() % 10**11:011d}", {"title": "x"})
        return log.has(says)

    eventually(told, "the sentence")
    assert pending(server) > 0
    assert root("PATCH", "/api/settings", json=right).ok
    eventually(lambda: is_settled(server), "all records")
    eventually(lambda: log.has("recovered"), "the news that all is well")
    check_log(server)


def test_a_log_that_went_back_is_gone_on_from(server: Server, processes: ExitStack) -> None:
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    _, log = start_worker(processes, server)
    eventually(lambda: seq(server) == 1, "the first record")
    server.stop()
    backup = (server.data / "data.db").read_bytes()
    server.start()
    guest.append("create", "item00000000002", {"title": "x"})
    eventually(lambda: seq(server) == 2, "the second record")
    server.stop()
    (server.data / "data.db").write_bytes(backup)
    server.start()
    guest.append("create", "item00000000003", {"title": "x"})
    eventually(lambda: seq(server) == 2 and is_settled(server), "the record after the restored backup")
    assert log.has("log_went_back")
    assert check_log(server).seq == 2
    assert sorted(live_rows(server, ("id",))) == ["item00000000001", "item00000000003"]


# -- the whole of it ---------------------------------------------------------------------------------------


class Clients:
    """Sixteen clients that append 3,000 events of all types, bad ones among them, and never give up."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.seed = server, seed
        self.ids: list[str] = []
        self._threads = [threading.Thread(target=self._append, args=(number,)) for number in range(16)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _append(self, number: int) -> None:
        choose = random.Random(self.seed * 100 + number)
        client, mine = Client(self.server.url), []
        with client.session:
            for turn in range(188):
                item = choose.choice(mine) if mine and choose.random() < 0.7 else f"i{number:02d}x{turn:011d}"
                type_, data = self._event(choose, new=item not in mine)
                if type_ == "create":
                    mine.append(item)
                # A client's own id makes it safe to try again when the answer was lost.
                record_id = f"e{number:02d}x{turn:011d}"
                self.ids.append(record_id)
                self._send(client, {
                    "id": record_id, "type": type_, "collection": "items", "item_id": item, "data": data,
                })  # fmt: skip

    @staticmethod
    def _event(choose: random.Random, *, new: bool) -> tuple[str, Any]:
        if choose.random() < 0.05:
            return choose.choice([("create", {}), ("update", {"qty": "x"}), ("update", {"x": 1}), ("delete", [1])])
        if new:
            return "create", {"title": f"t{choose.random()}", "qty": choose.randint(0, 9)}
        if choose.random() < 0.08:
            return "delete", None
        field = choose.choice(["title", "qty", "done", "note"])
        values = {"title": "again", "qty": choose.random() * 100, "done": choose.random() < 0.5, "note": "n"}
        return "update", {field: values[field]}

    @staticmethod
    def _send(client: Client, event: dict[str, Any]) -> None:
        def sent() -> bool:
            try:
                answer = client("POST", "/api/collections/events/records", json=event)
            except requests.RequestException:
                return False
            taken = answer.status_code == 400 and "id" in answer.json()["data"]
            return answer.status_code == 200 or taken

        eventually(sent, "an answer", deadline=60)


def check_everything(server: Server, clients: Clients) -> None:
    """Every event recorded or rejected with a reason, the chain whole, the rows equal to the fold of the log."""
    with server.database() as database:
        events = database.execute("SELECT id, seq, error FROM events").fetchall()
    database.close()
    assert sorted(event[0] for event in events) == sorted(clients.ids)
    states = Counter("recorded" if seq_ else "rejected" if error else "pending" for _, seq_, error in events)
    assert states["pending"] == 0
    assert states["rejected"] > 50
    assert check_log(server).seq == states["recorded"] > 2000
    fold = {key: {**EMPTY, **row} for key, row in fold_log(server).items()}
    assert live_rows(server, NAMES) == fold


def test_sixteen_clients_at_once_end_in_a_whole_log(server: Server, processes: ExitStack) -> None:
    start_worker(processes, server)
    clients = Clients(server, seed=1)
    clients.start()
    eventually(lambda: not clients.busy and is_settled(server), "the end of it", deadline=120)
    check_everything(server, clients)


def test_the_log_stays_whole_while_worker_and_pocketbase_are_killed(server: Server, processes: ExitStack) -> None:
    choose = random.Random(2)
    process, _ = start_worker(processes, server)
    clients = Clients(server, seed=2)
    clients.start()
    for kill in range(8):
        wanted = seq(server) + choose.randint(20, 150)
        eventually(lambda wanted=wanted: seq(server) >= wanted or not clients.busy, "some progress", deadline=60)
        if kill % 2:
            server.stop(signal.SIGKILL)
            server.start()
        else:
            process.kill()
            process, _ = start_worker(processes, server)
    eventually(lambda: not clients.busy and is_settled(server), "the end of it", deadline=120)
    check_everything(server, clients)
