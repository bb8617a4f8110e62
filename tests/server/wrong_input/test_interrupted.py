"""Commands that are interrupted leave nothing half done."""

import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from proxy import Proxy
from support import Server, check_log, command, create, eventually, free_port, item_id, start_copy
from support.command_line import assert_civil
from support.every_command import (
    ADOPTED,
    ATTEMPTS,
    COMMANDS,
    COMPLETES,
    DEADLINE,
    DONE,
    IMPORTED,
    LONG,
    NOBODY,
    ON_LINUX,
    PROBLEM,
    SILENCE,
    WRONG_USAGE,
    Done,
    environment,
    redirected,
    run,
    told,
)
from support.strangers import Silent, serving, tcp


class Terminal:
    """The terminal that is a command's standard error: what it shows, and what is done once it shows something."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self.seen = bytearray()
        self._reader: threading.Thread | None = None

    def watch(self, text: str, then: Callable[[], None]) -> None:
        """Leave it to the process that has it; once it shows the text, do that."""
        os.close(self.theirs)
        self._reader = threading.Thread(target=self._read, args=(text.encode(), then))
        self._reader.start()

    def close(self) -> None:
        """Read on until the process has ended."""
        if self._reader is not None:
            self._reader.join(DEADLINE)
        os.close(self._ours)

    def _read(self, text: bytes, then: Callable[[], None]) -> None:
        done = False
        with suppress(OSError):  # nobody has the other end any more
            while read := os.read(self._ours, 65536):
                self.seen += read
                if not done and text in self.seen:
                    done = True
                    then()


def interrupted(
    arguments: Sequence[str],
    env: dict[str, str],
    until: str | Callable[[], Any],
    how: signal.Signals,
    then: Callable[[], object] = lambda: None,
    **options: Any,
) -> Done:
    """The command on a terminal, sent a signal once it shows that text, or once that is true, which stays so."""
    text = until if isinstance(until, str) else "\0"
    with closing(Terminal()) as terminal:
        options = {key: terminal.theirs if value is Terminal else value for key, value in options.items()}
        with command(*arguments, env={**env, "TERM": "xterm"}, stderr=terminal.theirs, **options) as process:
            terminal.watch(text, lambda: process.send_signal(how))
            if not isinstance(until, str):
                eventually(until, "the moment to interrupt it")
                process.send_signal(how)
                then()
            out, _ = _pressed_again(process, how) if options.get("stdin") else process.communicate(timeout=SILENCE)
    done = Done(process.returncode, out, terminal.seen.decode(errors="replace"))
    assert_civil(done.told)
    assert done.err.count("Error: ") <= 1
    return done


READS, WRITES = b"GET /api/collections/event_log/", b"POST /api/batch"


def interrupted_at(
    server: Server, arguments: Sequence[str], request: bytes, after: int, how: signal.Signals, file: Path | None = None
) -> Done:
    """The command, sent a signal while it waits for the answer to a request, and after it has written to that file.

    So many requests that begin like this one have been answered before.
    """
    with closing(Proxy(server.port)) as between:
        between.hold_up(request, after)
        return interrupted(
            arguments,
            {**server.environment, "POCKETBASE_URL": between.url},
            lambda: between.held_up.is_set() and (file is None or has_begun(file)),
            how,
            then=between.be_well,
        )


def has_begun(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def _pressed_again(process: subprocess.Popen[str], how: signal.Signals) -> tuple[str, str]:
    """What a process said that waits for an answer: Python misses a signal just before it begins to wait."""
    end = time.monotonic() + SILENCE
    while True:
        try:
            return process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < end, "it does not hear"
            process.send_signal(how)


SIGNALS = pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)], ids=lambda how: how.name
)
ENDED = {  # exit codes of a command that was interrupted: as shells have them, or ended by the signal itself
    signal.SIGINT: (128 + signal.SIGINT,),
    signal.SIGTERM: (128 + signal.SIGTERM, -signal.SIGTERM),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "until", "how"),
    [
        (["verify", "--json"], "reading the log", signal.SIGINT),
        (["verify", "--json"], "reading the log", signal.SIGTERM),
        (["verify", "--file", "{file}"], "reading the file", signal.SIGINT),
        (["check"], "reading the log", signal.SIGINT),
        (["rebuild"], "reading the log", signal.SIGINT),
        (["show", "items", "--json"], "reading the log", signal.SIGINT),
    ],
    ids=lambda value: (
        value.name if isinstance(value, signal.Signals) else value if isinstance(value, str) else value[0]
    ),
)
def test_a_command_that_reads_is_interrupted_without_a_word_and_prints_nothing(
    long: Server, long_file: Path, arguments: list[str], until: str, how: signal.Signals
) -> None:
    arguments = [argument.format(file=long_file) for argument in arguments]
    done = interrupted(arguments, long.environment, until, how)
    for _ in range(ATTEMPTS):
        if done.code == DONE or done.out:  # it was faster than we
            done = interrupted(arguments, long.environment, until, how)
    assert done.code in ENDED[how]
    assert done.out == ""


@SIGNALS
def test_an_export_that_is_interrupted_leaves_no_file_and_the_next_one_completes(
    long: Server, long_file: Path, tmp_path: Path, how: signal.Signals
) -> None:
    file = tmp_path / "log.jsonl"
    done = interrupted_at(long, ["export", str(file)], READS, 3, how, tmp_path / "log.jsonl.part")
    assert done.code in ENDED[how]
    assert not file.exists()
    assert run(["export", str(file)], long.environment, COMPLETES).code == DONE
    assert file.read_bytes() == long_file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.mark.slow
def test_a_command_that_is_ended_leaves_the_terminal_and_the_folder_as_they_were(long: Server, tmp_path: Path) -> None:
    arguments, draft = ["export", str(tmp_path / "log.jsonl")], tmp_path / "log.jsonl.part"
    seen = interrupted_at(long, arguments, READS, 3, signal.SIGTERM, draft).err
    assert list(tmp_path.iterdir()) == []
    assert seen.rfind("\x1b[?25h") >= seen.rfind("\x1b[?25l"), "the cursor is shown again"


@SIGNALS
@pytest.mark.slow
def test_an_import_that_is_interrupted_is_whole_as_far_as_it_goes_and_the_next_one_completes(
    server: Server, long_file: Path, tmp_path: Path, how: signal.Signals
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(long_file.read_bytes().splitlines(keepends=True)[:IMPORTED]))
    done = interrupted_at(server, ["import", str(file)], WRITES, 2, how)  # after the hold and the first events
    assert (done.code in ENDED[how], done.out) == (True, "")
    assert check_log(server).seq < IMPORTED
    assert run(["import", str(file)], server.environment, COMPLETES).code == DONE
    assert check_log(server).seq == IMPORTED
    told(COMMANDS["check"], server.environment, DONE, "")


@pytest.mark.slow
@SIGNALS
def test_a_rebuild_that_is_interrupted_leaves_each_row_old_or_right_and_the_next_one_completes(
    long_template: Path, tmp_path: Path, how: signal.Signals
) -> None:
    for server in start_copy(long_template, tmp_path / "pocketbase"):
        server.attach("items", lock=False)
        with closing(server.database()) as database, database:
            database.execute("UPDATE items SET note = 'wrong'")
        done = interrupted_at(server, ["rebuild"], WRITES, 3, how)
        assert (done.code in ENDED[how], done.out) == (True, "")
        with closing(server.database()) as database:
            rows = database.execute("SELECT COUNT(*), SUM(note = 'wrong'), SUM(note LIKE 'n%') FROM items").fetchone()
        assert rows[0] == LONG // 5 == rows[1] + rows[2]
        assert run(["rebuild"], server.environment, COMPLETES).code == DONE
        told(COMMANDS["check"], server.environment, DONE, "")


@SIGNALS
@pytest.mark.slow
def test_an_adoption_that_is_interrupted_may_be_run_again(server: Server, how: signal.Signals) -> None:
    server.create_collection("notes", [{"name": "title", "type": "text"}])
    with closing(server.database()) as database, database:
        rows = [(item_id(number), f"note {number}") for number in range(ADOPTED)]
        database.executemany("INSERT INTO notes (id, title) VALUES (?, ?)", rows)
    adopt = ["attach", "notes", "--allow", "", "--adopt"]
    done = interrupted_at(server, adopt, WRITES, 3, how)
    assert (done.code in ENDED[how], done.out) == (True, "")
    assert check_log(server).seq < ADOPTED
    assert "notes is attached" in run(adopt, server.environment, COMPLETES).out
    assert check_log(server).seq == ADOPTED
    told(COMMANDS["check"], server.environment, DONE, "")


@SIGNALS
@pytest.mark.parametrize("arguments", [["run"], ["run", "--once"]], ids=" ".join)
def test_a_worker_that_is_interrupted_ends_its_transaction_and_exits_with_0(
    server: Server, arguments: list[str], how: signal.Signals
) -> None:
    server.guest().append_all(*(create(number) for number in range(500)))
    assert interrupted(arguments, server.environment, "recorded", how).code == DONE
    assert check_log(server).seq > 0
    assert run(["run", "--once"], server.environment).code == DONE
    assert check_log(server).seq == 500


@SIGNALS
@pytest.mark.slow
def test_serve_that_is_interrupted_while_it_starts_leaves_nothing_running(tmp_path: Path, how: signal.Signals) -> None:
    port = free_port()
    arguments = ["serve", "--http", f"127.0.0.1:{port}", "--dir", str(tmp_path)]
    done = interrupted(arguments, NOBODY, lambda: has_begun(tmp_path / "data" / "data.db"), how)
    assert done.code in (DONE, PROBLEM)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@ON_LINUX
def test_an_interrupt_before_a_command_has_begun_shows_no_traceback() -> None:
    # Nobody answers, so it can't have ended before.
    with serving(tcp(Silent)) as url, command(*COMMANDS["status"], env=environment(url)) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        eventually(lambda: "pydantic_core" in maps.read_text(), "the first of what it imports")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode in (*ENDED[signal.SIGINT], -signal.SIGINT), out) == (True, "")
    assert_civil(err)


# Presses Ctrl-C where Python tidies up after an import, and drops exceptions.
PRESSED_BETWEEN_IMPORTS = """
import os, signal, sys
from pocketbase_events.__main__ import main

