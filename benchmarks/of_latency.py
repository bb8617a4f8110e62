"""From an append to the row, as a client sees it by realtime, against the plain insert of a record."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from statistics import median

import requests
from sseclient import SSEClient
from support import ITEM_FIELDS, Client, Server, command, item_id

from benchmarks.measure import Figure, in_turns, quantile
from benchmarks.of_recording import creates, prepared
from benchmarks.world import Worlds, append, check, record_id, run_once, without_triggers

ROUNDS = 10
EACH = 30  # appends and inserts in a round
PAUSE = 0.02  # seconds between two, so that everything settles
CLIENTS = 16
LASTS = 4.0  # seconds of a round with many clients
BACKLOG = 2_000  # events that tell the maximum rate
PATIENCE = 30.0  # seconds
PLAIN = "/api/collections/plain/records"
SIGNED_IN = '@request.auth.id != ""'  # who may append to `items`, and write to `plain`


class Rows:
    """The rows of `items`, as PocketBase's realtime tells of them."""

    def __init__(self, server: Server) -> None:
        self.seen: dict[str, float] = {}  # when, by id
        self._news = threading.Condition()
        self._listening = threading.Event()
        self._response = requests.get(f"{server.url}/api/realtime", stream=True, timeout=PATIENCE)
        self._thread = threading.Thread(target=self._listen, args=(server.url,), daemon=True)
        self._thread.start()
        assert self._listening.wait(PATIENCE)

    def wait_for(self, key: str) -> float:
        """When the row with this id was seen."""
        with self._news:
            assert self._news.wait_for(lambda: key in self.seen, PATIENCE), f"no row {key}"
        return self.seen[key]

    def close(self) -> None:
        self._response.raw.shutdown()
        self._thread.join(PATIENCE)
        self._response.close()

    def _listen(self, url: str) -> None:
        with suppress(requests.RequestException):  # once it is closed
            for message in SSEClient(self._response.iter_content(65536)).events():
                found = json.loads(message.data)
                if message.event == "PB_CONNECT":
                    body = {"clientId": found["clientId"], "subscriptions": ["items/*"]}
                    assert requests.post(f"{url}/api/realtime", json=body, timeout=PATIENCE).ok
                    self._listening.set()
                    continue
                with self._news:
                    self.seen.setdefault(found["record"]["id"], time.monotonic())
                    self._news.notify_all()


def measure(worlds: Worlds) -> Iterator[Figure]:
    """One client alone; then sixteen at a third of what the worker can record."""
    with _scene(worlds) as (client, rows, numbers):

        def append_one() -> float:
            time.sleep(PAUSE)
            return _append(client, rows, item_id(next(numbers)))

        def insert_one() -> float:
            time.sleep(PAUSE)
            return insert(client)

        waits, inserts = in_turns(ROUNDS * EACH, append_one, insert_one)
        ours, theirs = _medians(waits), _medians(inserts)
        yield _figure("append to row, one client", ours, theirs, waits, inserts, target=2.5)
    yield _without_us(worlds)
    rate = _maximum(worlds) / 3
    with _scene(worlds) as (client, rows, numbers):
        waits, inserts = [], []

        def appending() -> float:
            waits.extend(times := _crowd(client, rate, lambda client, key: _append(client, rows, key), numbers))
            return median(times)

        def inserting() -> float:
            inserts.extend(times := _crowd(client, rate, lambda client, _: insert(client), numbers))
            return median(times)

        ours, theirs = in_turns(3, appending, inserting)
        name = f"append to row, {CLIENTS} clients, a third of the maximum rate"
        yield _figure(name, ours, theirs, waits, inserts)


