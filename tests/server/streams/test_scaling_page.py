"""From one machine to three, by the lines of docs/scaling.md as they stand there."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import DEADLINE, Server, eventually, free_port, head_of, seq_of
from support.commands import EXECUTABLE
from support.nats import BINARY
from support.pages import DOCS, blocks, commands
from support.replicas import WORKER_ONLY, assert_same, catches_up, record_some
from support.server import installed_binary

pytestmark = pytest.mark.slow

PAGE = DOCS / "scaling.md"
LINES = [line for line in commands(PAGE) if not line.startswith("docker ")]  # those are run in the tests of containers
JAVASCRIPT = DOCS.parent / "tests" / "javascript"


class Machine(Server):
    """A machine with an empty folder, into which lines of the page are typed."""

    def __init__(self, folder: Path, nats: int, stack: ExitStack) -> None:
        super().__init__(folder)
        folder.mkdir()
        self._stack = stack
        self._here = {"10.0.0.2:4222": f"127.0.0.1:{nats}", "127.0.0.1:8090": f"127.0.0.1:{self.port}"}
        self._programs = {"pocketbase-events": EXECUTABLE, "pocketbase": installed_binary(), "nats-server": BINARY}

    @property
    def data(self) -> Path:
        return self.folder / "pb_data"

    def types(self, line: str, **env: str) -> subprocess.Popen[str]:
        """Begin to do what a line says; ended in the end."""
        assert line in LINES, line
        program, *arguments = [self._here.get(word, self._with(word)) for word in line.split()]
        process = subprocess.Popen(
            [self._programs.get(program, program), *arguments], cwd=self.folder, env={**self.environment, **env},
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._stack.callback(_end, process)
        return process

    def _with(self, word: str) -> str:
        for there, here in self._here.items():
            word = word.replace(there, here)
        return word


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    port = free_port()
    with ExitStack() as stack:
        yield lambda name: Machine(tmp_path / name, port, stack)


def test_from_one_machine_to_three_and_on_after_the_primary_is_lost(
    primary: Server,
    machine: Callable[[str], Machine],
    javascript_packages: None,  # noqa: ARG001
) -> None:
    primary.create_collection("notes", [{"name": "body", "type": "text"}], listRule="", viewRule="")
    primary.attach("notes")
    primary.user("ann")
    record_some(primary, 100)
    stream, home, *replicas = [machine(name) for name in ("nats", "home", "one", "two")]
    home.url = primary.url
    (conf,) = (block.text for block in blocks(PAGE) if "jetstream {" in block.text)
    (stream.folder / "nats.conf").write_text(re.sub(r"\b4222\b", stream._here["10.0.0.2:4222"].split(":")[1], conf))  # noqa: SLF001
    stream.types("nats-server -c nats.conf")
    worker = home.types("pocketbase-events run", **WORKER_ONLY)
    relay = home.types("pocketbase-events relay nats://10.0.0.2:4222", **WORKER_ONLY)

    primary.back_up("seed.zip")
    for replica in replicas:
        shutil.copy(primary.data / "backups" / "seed.zip", replica.folder)
        assert replica.types("unzip -q seed.zip -d pb_data").wait(DEADLINE) == 0
        replica.process = replica.types("pocketbase serve --dir pb_data --http 127.0.0.1:8090")  # type: ignore[assignment]
        eventually(replica.is_healthy, "PocketBase's health")
        replica.types("pocketbase-events replica nats://10.0.0.2:4222")
    reads_near(primary, replicas[0])
    for replica in replicas:
        catches_up(replica, primary)
        for line in ("pocketbase-events check --nats nats://10.0.0.2:4222", "pocketbase-events status"):
            eventually(lambda each=replica, line=line: each.types(line).wait(DEADLINE) == 0, "that all is well")  # type: ignore[misc]
    assert_same(primary, *replicas)

    for process in (worker, relay):
        process.kill()
    primary.stop()
    new, other = replicas
    new.types("pocketbase-events replica --promote").communicate("y\n", timeout=DEADLINE)
    new.types("pocketbase-events run", **WORKER_ONLY)
    new.types("pocketbase-events relay nats://10.0.0.2:4222", **WORKER_ONLY)
    before = seq_of(new)
    new.guest().append("create", "note00000000009", {"body": "goes on"}, collection="notes")
    eventually(lambda: seq_of(new) == before + 1, "the event at the new primary")
    eventually(lambda: head_of(other) == head_of(new), "the event at the other replica")
    assert_same(new, other)


def reads_near(home: Server, near: Server) -> None:
    """The example of the page prints the row as the replica has it."""
    given = {"PB_URL": home.url, "PB_NEAR_URL": near.url, "PB_EMAIL": "ann@example.com", "PB_PASSWORD": "user-password"}
    script = ["node", str(JAVASCRIPT / "run_example.mjs"), "near_example.mjs"]
    done = subprocess.run(script, env={**os.environ, **given}, capture_output=True, text=True, timeout=60, check=False)
    assert re.fullmatch(r"Hello \d+\n", done.stdout), done.stdout + done.stderr
