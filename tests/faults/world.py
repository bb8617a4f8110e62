"""A PocketBase, workers that reach it through a proxy, clients that append without end, and faults in between."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import sysconfig
import threading
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import requests
from faults.ledger import MARK, Ledger
from faults.processor import kept_waiting, waits
from proxy import Proxy
from requests.adapters import HTTPAdapter
from support import SUPERUSER, WORKER, Client, Server, eventually

PATIENCE = 90.0  # seconds that anything may take before an episode is given up
PACE = 0.03  # seconds between two events of a client
EVENTS = "/api/collections/events/records"
HOT_ITEM = "hot000000000000"


class ElsewhereAdapter(HTTPAdapter):
    """Connects from another address than everybody else here, as clients do: limits count by address."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=("127.0.0.2", 0))


def elsewhere(url: str) -> Client:
    """A guest with an address of its own."""
    client = Client(url)
    client.session.mount("http://", ElsewhereAdapter())
    return client


def worker_environment(server: Server, url: str) -> dict[str, str]:
    """What a worker needs, and nothing that it must not know."""
    kept = {name: value for name, value in server.environment.items() if "SUPERUSER" not in name}
    return {**kept, "POCKETBASE_URL": url}


class WorkerProcess:
    """`pocketbase-events run`, its log in a file."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.log = log
        executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
        with log.open("ab") as file:
            self.process = subprocess.Popen([executable, "run"], stdout=file, stderr=file, env=environment)

    def has(self, event: str) -> bool:
        return event in self.log.read_text()

    @property
    def stands_by(self) -> bool:
        said = self.log.read_text()
        return said.rfind("] standing_by") > max(said.rfind("] recorded"), said.rfind("] taking_over"))

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)
        if what in (signal.SIGKILL, signal.SIGTERM):
            self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


class Clients:
    """Some clients, each appending one event after the other, bad ones among them, until told to stop."""

    def __init__(self, server: Server, ledger: Ledger, choose: random.Random, count: int, *, hot: bool = False) -> None:
        self._server, self._ledger, self._hot = server, ledger, hot
        self._run, self._stop = threading.Event(), threading.Event()
        self._seeds = [choose.randrange(2**32) for _ in range(count)]
        self._threads: list[threading.Thread] = []
        self._rest = [threading.Event() for _ in range(count)]
        self._serial = 0

    def start(self) -> None:
        self._run.set()
        for number, seed in enumerate(self._seeds):
            thread = threading.Thread(target=self._append_on, args=(number, random.Random(seed)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def pause(self) -> None:
        """Append nothing more, all that was begun being done."""
        self._run.clear()
        for rest in self._rest:
            assert rest.wait(PATIENCE), "a client does not come to rest"

    def resume(self) -> None:
        self._run.set()

    def close(self) -> None:
        self._stop.set()
        self._run.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _append_on(self, number: int, choose: random.Random) -> None:
        client, mine, turn = elsewhere(self._server.url), [HOT_ITEM] if self._hot else [], 0
        with client.session:
            if self._hot and number == 0:
                self.send(client, {"id": HOT_ITEM, "type": "create", "collection": "items", "item_id": HOT_ITEM,
                                   "data": {"title": "hot"}})  # fmt: skip
            while not self._stop.is_set():
                if not self._run.is_set():
                    self._rest[number].set()
                    self._run.wait()
                    self._rest[number].clear()
                    continue
                turn += 1
                record_id = f"e{number:02d}x{choose.randrange(36**6):06d}{turn:05d}"[:15].ljust(15, "0")
                self.send(client, {"id": record_id, "collection": "items", **self._event(choose, mine, number, turn)})
                self._stop.wait(PACE)

    def send(self, client: Client, event: dict[str, Any]) -> None:
        """Append an event, and try again until PocketBase is known to have it."""
        while not self._stop.is_set():
            with suppress(requests.RequestException):
                answer = client.session.post(client.url + EVENTS, json=event, timeout=30)
                taken = answer.status_code == 400 and "id" in answer.json().get("data", {})
                if answer.status_code == 200 or taken:
                    self._ledger.received(event["id"])
                    return
            self._stop.wait(0.05)

    def _event(self, choose: random.Random, mine: list[str], number: int, turn: int) -> dict[str, Any]:
        mark = f"{MARK}{number} {turn} {choose.random()}"
        if choose.random() < 0.03:
            return {"type": "update", "item_id": "nothing00000000", "data": {"note": mark}}
        if choose.random() < 0.03:
            return {"type": "update", "item_id": "nothing00000000", "data": {"qty": mark}}
        if not self._hot and (not mine or choose.random() < 0.3):
            mine.append(f"i{number:02d}x{turn:05d}{choose.randrange(10**6):06d}")
            return {"type": "create", "item_id": mine[-1], "data": {"title": "new", "note": mark}}
        item = choose.choice(mine)
        if not self._hot and choose.random() < 0.05:
            mine.remove(item)
            return {"type": "delete", "item_id": item, "data": None}
        data: dict[str, Any] = choose.choice([{"note": mark}, {"qty": choose.randrange(100)}, {"done": turn % 2 == 0}])
        return {"type": "update", "item_id": item, "data": data}


class World:
    """What a fault is injected into. `folder` keeps the logs.

    Args:
        server: a running PocketBase with the log and an attached collection `items`.
        folder: where the workers' logs go.
        choose: the source of all chance.
        workers: how many.
        clients: how many.
        hot: whether all clients update one item.
        long: whether there is time for a fault to last.
    """

    def __init__(
        self,
        server: Server,
        folder: Path,
        choose: random.Random,
        *,
        workers: int,
        clients: int,
        hot: bool,
        long: bool,
    ) -> None:
        self.folder, self.choose, self.server, self.long = folder, choose, server, long
        self.ledger = Ledger()
        self._open = ExitStack()
        self.proxy = Proxy(server.port)
        self._open.callback(self.proxy.close)
        self.environment = worker_environment(server, self.proxy.url)
        self.workers: list[WorkerProcess] = []
        self._started = self.kills = 0
        for _ in range(workers):
            self.start_worker()
        self.clients = Clients(server, self.ledger, choose, clients, hot=hot)
        self.clients.start()
        self._open.callback(self.clients.close)

    def start_worker(self, **environment: str) -> WorkerProcess:
        self._started += 1
        worker = WorkerProcess({**self.environment, **environment}, self.folder / f"worker{self._started}.log")
        self._open.callback(worker.close)
        self.workers.append(worker)
        return worker

    def replace(self, worker: WorkerProcess, how: signal.Signals, **environment: str) -> None:
        """End a worker, and start another one in its place, as whoever supervises it does."""
        self.remove(worker, how)
        self.start_worker(**environment)

    def remove(self, worker: WorkerProcess, how: signal.Signals) -> None:
        self.kills += how is signal.SIGKILL
        worker.send(how)
        self.workers.remove(worker)

    def kill_pocketbase(self) -> None:
        self.kills += 1
        self.server.stop(signal.SIGKILL)

    @property
    def active(self) -> WorkerProcess:
        """The worker that records."""
        return max(self.workers, key=lambda worker: (not worker.stands_by, worker.log.stat().st_mtime_ns))

    def seq(self) -> int:
        """Where the log ends; -1 while it can't be read."""
        try:
            with closing(sqlite3.connect(f"file:{self.server.data}/data.db?mode=ro", uri=True)) as database:
                return int(database.execute("SELECT seq FROM event_head").fetchone()[0])
        except (sqlite3.Error, TypeError):
            return -1

    def done(self) -> int:
        """How many events are recorded or rejected."""
        try:
            with closing(sqlite3.connect(f"file:{self.server.data}/data.db?mode=ro", uri=True)) as database:
                query = "SELECT COUNT(*) FROM events WHERE seq > 0 OR error != ''"
                return int(database.execute(query).fetchone()[0])
        except sqlite3.Error:
            return -1

    def pending(self) -> int:
        """How many events are pending; -1 while that can't be read."""
        try:
            with closing(sqlite3.connect(f"file:{self.server.data}/data.db?mode=ro", uri=True)) as database:
                query = "SELECT COUNT(*) FROM events WHERE seq = 0 AND error = ''"
                return int(database.execute(query).fetchone()[0])
        except sqlite3.Error:
            return -1

    def event_ids(self) -> set[str]:
        """The record ids of all events; none while they can't be read."""
        try:
            with closing(sqlite3.connect(f"file:{self.server.data}/data.db?mode=ro", uri=True)) as database:
                return {row[0] for row in database.execute("SELECT id FROM events")}
        except sqlite3.Error:
            return set()

    def has_said(self, event: str) -> bool:
        """Whether a worker has logged this."""
        return any(event in line for line in self.log_lines())

    def progress(self, events: int) -> None:
        """Wait until so many events more are recorded."""
        wanted = max(0, self.seq()) + events
        eventually(lambda: self.seq() >= wanted, "progress", PATIENCE)

    def recovery(self) -> tuple[float, float]:
        """Seconds from now until an event is recorded.

        And for how many of them PocketBase or a worker was ready to run, and the machine ran something else.
        """
        processes = [worker.process.pid for worker in self.workers]
        processes += [self.server.process.pid] if self.server.process is not None else []
        started, waited, before = time.monotonic(), waits(processes), self.seq()
        eventually(lambda: self.seq() > before, "recovery", PATIENCE)
        return time.monotonic() - started, kept_waiting(waited, waits(processes))

    def wait(self, seconds: float) -> None:
        """Let the fault last: time is what it is about."""
        time.sleep(seconds)

    def come_to_rest(self) -> None:
        """Stop the clients, and wait until nothing is pending."""
        self.clients.pause()
        eventually(lambda: self.pending() == 0, "the end of what is pending", PATIENCE)

    def log_lines(self) -> list[str]:
        """What all workers have said, the news of recorded events aside."""
        said = "".join((self.folder / f"worker{n}.log").read_text() for n in range(1, self._started + 1))
        return [line for line in said.splitlines() if "] recorded" not in line and "] rejected" not in line]

    def complaints(self) -> list[str]:
        """What no log may say."""
        said = "\n".join(self.log_lines())
        secrets = [SUPERUSER[1], WORKER[1], *re.findall(r"eyJ[\w-]{10,}", said)]
        wrong = ["a secret is in a worker's log" for secret in secrets if secret in said]
        if "Traceback" in said or "This is a bug" in said:
            wrong.append(f"a worker ended with: {said[-300:]}")
        died = [worker for worker in self.workers if worker.process.poll() is not None]
        return wrong + [f"a worker died quietly, exit code {worker.process.returncode}" for worker in died]

    def close(self) -> None:
        self.proxy.be_well()
        for worker in self.workers:
            with suppress(OSError):
                os.kill(worker.process.pid, signal.SIGCONT)
        self._open.close()
