"""Logs that another version of ours has set up: each version says what to run, and `init` upgrades."""

import functools
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import Server, check_log, command, create, eventually, live_rows, pending, seq_of
from support.command_line import as_json, cli
from support.workers import Log

from pocketbase_events.pb.records import VERSION

ROOT = Path(__file__).parents[3]
NAMES_ACTOR = 3  # the first version whose rules ask for the event's actor
# The last commit that set up a log of that version; 0 did not name any.
LANDED = {0: "9ae0cb4", 2: "938cdab", 3: "baa9761", 4: "34e2686"}
UPGRADE = "Upgrade this one"
OUTDATED = {0: "trouble", 2: UPGRADE, 3: UPGRADE, 4: UPGRADE}  # what a worker says whose log was upgraded


def version(server: Server, number: int) -> None:
    """Make the log one that another version of ours has set up."""
    root = server.superuser()
    query = root("GET", "/api/collections/event_status").json()["viewQuery"]
    changed = query.replace(f"CAST({VERSION} AS INTEGER) AS version", f"CAST({number} AS INTEGER) AS version")
    assert changed != query
    assert root("PATCH", "/api/collections/event_status", json={"viewQuery": changed}).ok


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["status"], ["verify"], ["check"], ["rebuild"], ["run", "--once"], ["init"], ["attach", "items"],
     ["detach", "items"], ["history", "items", "x"], ["export"]],
    ids=" ".join,
)  # fmt: skip
def test_a_log_of_a_newer_version_is_left_alone(arguments: list[str], server: Server) -> None:
    version(server, VERSION + 1)
    before = server.superuser().records("event_targets")
    assert "Upgrade this one" in cli(server, *arguments, code=1).stderr
    assert server.superuser().records("event_targets") == before


@pytest.mark.parametrize(
    "arguments", [["status"], ["run", "--once"], ["attach", "items"], ["detach", "items"], ["check"]], ids=" ".join
)
def test_a_log_of_an_older_version_is_left_alone_until_init_has_upgraded_it(
    arguments: list[str], server: Server
) -> None:
    version(server, VERSION - 1)
    before = server.superuser().records("event_targets")
    server.guest().append("create", "item00000000001", {"title": "x"})
    assert "Run: pocketbase-events init" in cli(server, *arguments, code=1).stderr
    assert server.superuser().records("event_targets") == before
    cli(server, "init")
    assert "Recorded 1" in cli(server, "run", "--once").stdout


class Old:
    """The program as it was at some commit, installed from its own wheel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, server: Server, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(**self._how(server, arguments), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def working(self, server: Server) -> Iterator[Log]:
        """Its worker, as long as the block lasts, and what it says."""
        how = self._how(server, ("run",))
        with subprocess.Popen(**how, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as worker:
            try:
                yield Log(worker)
                assert worker.poll() is None, "it waits for somebody to upgrade it"
            finally:
                worker.kill()

    def _how(self, server: Server, arguments: Sequence[str]) -> dict[str, Any]:
        environment = {**server.environment, "PYTHONPATH": str(self.folder)}
        return {"args": [sys.executable, "-m", "pocketbase_events", *arguments], "env": environment, "cwd": self.folder}


@pytest.fixture(scope="module")
def olds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Old]:
    """The program as it was when it set up a log of that version."""
    return functools.cache(lambda number: Old(installed(LANDED[number], tmp_path_factory.mktemp("old"))))


def installed(commit: str, folder: Path) -> Path:
    """Where the wheel of a commit is installed, which is built of the history of this checkout."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"this checkout has no commit {commit}")
    source, wheels, place = (folder / name for name in ("source", "wheels", "installed"))
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(source, filter="data")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    pinned = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, source], env=pinned, check=True)
    (wheel,) = wheels.iterdir()
    subprocess.run([*pip, "install", "--no-deps", "--target", place, wheel], check=True)
    return place


