"""The systemd unit on the page, under a real systemd: in a container, since the machine may have none that runs."""

import re
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import WORKER, Server, create, eventually, free_port, seq_of, start_copy
from support.containers import docker
from support.pages import DOCS, ROOT

SYSTEMD, PYTHON = Path("/usr/lib/systemd/systemd"), Path("/usr/bin/python3.11")
INSTALLED = "/opt/pocketbase-events"
SERVICE = "pocketbase-events"


def unit_on_the_page() -> str:
    (unit,) = re.findall(r"```ini\n(\[Unit\].*?)```", (DOCS / "operations.md").read_text(), re.DOTALL)
    return str(unit)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, answering health checks at a port of its own."""
    text = unit_on_the_page()
    assert text.count("127.0.0.1:9464") == 1
    path = tmp_path / f"{SERVICE}.service"
    path.write_text(text.replace("127.0.0.1:9464", f"127.0.0.1:{free_port()}"))
    return path


class Machine:
    """A container whose process 1 is systemd; it has the machine's own programs, and the worker installed."""

    def __init__(self, server: Server, unit: Path, folder: Path) -> None:
        program, settings = folder / SERVICE, folder / f"{SERVICE}.env"
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={INSTALLED}/source:{INSTALLED}/lib exec {PYTHON} -m pocketbase_events "$@"\n'
        )
        program.chmod(0o755)
        settings.write_text(f"POCKETBASE_URL={server.url}\nPOCKETBASE_EVENTS_WORKER_EMAIL={WORKER[0]}\n")
        self.settings = settings
        self.password(WORKER[1])
        shared = {
            "/usr": "/usr",
            sysconfig.get_path("purelib"): f"{INSTALLED}/lib",
            str(ROOT / "pocketbase_events"): f"{INSTALLED}/source/pocketbase_events",
            str(ROOT / "pb_schema"): f"{INSTALLED}/source/pb_schema",
            str(program): f"{INSTALLED}/bin/{SERVICE}",
            str(unit): f"/etc/systemd/system/{unit.name}",
            str(settings): f"/etc/{SERVICE}.env",
        }
        mounts = [part for here, there in shared.items() for part in ("-v", f"{here}:{there}:ro")]
        mounts += [part for place in ("/run", "/run/lock", "/tmp") for part in ("--tmpfs", place)]  # noqa: S108
        mounts += ["-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns", "host"]
        options = [
            "--network",
            "host",
            "--cap-add",
            "SYS_ADMIN",
            "--security-opt",
            "seccomp=unconfined",
            "-e",
            "container=docker",
        ]
        self.name = docker(
            "run", "--detach", *options, *mounts, "debian:bookworm-slim", str(SYSTEMD), "--unit=basic.target"
        ).strip()

    def password(self, password: str) -> None:
        lines = [line for line in self.settings.read_text().splitlines() if "PASSWORD" not in line]
        self.settings.write_text("\n".join([*lines, f"POCKETBASE_EVENTS_WORKER_PASSWORD={password}", ""]))

    def __call__(self, *arguments: str) -> str:
        command = ["docker", "exec", self.name, "systemctl", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def shows(self, name: str) -> str:
        return self("show", SERVICE, f"--property={name}", "--value")


@pytest.fixture
def server(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    yield from start_copy(installed_template, tmp_path / "pocketbase")


@pytest.fixture
def machine(server: Server, unit: Path, tmp_path: Path) -> Iterator[Machine]:
    if not SYSTEMD.exists() or not PYTHON.exists():
        pytest.skip("THE UNIT WAS NOT STARTED: the machine has no systemd or no Python 3.11 of its own to share.")
    with ExitStack() as stack:
        found = Machine(server, unit, tmp_path)
        stack.callback(docker, "rm", "--force", found.name)
        eventually(lambda: found("is-system-running") in ("running", "degraded"), "systemd")
        yield found


@pytest.mark.skipif(
    not Path("/usr/bin/systemd-analyze").exists(), reason="THE UNIT WAS NOT CHECKED: no systemd-analyze."
)
def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / SERVICE
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit.write_text(unit.read_text().replace(f"{INSTALLED}/bin/{SERVICE}", str(program)))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    found = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, found) == (0, [])


def test_the_unit_starts_stops_and_restarts_after_a_failure(server: Server, machine: Machine) -> None:
    machine("daemon-reload")
    machine("enable", "--now", SERVICE)
    server.guest().append_all(create(1))
    eventually(lambda: seq_of(server) == 1, "the first record")
    first = machine.shows("MainPID")
    machine("kill", "--signal=KILL", SERVICE)
    eventually(lambda: machine.shows("NRestarts") == "1" and machine.shows("ActiveState") == "active", "the restart")
    assert machine.shows("MainPID") != first
    server.guest().append_all(create(2))
    eventually(lambda: seq_of(server) == 2, "the record after the restart")
    machine("stop", SERVICE)
    assert (machine.shows("ActiveState"), machine.shows("Result")) == ("inactive", "success")
    machine.password("wrong-password")
    machine("start", SERVICE)
    eventually(lambda: machine.shows("ExecMainStatus") == "3", "the refused password")
    machine.password(WORKER[1])
    server.guest().append_all(create(3))
    eventually(lambda: seq_of(server) == 3, "the next attempt, with the right one")
