"""A primary, a replica, and NATS between them."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import Server, start_copy
from support.commands import command
from support.nats import Nats, nats_server

from streams import WORKER_ONLY

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """One NATS server for all tests that leave it as it is; each takes a stream of its own."""
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    """A stream's name that no other test has."""
    return f"test-{abs(hash(request.node.nodeid))}"


@pytest.fixture
def primary(server: Server) -> Server:
    return server


@pytest.fixture
def copy(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A second PocketBase that was set up like the first."""
    yield from start_copy(installed_template, tmp_path / "copy")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command that goes on; its log is in `process.log`. All are ended in the end."""
    with ExitStack() as started:

        def begin(server: Server, *arguments: str, **env: str) -> subprocess.Popen[str]:
            name = f"{arguments[0]}-{len(list(tmp_path.glob('*.log')))}.log"
            log = started.enter_context((tmp_path / name).open("w"))
            environment = {**server.environment, **(WORKER_ONLY if arguments[0] != "replica" else {}), **env}
            process = started.enter_context(command(*arguments, "--json", env=environment, stderr=log, stdout=log))
            process.log = tmp_path / name  # type: ignore[attr-defined]
            return process

        yield begin


def lines(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    """What a command has logged."""
    return [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]  # type: ignore[attr-defined]
