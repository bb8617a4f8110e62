"""Logs that another version of ours has set up: each version says what to run, and `init` upgrades."""

import io
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from support import Server, check_log, live_rows
from support.command_line import as_json, cli

from pocketbase_events.pb.records import VERSION

ROOT = Path(__file__).parents[3]
LANDED = {2: "938cdab"}  # the last commit that set up a log of that version
NEVER = threading.Event()


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
        environment = {**server.environment, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            [sys.executable, "-m", "pocketbase_events", *arguments],
            env=environment, cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr


@pytest.mark.parametrize("number", LANDED)
def test_init_upgrades_what_a_landed_version_has_set_up(bare: Server, number: int, tmp_path: Path) -> None:
    old = Old(LANDED[number], tmp_path / "old")
    old(bare, "init")
    bare.create_collection("items", [{"name": "title", "type": "text"}], listRule="")
    old(bare, "attach", "items", "--allow", '@request.auth.id != ""')
    ann = bare.user("ann")
    ann.append("create", "item00000000001", {"title": "x"})
    assert "Recorded 1" in old(bare, "run", "--once")
    assert "pocketbase-events init" in cli(bare, "run", "--once", code=1).stderr
    cli(bare, "init")
    ann.append("create", "item00000000002", {"title": "y"}), "who appended without an actor before still may"
    assert "Upgrade this one" in old(bare, "run", "--once", code=1)
    assert "Recorded 1" in cli(bare, "run", "--once").stdout
    assert check_log(bare).seq == 2
    assert live_rows(bare, ("title",)) == {"item00000000001": {"title": "x"}, "item00000000002": {"title": "y"}}
    assert as_json(bare, "check")["ok"]
    target = bare.superuser().records("event_targets")[0]
    assert target["collection_id"] == bare.superuser()("GET", "/api/collections/items").json()["id"]
    cli(bare, "status")
