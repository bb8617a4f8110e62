"""A primary, a replica, and NATS between them."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest
from support import Server, start_copy
from support.commands import command
from support.nats import Nats, nats_server
from support.replicas import WORKER_ONLY

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="package")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """One NATS server for all tests that leave it as it is; each takes a stream of its own."""
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    """A stream's name that no other test has."""
    return f"test-{sha256(request.node.nodeid.encode()).hexdigest()[:16]}"


@pytest.fixture
def primary(server: Server) -> Server:
    return server


@pytest.fixture
def copy(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A second PocketBase that was set up like the first."""
    yield from start_copy(installed_template, tmp_path / "copy")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command that goes on, and logs to a file of its own. All are ended in the end."""
    with ExitStack() as started:

        def begin(server: Server, *arguments: str, **env: str) -> subprocess.Popen[str]:
            path = tmp_path / f"{arguments[0]}-{len(list(tmp_path.glob('*.log')))}.log"
            log = started.enter_context(path.open("w"))
            environment = {**server.environment, **(WORKER_ONLY if arguments[0] != "replica" else {}), **env}
            process = started.enter_context(command(*arguments, "--json", env=environment, stderr=log, stdout=log))
            process.log = path  # type: ignore[attr-defined]
            return process

        yield begin
