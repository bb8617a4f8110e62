"""Fixtures: logs as files, written whole and read back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import NEVER, Server, check_log, create, fill_log, item_id, start_copy
from support.command_line import cli
from support.exports import COUNT, LONG


@pytest.fixture(scope="session")
def recorded_template(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped PocketBase with thirty recorded events about ten items, by a guest and a user."""
    folder = tmp_path_factory.mktemp("recorded") / "pocketbase"
    for server in start_copy(installed_template, folder):
        guest, ann = server.guest(), server.user("ann")
        guest.append_all(*(create(number) for number in range(10)))
        server.worker().run_to_end(NEVER)
        for number in range(4):
            ann.append(
                "update", item_id(number), {"qty": (-0.5, 1e21, 5e-324, 9007199254740991)[number]}, actor=ann.user_id
            )
            guest.append("update", item_id(number), {"note": 'Œufs 😀 \u2028 "frais"\n\x00\x7f'})
            guest.append("update", item_id(number), {"done": True})
        server.worker().run_to_end(NEVER)
        for number in range(4):
            guest.append("update", item_id(number + 4), {"note": None})
            guest.append("delete", item_id(number), {} if number % 2 else None)
        server.worker().run_to_end(NEVER)
        assert check_log(server).seq == COUNT
    return folder


@pytest.fixture
def recorded(recorded_template: Path, tmp_path: Path) -> Iterator[Server]:
    """That PocketBase, running."""
    yield from start_copy(recorded_template, tmp_path / "recorded")


@pytest.fixture
def another(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A second PocketBase with an empty log."""
    yield from start_copy(installed_template, tmp_path / "another")


@pytest.fixture(scope="session")
def exported(recorded_template: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What `export` writes of it."""
    folder = tmp_path_factory.mktemp("exported")
    for server in start_copy(recorded_template, folder / "pocketbase"):
        cli(server, "export", str(folder / "log.jsonl"))
    return (folder / "log.jsonl").read_bytes()


@pytest.fixture
def file(exported: bytes, tmp_path: Path) -> Path:
    """A file with it."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(exported)
    return path


@pytest.fixture(scope="session")
def long_log(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a stopped PocketBase with a long log, and an export of it."""
    folder = tmp_path_factory.mktemp("long")
    shutil.copytree(installed_template, folder / "pocketbase")
    server = Server(folder / "pocketbase")
    fill_log(server, LONG)
    server.start()
    try:
        cli(server, "export", str(folder / "log.jsonl"))
    finally:
        server.close()
    return folder / "pocketbase", folder / "log.jsonl"
