"""Backing up, restoring and moving, as the page for operators tells it, line by line, under a worker that runs."""

import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import ITEM_FIELDS, Server, check_log, create, eventually, item_id, live_rows, pending, seq_of, start_copy
from support.pages import DOCS, ROOT
from support.workers import is_settled, start_worker

pytestmark = pytest.mark.slow

NAMES = ("title", "qty")


def lines(chapter: str) -> list[str]:
    """The shell lines of a chapter of the page."""
    text = re.split(rf"^## {chapter}\n", (DOCS / "operations.md").read_text(), flags=re.MULTILINE)[1]
    text = re.split(r"^## ", text, flags=re.MULTILINE)[0]
    shell = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    return [line.partition("#")[0].strip() for line in shell.splitlines()]


class Shell:
    """An operator's shell beside a checkout."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server, self._folder = server, folder
        folder.mkdir(exist_ok=True)
        for name, there in ((".venv", sys.prefix), ("examples", ROOT / "examples")):
            if not (folder / name).exists():
                (folder / name).symlink_to(there)

    def __call__(self, line: str) -> str:
        path = f"{sysconfig.get_path('scripts')}:/usr/bin:/bin"
        environment = {**self._server.environment, "PATH": path}
        done = subprocess.run(
            ["sh", "-c", line], cwd=self._folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, line + "\n" + done.stdout + done.stderr
        return done.stdout


def settled(server: Server) -> None:
    eventually(lambda: is_settled(server), "the record")


def test_a_backup_is_restored_under_a_running_worker_and_what_came_after_it_is_appended_again(
    server: Server, tmp_path: Path
) -> None:
    shell, ann = Shell(server, tmp_path / "shell"), server.user("ann")
    export, *judge, again = lines("Restore")
    assert judge == ["pocketbase-events verify", "pocketbase-events check", "pocketbase-events rebuild"]
    with ExitStack() as stack:
        _, log = start_worker(stack, server)
        ann.append_all(*({**create(number), "actor": ann.user_id} for number in range(10)))
        settled(server)
        server.back_up("nightly.zip")
        ann.append("update", item_id(1), {"title": "after"}, actor=ann.user_id)
        together = {"together": "move", "actor": ann.user_id}
        ann.append_all(*({"type": "update", "item_id": item_id(n), "data": {"qty": 7}, **together} for n in (2, 3)))
        ann.append("delete", item_id(4), actor=ann.user_id, reason="no longer wanted")
        settled(server)
        before, rows = server.superuser().records("events", sort="seq"), live_rows(server, (*NAMES, "deleted"))
        shell(export)
        server.restore("nightly.zip")
        assert seq_of(server) == 10
        server.guest().append("create", item_id(50), {"title": "meanwhile"})
        settled(server)
        eventually(lambda: log.has("log_went_back"), "the news of it")
        for line in judge:
            shell(line)
        assert shell(again) == "Appended 4 of 4 events.\n"
        settled(server)
        assert shell(again) == "Appended 0 of 4 events.\n"
    assert check_log(server).seq == 15
    meanwhile = {item_id(50): {"title": "meanwhile", "qty": 0, "deleted": False}}
    assert live_rows(server, (*NAMES, "deleted")) == {**rows, **meanwhile}
    kept = ("id", "type", "collection", "item_id", "data", "actor", "reason", "together")
    after = [event for event in server.superuser().records("events", sort="seq") if event["item_id"] != item_id(50)]
    assert [[event[name] for name in kept] for event in after] == [[event[name] for name in kept] for event in before]
    for line in judge:
        shell(line)


@pytest.fixture
def elsewhere(bare_template: Path, tmp_path: Path) -> Iterator[Server]:
    """Another PocketBase, empty."""
    yield from start_copy(bare_template, tmp_path / "elsewhere")


def test_an_export_is_restored_elsewhere_and_everything_goes_on_there(
    server: Server, elsewhere: Server, tmp_path: Path
) -> None:
    here, there = Shell(server, tmp_path / "here"), Shell(elsewhere, tmp_path / "here")
    ann = server.user("ann")
    with ExitStack() as stack:
        start_worker(stack, server)
        sent = ann.append("create", item_id(0), {"title": "x"}, actor=ann.user_id)
        ann.append_all(*(create(number) for number in range(1, 30)))
        ann.append("update", item_id(99), {"title": "x"})
        settled(server)
    printed = [here(line) for line in lines("Back up")]
    assert "30" in printed[-1]
    server.guest().append("create", item_id(70), {"title": "pending"})

    root = elsewhere.superuser()
    account = server.superuser().records("users")[0]
    password = {"password": "user-password", "passwordConfirm": "user-password"}
    assert root("POST", "/api/collections/users/records", json={**account, **password}).ok
    elsewhere.create_collection("items", ITEM_FIELDS, listRule="", viewRule="")
    there("pocketbase-events init")
    there("pocketbase-events attach items --allow ''")
    for line in lines("Move to another server"):
        there(line)
    assert chain(elsewhere) == chain(server)
    assert live_rows(elsewhere, NAMES) == live_rows(server, NAMES)
    assert pending(elsewhere) == 0, "what was pending or rejected is not in an export"
    repeated = {
        "id": sent["id"],
        "type": "create",
        "collection": "items",
        "item_id": item_id(0),
        "data": {"title": "x"},
    }
    assert elsewhere.guest()("POST", "/api/collections/events/records", json=repeated).status_code == 400
    with ExitStack() as stack:
        start_worker(stack, elsewhere)
        elsewhere.guest().append("create", item_id(70), {"title": "again"})
        settled(elsewhere)
    assert check_log(elsewhere).seq == 31


def chain(server: Server) -> list[tuple[int, str, str]]:
    events = server.superuser().records("events", filter="seq > 0", sort="seq")
    return [(event["seq"], event["event_id"], event["hash"]) for event in events]


def test_a_program_that_follows_is_told_that_the_log_went_back(server: Server, tmp_path: Path) -> None:
    shell = Shell(server, tmp_path / "shell")
    with ExitStack() as stack:
        start_worker(stack, server)
        server.guest().append("create", item_id(1), {"title": "x"})
        settled(server)
        server.back_up("early.zip")
        server.guest().append("create", item_id(2), {"title": "x"})
        settled(server)
        seen = [json.loads(line)["seq"] for line in shell("pocketbase-events follow --until-head").splitlines()]
        server.restore("early.zip")
        done = shell(f"pocketbase-events follow --after {seen[-1]} --until-head 2>&1 || true")
        assert "a backup was restored" in done
        assert shell("pocketbase-events follow --after 1 --until-head") == ""