def with_items(old: Old, server: Server, rule: str) -> None:
    """Set up a log with an attached collection `items`."""
    old(server, "init")
    server.create_collection("items", [{"name": "title", "type": "text"}], listRule="")
    old(server, "attach", "items", "--allow", rule)


@pytest.mark.slow
@pytest.mark.parametrize("number", LANDED)
def test_init_upgrades_what_a_landed_version_has_set_up(bare: Server, number: int, olds: Callable[[int], Old]) -> None:
    old = olds(number)
    with_items(old, bare, '@request.auth.id != ""')
    ann = bare.user("ann")
    actor = {"actor": ann.user_id} if number >= NAMES_ACTOR else {}
    ann.append("create", "item00000000001", {"title": "x"}, **actor)
    assert "Recorded 1" in old(bare, "run", "--once")
    assert "pocketbase-events init" in cli(bare, "run", "--once", code=1).stderr
    cli(bare, "init")
    ann.append("create", "item00000000002", {"title": "y"}, **actor), "who appended without an actor before still may"
    assert "Recorded 1" in cli(bare, "run", "--once").stdout
    assert check_log(bare).seq == 2
    assert live_rows(bare, ("title",)) == {"item00000000001": {"title": "x"}, "item00000000002": {"title": "y"}}
    assert as_json(bare, "check")["ok"]
    target = bare.superuser().records("event_targets")[0]
    assert target["collection_id"] == bare.superuser()("GET", "/api/collections/items").json()["id"]
    cli(bare, "status")


@pytest.mark.slow
@pytest.mark.parametrize("number", [number for number in LANDED if number > 0])  # 0 does not look for a version
def test_a_downgrade_is_refused_with_a_sentence_and_changes_nothing(
    server: Server, number: int, olds: Callable[[int], Old]
) -> None:
    old, root = olds(number), server.superuser()
    server.guest().append("create", "item00000000001", {"title": "x"})
    before = root("GET", "/api/collections", params={"perPage": 500}).json()
    for arguments in (["init"], ["status"], ["run", "--once"], ["attach", "items", "--allow", ""], ["rebuild"]):
        assert UPGRADE in old(server, *arguments, code=1)
    assert root("GET", "/api/collections", params={"perPage": 500}).json() == before
    cli(server, "run", "--once")
    assert check_log(server).seq == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", LANDED)
def test_an_upgrade_while_clients_append_and_the_old_worker_runs_loses_nothing_and_the_new_worker_goes_on(
    bare: Server, number: int, olds: Callable[[int], Old]
) -> None:
    old = olds(number)
    with_items(old, bare, "")
    with appending(bare) as appended, old.working(bare) as says, command("run", env=bare.environment) as new:
        waits = Log(new)
        eventually(lambda: seq_of(bare) > 100, "a log of the old worker's")
        eventually(lambda: waits.has("Run: pocketbase-events init"), "what the new worker says")
        cli(bare, "init")
        upgraded_at = len(appended)
        eventually(lambda: seq_of(bare) > upgraded_at + 100, "a log that the new worker goes on with")
        eventually(lambda: says.has(OUTDATED[number]), "what the old worker says")
    cli(bare, "run", "--once")
    assert (pending(bare), check_log(bare).seq) == (0, len(appended))
    assert as_json(bare, "check")["ok"]


@contextmanager
def appending(server: Server) -> Iterator[list[int]]:
    """A client that appends without pause as long as the block lasts; the numbers of its items."""
    stop, appended, failed = threading.Event(), list[int](), list[Exception]()

    def append() -> None:
        guest = server.guest()
        try:
            while not stop.is_set():
                some = range(len(appended), len(appended) + 20)
                guest.append_all(*({**create(number), "data": {"title": "x"}} for number in some))
                appended.extend(some)
        except Exception as error:  # noqa: BLE001 - it is told below
            failed.append(error)

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield appended
    finally:
        stop.set()
        thread.join()
    assert not failed, failed