def _without_us(worlds: Worlds) -> Figure:
    """What PocketBase takes without us and our triggers: the append, then its transaction, prepared beforehand."""
    with worlds.server(without_triggers(worlds)) as server:
        server.create_collection("plain", ITEM_FIELDS, createRule=SIGNED_IN)
        user, guest, worker = server.user("ann"), server.guest(), server.worker_client()
        events = list(creates(ROUNDS * EACH))
        transactions = enumerate(prepared(server, events, 1))

        def append_and_record() -> float:
            time.sleep(PAUSE)
            number, body = next(transactions)
            started = time.monotonic()
            guest.append("create", events[number].item_id, events[number].data, id=record_id(number))
            assert worker("POST", "/api/batch", data=body, headers={"Content-Type": "application/json"}).ok
            return 1000 * (time.monotonic() - started)

        def insert_one() -> float:
            time.sleep(PAUSE)
            return insert(user)

        waits, inserts = in_turns(ROUNDS * EACH, append_and_record, insert_one)
        check(server, len(events))
    name = "an append and its transaction, sent straight"
    return _figure(name, _medians(waits), _medians(inserts), waits, inserts)


def _figure(
    name: str,
    ours: list[float],
    theirs: list[float],
    waits: list[float],
    inserts: list[float],
    target: float | None = None,
) -> Figure:
    details = {
        "distribution": {
            "append to row": [quantile(waits, share / 100) for share in range(101)],
            "plain insert": [quantile(inserts, share / 100) for share in range(101)],
        },
    }
    against = f"the plain insert of a record (p99: {quantile(waits, 0.99):.0f} and {quantile(inserts, 0.99):.0f} ms)"
    return Figure(name, ours, theirs, "ms", target, cost=True, against=against, details=details)


@contextmanager
def _scene(worlds: Worlds) -> Iterator[tuple[Client, Rows, Iterator[int]]]:
    """A PocketBase with a worker that is woken by realtime, and a collection for plain inserts; checked in the end."""
    with worlds.server() as server:
        server.attach("items", allow=SIGNED_IN)
        server.create_collection("plain", ITEM_FIELDS, createRule=SIGNED_IN)
        user = server.user("ann")
        numbers = iter(range(10**9))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with command("run", env=server.environment, **quiet) as worker, closing(Rows(server)) as rows:
            _append(user, rows, item_id(next(numbers)))
            yield user, rows, numbers
            worker.terminate()
            worker.wait(PATIENCE)
        check(server, len(rows.seen))


def _append(client: Client, rows: Rows, key: str) -> float:
    """Milliseconds from an append until the row is seen."""
    started = time.monotonic()
    client.append("create", key, {"title": "Milk", "qty": 1}, actor=client.user_id)
    return 1000 * (rows.wait_for(key) - started)


def insert(client: Client) -> float:
    """Milliseconds that the plain insert of such a record takes."""
    started = time.monotonic()
    assert client("POST", PLAIN, json={"title": "Milk", "qty": 1}).ok
    return 1000 * (time.monotonic() - started)


def _medians(times: Sequence[float]) -> list[float]:
    """Of each round."""
    return [median(times[start : start + EACH]) for start in range(0, len(times), EACH)]


def _crowd(user: Client, rate: float, act: Callable[[Client, str], float], numbers: Iterator[int]) -> list[float]:
    """What many clients measure who act at that rate together."""
    start = time.monotonic()
    turns = iter(range(int(rate * LASTS)))
    lock = threading.Lock()

    def one(client: Client) -> list[float]:
        took = []
        while True:
            with lock:
                turn = next(turns, None)
                key = item_id(next(numbers)) if turn is not None else ""
            if turn is None:
                return took
            time.sleep(max(0.0, start + turn / rate - time.monotonic()))
            took.append(act(client, key))

    with ExitStack() as stack, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [user.again() for _ in range(CLIENTS)]
        for client in clients:
            stack.enter_context(client.session)
        return [each for times in pool.map(one, clients) for each in times]


def _maximum(worlds: Worlds) -> float:
    """Events a second that the worker records at most."""
    with worlds.server() as server:
        start_up = run_once(server)
        append(server, list(creates(BACKLOG)))
        return BACKLOG / (run_once(server) - start_up)
