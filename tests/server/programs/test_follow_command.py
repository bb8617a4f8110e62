"""`follow`: the log as JSON Lines, for programs that read a pipe."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest
from support import DEADLINE, Server, command, create, eventually, item_id, run_command
from support.every_command import DONE, EXECUTABLE, PROBLEM, UNREACHABLE, environment
from support.working import working


@pytest.fixture
def busy(server: Server) -> Iterator[Server]:
    """A PocketBase with a worker."""
    with working(server):
        yield server


class Reader(threading.Thread):
    """Reads what a command prints; `lines` are the events so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        assert process.stdout is not None
        self.lines: list[dict[str, object]] = []
        self._output = process.stdout
        self.start()

    def run(self) -> None:
        self.lines.extend(map(json.loads, self._output))

    def seqs(self) -> list[object]:
        return [line["seq"] for line in self.lines]


def followed(server: Server, *arguments: str) -> list[dict[str, object]]:
    done = run_command("follow", "--until-head", *arguments, env=server.environment)
    assert (done.returncode, done.stderr) == (DONE, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def recorded(server: Server, count: int) -> None:
    """Wait until the log has so many events."""
    eventually(lambda: server.gateway().status().seq == count, f"{count} events in the log")


def test_it_prints_what_an_export_has_and_ends_at_the_head_if_it_is_told_to(busy: Server) -> None:
    busy.guest().append_all(*map(create, range(5)))
    recorded(busy, 5)
    exported = run_command("export", env=busy.environment).stdout
    assert followed(busy) == [json.loads(line) for line in exported.splitlines()]
    assert [event["seq"] for event in followed(busy, "--after", "3")] == [4, 5]
    assert followed(busy, "--after", "5") == []


def test_only_events_of_the_named_collections_are_printed(busy: Server) -> None:
    busy.create_collection("notes", [{"name": "title", "type": "text"}])
    busy.attach("notes")
    for place, name in enumerate(("items", "notes", "items")):
        busy.guest().append("create", item_id(place), {"title": "x"}, name)
    recorded(busy, 3)
    assert [event["seq"] for event in followed(busy, "notes")] == [2]
    assert [event["seq"] for event in followed(busy, "notes", "items")] == [1, 2, 3]


def test_it_prints_each_event_as_it_is_recorded_across_a_restart_until_it_is_stopped(server: Server) -> None:
    with command("follow", env=server.environment) as process:
        reader = Reader(process)
        with working(server):
            server.guest().append_all(create(1))
            eventually(lambda: reader.seqs() == [1], "the first event")
        server.stop()
        server.start()
        with working(server):
            server.guest().append_all(create(2))
            eventually(lambda: reader.seqs() == [1, 2], "the second event")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == DONE
        reader.join(DEADLINE)  # before the pipe is closed


def test_a_closed_pipe_ends_it_quietly_even_if_nothing_happens_any_more(busy: Server) -> None:
    busy.guest().append_all(*map(create, range(3)))
    recorded(busy, 3)
    for lines in (1, 3):
        script = f"'{EXECUTABLE}' follow | head -n {lines}; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], env=busy.environment, capture_output=True, text=True, timeout=DEADLINE, check=True
        )
        *printed, status = done.stdout.splitlines()
        assert (len(printed), status, done.stderr) == (lines, "0", "")


def test_a_log_that_ends_before_the_seq_is_a_problem_and_nobody_there_is_told(server: Server) -> None:
    done = run_command("follow", "--after", "7", env=server.environment)
    assert (done.returncode, done.stdout) == (PROBLEM, "")
    assert "it ends at seq 0" in done.stderr
    done = run_command("follow", "--until-head", env=environment("http://127.0.0.1:1"))
    assert (done.returncode, done.stdout) == (UNREACHABLE, "")
