"""The Compose file brings everything up from nothing, and back from a backup."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import eventually, free_port, item_id
from support.containers import (
    BUILD_TIME,
    CHAPTER,
    NAME,
    ROOT,
    SIGNED_IN,
    STOPS_WITHIN,
    SUPERUSER,
    WORKER,
    Server,
    append,
    docker,
    inspected,
    run,
)

pytestmark = pytest.mark.containers

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
        for name in ("docker", "javascript", "pb_schema", "pocketbase_events"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        given = {key: value for key, value in os.environ.items() if not key.startswith("POCKETBASE_")}
        self._environment = {**given, "COMPOSE_PROJECT_NAME": NAME, "COMPOSE_PROGRESS": "plain"}

    def __call__(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return run("docker", "compose", *arguments, cwd=self.folder, env=self._environment, **options)

    def shown(self, fragment: str) -> subprocess.CompletedProcess[str]:
        """Run the one line of docs/operations.md that has this in it, in a shell."""
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


def test_what_the_engine_saw_last_says_how_the_worker_is(composed: Composed) -> None:
    looks = composed.container("worker")["State"]["Health"]["Log"]
    assert "The worker records." in looks[-1]["Output"]
    assert "The worker records." in composed("exec", "-T", "worker", "healthy").stdout


def test_collections_that_the_environment_names_are_attached_and_their_rules_kept(composed: Composed) -> None:
    composed.create_collection("notes")
    composed.set(POCKETBASE_EVENTS_ATTACH="Notes,tasks")
    failed = composed("up", "--wait")
    assert failed.returncode != 0
    assert "setup" in failed.stderr
    assert "There is no collection tasks. Create it first" in composed("logs", "setup").stdout
    composed.create_collection("tasks")
    assert composed("up", "--wait").returncode == 0, composed("logs", "setup").stdout
    rules = composed.root().records("event_targets", sort="collection")
    assert [(rule["collection"], rule["update_rule"]) for rule in rules] == [("notes", SIGNED_IN), ("tasks", SIGNED_IN)]
    composed.shown("setup attach notes")
    changed = composed("run", "--rm", "setup", "attach", "tasks", "--update", "1 = 2")
    assert changed.returncode == 0, changed.stderr
    assert "tasks is attached already." in composed("run", "--rm", "setup").stderr
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


def test_the_commands_of_the_page_run(composed: Composed) -> None:
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
    assert composed("up", "--wait").returncode == 0, composed("logs", "setup").stdout
    for name in ("notes", "tasks"):
        composed.create_collection(name)
        assert composed("run", "--rm", "setup", "attach", name).returncode == 0
    composed.shown("setup import")
    for row, before in zip(composed.root().records("notes", sort="id"), rows, strict=True):
        assert row == {**before, "collectionId": row["collectionId"]}

    composed.shown("down --volumes")
    composed.shown("-xz < ")
    assert composed("up", "--wait").returncode == 0, composed("logs", "setup").stdout
    assert composed.root().records("notes", sort="id") == rows
    assert composed("exec", "-T", "worker", "pocketbase-events", "verify").returncode == 0


def test_it_stops_within_seconds_with_exit_code_0(composed: Composed) -> None:
    started = time.monotonic()
    assert composed("stop").returncode == 0
    assert time.monotonic() - started < STOPS_WITHIN
    for name in ("pocketbase", "worker"):
        assert composed.container(name)["State"]["ExitCode"] == 0, name
