"""A Docker engine, and a PocketBase in a container seen from outside."""

import json
import secrets
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from support import ITEM_FIELDS, Client, eventually, free_port

ROOT = Path(__file__).parents[2]
CHAPTER = (ROOT / "docs" / "operations.md").read_text().split("\n## Docker Compose\n")[1].split("\n## ")[0]
PINS = set((ROOT / "constraints.txt").read_text().lower().replace("_", "-").splitlines())
NAME = f"pocketbase-events-test-{secrets.token_hex(4)}"
SUPERUSER = ("me@example.com", "super$user 'password'")
WORKER = ("worker@pocketbase-events.local", "worker-password")
CONFINED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
EVENTS = "/api/collections/events/records"
SIGNED_IN = '@request.auth.id != ""'
BUILD_TIME = 300  # seconds that pip may take to fetch what the images are made of
STOPS_WITHIN = 9.0  # seconds; Docker itself would wait for 10
testcontainers_config.ryuk_disabled = True  # it is one more image to fetch, and everything is removed here


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **{"timeout": 120, **options})


def docker(*arguments: str, **options: Any) -> str:
    done = run("docker", *arguments, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def inspected(container: str) -> dict[str, Any]:
    return dict(json.loads(docker("inspect", container))[0])


class Server:
    """A PocketBase in a container, seen from outside."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.opened = ExitStack()

    def is_up(self) -> bool:
        try:
            return requests.get(self.url + "/api/health", timeout=1).ok
        except requests.RequestException:
            return False

    def client(self, collection: str, email: str, password: str) -> Client:
        path = f"{self.url}/api/collections/{collection}/auth-with-password"
        answer = requests.post(path, json={"identity": email, "password": password}, timeout=30)
        assert answer.status_code == 200, answer.text
        client = Client(self.url, answer.json()["token"], answer.json()["record"]["id"])
        self.opened.enter_context(client.session)
        return client

    def root(self) -> Client:
        return self.client("_superusers", *SUPERUSER)

    def user(self, name: str) -> Client:
        account = {"email": f"{name}@example.com", "password": "user-password", "passwordConfirm": "user-password"}
        answer = self.root()("POST", "/api/collections/users/records", json=account)
        assert answer.status_code == 200, answer.text
        return self.client("users", account["email"], account["password"])

    def create_collection(self, name: str) -> None:
        body = {"name": name, "type": "base", "fields": ITEM_FIELDS, "listRule": "", "viewRule": ""}
        answer = self.root()("POST", "/api/collections", json=body)
        assert answer.status_code == 200, answer.text


def append(user: Client, item: str, collection: str, type_: str = "create", **data: Any) -> Callable[[], Any]:
    """Append an event; returns what tells its record once it is recorded or rejected."""
    event = user.append(type_, item, data, collection, actor=user.user_id)

    def settled() -> dict[str, Any] | None:
        record = user.record("events", event["id"])
        return record if record["seq"] or record["error"] else None

    return settled


# The images, as they are


class Pair(Server):
    """PocketBase and the worker, each process 1 of a container in which nothing but /pb_data can be written."""

    def __init__(self, images: dict[str, str], network: Network) -> None:
        port = free_port()
        super().__init__(port)
        superuser = dict(zip(("POCKETBASE_SUPERUSER_EMAIL", "POCKETBASE_SUPERUSER_PASSWORD"), SUPERUSER, strict=True))
        worker = {"POCKETBASE_URL": "http://pocketbase:8090", "POCKETBASE_EVENTS_WORKER_PASSWORD": WORKER[1]}
        joined: dict[str, Any] = {"network": network, **CONFINED}
        self.pocketbase = DockerContainer(
            images["pocketbase"], env=superuser, network_aliases=["pocketbase"], **joined
        ).with_bind_ports(8090, port)
        self.setup = DockerContainer(
            images["worker"],
            env={**superuser, **worker, "POCKETBASE_EVENTS_ATTACH": "items"},
            entrypoint=["set-up"],
            **joined,
        )
        self.worker = DockerContainer(images["worker"], env=worker, **joined)

    def start(self) -> None:
        self.opened.enter_context(self.pocketbase)
        eventually(self.is_up, "PocketBase's health")
        self.create_collection("items")
        self.opened.enter_context(self.setup)
        assert self.setup.wait() == 0, self.setup.get_logs()
        self.opened.enter_context(self.worker)

    def __getitem__(self, name: str) -> DockerContainer:
        return {"pocketbase": self.pocketbase, "worker": self.worker}[name]
