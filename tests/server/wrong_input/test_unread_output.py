"""Output that nobody takes."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import Server, command, free_port
from support.command_line import assert_civil
from support.every_command import (
    COMMANDS,
    DEADLINE,
    DONE,
    EXECUTABLE,
    NOBODY,
    PROBLEM,
    UNREACHABLE,
    WRONG_USAGE,
    Done,
    redirected,
    told,
)

# What prints and, run again, changes nothing.
PRINTING = {
    "--help": ["--help"],
    **{name: COMMANDS[name] for name in COMMANDS if name not in ("run", "attach --adopt", "detach", "undo")},
    "check, a table": ["check"],
}
TELLING = ("init", "run --once", "export", "check, a table")  # the others print as these do
EACH = pytest.mark.parametrize(
    "name", [name if name in TELLING else pytest.param(name, marks=pytest.mark.slow) for name in PRINTING]
)
NO_SPACE = "can't be written (No space left on device)"
ON_A_FULL_DISK = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def abandoned(arguments: Sequence[str], env: dict[str, str]) -> Done:
    """The command, its standard output a pipe that nobody reads from any more."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with command(*arguments, env=env, stdout=writing) as process:
            _, err = process.communicate(timeout=DEADLINE)
        assert_civil(err)
        return Done(process.returncode, "", err)
    finally:
        os.close(writing)


@pytest.mark.slow
@ON_A_FULL_DISK
@EACH
def test_if_standard_output_is_full_every_command_says_so(ready: Server, exported: Path, name: str) -> None:
    arguments = [argument.format(file=exported) for argument in PRINTING[name]]
    done = redirected(">/dev/full", arguments, ready.environment)
    assert done.code == PROBLEM, done.told
    assert done.err.endswith(f"Error: standard output {NO_SPACE}.\n")


@EACH
def test_a_reader_that_has_left_ends_every_command_without_a_word(ready: Server, exported: Path, name: str) -> None:
    done = abandoned([argument.format(file=exported) for argument in PRINTING[name]], ready.environment)
    assert done.code == PROBLEM, done.told
    assert done.err == ""


@pytest.mark.parametrize("name", ["--help", "init", "run --once", "check, a table", "export"])
@pytest.mark.slow
def test_without_standard_output_commands_do_their_work_and_an_export_is_refused(
    ready: Server, exported: Path, name: str
) -> None:
    arguments = [argument.format(file=exported) for argument in PRINTING[name]]
    done = redirected(">&-", arguments, ready.environment)
    assert done.out == ""
    if name == "export":
        assert done.code == PROBLEM
        assert "can't be written" in done.err
    else:
        assert done.code in (DONE, PROBLEM)


@EACH
@pytest.mark.slow
def test_without_standard_error_commands_print_what_they_always_print(ready: Server, exported: Path, name: str) -> None:
    arguments = [argument.format(file=exported) for argument in PRINTING[name]]
    done = redirected("2>&-", arguments, ready.environment)
    assert done.code == DONE, done.out
    assert done.out
    if "--json" in arguments:
        json.loads(done.out)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["retry", "nosuchevent0001", "--json"], WRONG_USAGE), (["--url", "http://127.0.0.1:1", "status"], UNREACHABLE)],
    ids=["wrong usage", "unreachable"],
)
@pytest.mark.slow
def test_without_standard_error_what_is_wrong_is_not_put_among_the_results(
    ready: Server, arguments: list[str], code: int
) -> None:
    assert redirected("2>&-", arguments, ready.environment) == Done(code, "", "")


def test_a_collection_is_detached_although_nobody_takes_the_news(server: Server) -> None:
    assert abandoned(["detach", "items"], server.environment).code == PROBLEM
    assert json.loads(told(COMMANDS["status"], server.environment, DONE, "").out)["targets"] == []


@ON_A_FULL_DISK
def test_an_export_to_a_full_disk_says_so(ready: Server) -> None:
    told(["export", "/dev/full"], ready.environment, WRONG_USAGE, f"/dev/full {NO_SPACE}")
    assert Path("/dev/full").is_char_device()


@pytest.mark.slow
def test_an_export_that_grows_too_large_leaves_no_file(long: Server, tmp_path: Path) -> None:
    limited = ["-c", 'ulimit -f 8; exec "$0" "$@"', EXECUTABLE, "export", str(tmp_path / "log.jsonl")]
    done = subprocess.run(
        ["/bin/sh", *limited], env=long.environment, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
    assert "log.jsonl can't be written (File too large)" in done.stderr
    assert list(tmp_path.iterdir()) == []


@ON_A_FULL_DISK
@pytest.mark.slow
def test_serve_that_cannot_print_its_address_ends_with_its_pocketbase(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["serve", "--http", f"127.0.0.1:{port}", "--dir", str(tmp_path)]
    done = redirected(">/dev/full", arguments, NOBODY)
    assert done.code == PROBLEM, done.told
    assert NO_SPACE in done.err
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.mark.slow
def test_serve_works_without_standard_error(tmp_path: Path) -> None:
    arguments = ["serve", "--http", f"127.0.0.1:{free_port()}", "--dir", str(tmp_path)]
    with subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$0" "$@" 2>&-', EXECUTABLE, *arguments], env=NOBODY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            welcome = ""
            while "Ctrl-C" not in welcome and (line := process.stdout.readline()):
                welcome += line
            assert "Admin UI" in welcome
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == DONE
        finally:
            process.kill()
