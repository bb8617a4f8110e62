"""Fixtures: a log to be tampered with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import NEVER, Server, check_log, create, item_id, start_copy
from support.verifying import COUNT


@pytest.fixture(scope="session")
def recorded_template(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped PocketBase with thirty recorded events about ten items, by a guest and a user."""
    folder = tmp_path_factory.mktemp("recorded") / "pocketbase"
    for server in start_copy(installed_template, folder):
        guest, ann = server.guest(), server.user("ann")
        guest.append_all(*(create(number) for number in range(10)))
        server.worker().run_to_end(NEVER)
        for number in range(4):
            ann.append("update", item_id(number), {"qty": number + 0.5}, actor=ann.user_id)
            guest.append("update", item_id(number), {"note": 'Œufs 😀 "frais"\n'})
            guest.append("update", item_id(number), {"done": True})
        server.worker().run_to_end(NEVER)
        for number in range(4):
            guest.append("update", item_id(number + 4), {"note": None})
            guest.append("delete", item_id(number))
        server.worker().run_to_end(NEVER)
        assert check_log(server).seq == COUNT
    return folder


@pytest.fixture
def stopped(recorded_template: Path, tmp_path: Path) -> Iterator[Server]:
    """That PocketBase, not running."""
    shutil.copytree(recorded_template, tmp_path / "pocketbase")
    server = Server(tmp_path / "pocketbase")
    try:
        yield server
    finally:
        server.close()
