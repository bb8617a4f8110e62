"""Fixtures: the command line, and what is wrong with its input."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import Server, check_log, create, fill_log, start_copy
from support.every_command import DONE, LONG, MEASURED, run
from support.server import see_worker
from support.strangers import STRANGERS, serving


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Commands run unmeasured here: coverage makes each slower by half, and waits for its own lock for ever when a
    signal comes while it holds it.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(MEASURED)]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this module's own."""
    return tmp_path_factory.mktemp("bad-input")


@pytest.fixture(scope="session")
def without_log(bare_template: Path, folder: Path) -> Iterator[Server]:
    """A PocketBase without the log, which nobody here gives one."""
    yield from start_copy(bare_template, folder / "bare")


@pytest.fixture(scope="session")
def filled(installed_template: Path, folder: Path) -> Iterator[Server]:
    for server in start_copy(installed_template, folder / "ready"):
        server.create_collection("new", [{"name": "title", "type": "text"}])
        server.create_collection("a_view", [], type="view", viewQuery="SELECT id FROM items")
        server.guest().append_all(create(1), create(2), create(3))
        server.worker().run_to_end(threading.Event())
        assert check_log(server).seq == 3
        yield server


@pytest.fixture
def ready(filled: Server) -> Server:
    """A PocketBase with a few events and a collection of each kind, where a worker was seen just now."""
    see_worker(filled.data)
    return filled


@pytest.fixture(scope="session")
def exported(filled: Server, folder: Path) -> Path:
    """An export of its log."""
    file = folder / "ready.jsonl"
    assert run(["export", str(file)], filled.environment).code == DONE
    return file


@pytest.fixture(scope="session")
def long_template(installed_template: Path, folder: Path) -> Path:
    """The folder of a stopped PocketBase with a long log."""
    shutil.copytree(installed_template, folder / "long")
    fill_log(Server(folder / "long"), LONG)
    return folder / "long"


@pytest.fixture(scope="session")
def long(long_template: Path, folder: Path) -> Iterator[Server]:
    """That PocketBase, running; nobody here changes its log or rows."""
    yield from start_copy(long_template, folder / "long-running")


@pytest.fixture(scope="session")
def long_file(long: Server, folder: Path) -> Path:
    """An export of it."""
    file = folder / "long.jsonl"
    assert run(["export", str(file)], long.environment).code == DONE
    return file


@pytest.fixture(scope="session")
def strangers() -> Iterator[dict[str, str]]:
    """The address of each of them."""
    with ExitStack() as opened:
        refusing = opened.enter_context(socket.socket())
        refusing.bind(("127.0.0.1", 0))  # and does not listen
        found = {"nobody": f"http://127.0.0.1:{refusing.getsockname()[1]}"}
        for name, (start, *_) in STRANGERS.items():
            if start is not None:
                found[name] = opened.enter_context(serving(start()))
        yield found
