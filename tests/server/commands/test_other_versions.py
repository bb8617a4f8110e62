"""Logs that another version of ours has set up: each version says what to run, and `init` upgrades."""

import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import Server, check_log, command, create, eventually, live_rows, pending, seq_of
from support.command_line import as_json, cli

from pocketbase_events.pb.records import VERSION

ROOT = Path(__file__).parents[3]
LANDED = {0: "9ae0cb4", 2: "938cdab"}  # the last commit that set up a log of that version; 0 did not name any


def version(server: Server, number: int) -> None:
    """Make the log one that another version of ours has set up."""
    root = server.superuser()
    query = root("GET", "/api/collections/event_status").json()["viewQuery"]
    changed = query.replace(f"CAST({VERSION} AS INTEGER) AS version", f"CAST({number} AS INTEGER) AS version")
    assert changed != query
    assert root("PATCH", "/api/collections/event_status", json={"viewQuery": changed}).ok


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
    """The program as it was at some commit, run from its own files."""

    def __init__(self, commit: str, folder: Path) -> None:
        archive = subprocess.run(
            ["git", "archive", commit, "pocketbase_events", "pb_schema"], cwd=ROOT, capture_output=True, check=False
        )
        if archive.returncode:
            pytest.skip(f"this checkout has no commit {commit}")
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        self.folder = folder

    def __call__(self, server: Server, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(**self._how(server, arguments), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def working(self, server: Server) -> Iterator[None]:
        """Its worker, as long as the block lasts."""
        with subprocess.Popen(**self._how(server, ("run",)), stderr=subprocess.DEVNULL) as worker:
            try:
                yield
                assert worker.poll() is None, "it waits for somebody to upgrade it"
            finally:
                worker.kill()

    def _how(self, server: Server, arguments: Sequence[str]) -> dict[str, Any]:
        environment = {**server.environment, "PYTHONPATH": str(self.folder)}
        return {"args": [sys.executable, "-m", "pocketbase_events", *arguments], "env": environment, "cwd": self.folder}


def with_items(old: Old, server: Server, rule: str) -> None:
    """Set up a log with an attached collection `items`."""
    old(server, "init")
    server.create_collection("items", [{"name": "title", "type": "text"}], listRule="")
    old(server, "attach", "items", "--allow", rule)


@pytest.mark.parametrize(
    "number", [pytest.param(each, marks=[] if each == max(LANDED) else pytest.mark.slow) for each in LANDED]
)
def test_init_upgrades_what_a_landed_version_has_set_up(bare: Server, number: int, tmp_path: Path) -> None:
    old = Old(LANDED[number], tmp_path / "old")
    with_items(old, bare, '@request.auth.id != ""')
    ann = bare.user("ann")
    ann.append("create", "item00000000001", {"title": "x"})
    assert "Recorded 1" in old(bare, "run", "--once")
    assert "pocketbase-events init" in cli(bare, "run", "--once", code=1).stderr
    cli(bare, "init")
    ann.append("create", "item00000000002", {"title": "y"}), "who appended without an actor before still may"
    if number > 0:  # whose program does not look for a version
        assert "Upgrade this one" in old(bare, "run", "--once", code=1)
    assert "Recorded 1" in cli(bare, "run", "--once").stdout
    assert check_log(bare).seq == 2
    assert live_rows(bare, ("title",)) == {"item00000000001": {"title": "x"}, "item00000000002": {"title": "y"}}
    assert as_json(bare, "check")["ok"]
    target = bare.superuser().records("event_targets")[0]
    assert target["collection_id"] == bare.superuser()("GET", "/api/collections/items").json()["id"]
    cli(bare, "status")


@pytest.mark.slow
@pytest.mark.parametrize("number", LANDED)
def test_an_upgrade_while_clients_append_and_the_old_worker_runs_loses_nothing(
    bare: Server, number: int, tmp_path: Path
) -> None:
    old = Old(LANDED[number], tmp_path / "old")
    with_items(old, bare, "")
    with appending(bare) as appended, old.working(bare):
        eventually(lambda: seq_of(bare) > 100, "a log of the old worker's")
        cli(bare, "init")
        upgraded_at = len(appended)
        with command("run", env=bare.environment):
            eventually(lambda: seq_of(bare) > upgraded_at + 100, "a log that the new worker goes on with")
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
