"""Following a log of 100,000 events: killed, disconnected, read in part; each event comes once, as the log has it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import Server, command, eventually, fill_log, run_command, start_copy
from support.every_command import EXECUTABLE
from support.pages import ROOT

pytestmark = pytest.mark.slow

EVENTS = 100_000
PATIENCE = 300.0  # seconds that a copy of them may take


@dataclass(frozen=True)
class Long:
    """A long log, and its lines as an export has them."""

    server: Server
    lines: list[str]


@pytest.fixture(scope="module")
def long(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Long]:
    folder = tmp_path_factory.mktemp("long")
    for server in start_copy(installed_template, folder / "pocketbase"):
        server.stop()
        fill_log(server, EVENTS)
        server.start()
        exported = folder / "export.jsonl"
        assert run_command("export", str(exported), env=server.environment).returncode == 0
        yield Long(server, exported.read_text().splitlines())


def test_a_consumer_that_is_killed_and_a_pocketbase_that_is_restarted_lose_and_repeat_nothing(long: Long) -> None:
    lines: list[str] = []
    for upto in (20_000, 50_000, EVENTS):
        with command("follow", "--after", str(len(lines)), env=long.server.environment) as process:
            assert process.stdout is not None
            while len(lines) < upto:
                lines.append(process.stdout.readline().rstrip("\n"))
                if len(lines) in (35_000, 80_000):  # in the middle of it
                    long.server.stop(signal.SIGKILL)
                    long.server.start()
            process.kill()
    assert len(lines) == len(long.lines)
    assert lines == long.lines


@pytest.mark.parametrize("count", [10, 60_000])
def test_head_reads_as_much_as_it_wants_and_the_rest_is_dropped_quietly(long: Long, count: int, tmp_path: Path) -> None:
    shell = f"'{EXECUTABLE}' follow | head -n {count} > head.jsonl; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell], env=long.server.environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert (tmp_path / "head.jsonl").read_text().splitlines() == long.lines[:count]


def test_a_copy_that_a_program_keeps_is_whole_however_often_it_is_killed(long: Long, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"

    def length() -> int:
        return copy.stat().st_size if copy.exists() else 0

    def is_whole() -> bool:
        with copy.open("rb") as file:
            file.seek(max(0, length() - 2000))
            return f'"seq": {EVENTS},'.encode() in file.read()

    for size in (1_000_000, 3_000_000, 0):
        program = [sys.executable, ROOT / "examples" / "log_copy.py", copy]
        with subprocess.Popen(program, env=long.server.environment) as process:
            if size:
                eventually(lambda size=size: length() > size, "a part of the copy", PATIENCE)
                process.kill()
            else:
                eventually(is_whole, "the end of the copy", PATIENCE)
                process.terminate()
        if size:
            copy.write_bytes(copy.read_bytes()[:-7])  # as if it was killed in the middle of a line
    names = ("seq", "event_id", "hash", "id")

    def events(texts: list[str]) -> list[list[object]]:
        return [[event[name] for name in names] for event in map(json.loads, texts)]

    assert events(copy.read_text().splitlines()) == events(long.lines)