def press(frame, event, _):
    if event == "call" and frame.f_code.co_qualname == "_get_module_lock.<locals>.cb":
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)

sys.setprofile(press)
main()
"""


def test_an_interrupt_between_imports_is_not_lost() -> None:
    script = [sys.executable, "-c", PRESSED_BETWEEN_IMPORTS, "--version"]
    done = subprocess.run(script, env=NOBODY, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.fixture
def asking(server: Server) -> Server:
    """A PocketBase where a rebuild has to remove a row."""
    server.attach("items", lock=False)
    with closing(server.database()) as database, database:
        database.execute("INSERT INTO items (id, title) VALUES (?, 'extra')", [item_id(1)])
    return server


def rows_of(server: Server) -> int:
    with closing(server.database()) as database:
        return int(database.execute("SELECT COUNT(*) FROM items").fetchone()[0])


@pytest.mark.parametrize("stdin", ["<&-", "</dev/null"])
def test_a_rebuild_that_nobody_can_answer_says_to_give_yes_and_changes_nothing(asking: Server, stdin: str) -> None:
    done = redirected(stdin, ["rebuild", "--json"], asking.environment)
    assert done.code == WRONG_USAGE, done.told
    assert "--yes" in done.err
    assert done.out == ""
    assert rows_of(asking) == 1


def test_an_interrupt_at_the_question_changes_nothing(asking: Server) -> None:
    done = interrupted(["rebuild"], asking.environment, "Remove 1 row", signal.SIGINT, stdin=Terminal)
    # Pressed again while Python ends, Ctrl-C ends it at once.
    assert done.code in (PROBLEM, WRONG_USAGE, *ENDED[signal.SIGINT], -signal.SIGINT)
    assert rows_of(asking) == 1
