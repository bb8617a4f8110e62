"""A log that nobody tampered with is whole, and what keeps that from being told."""

import json
import threading
from pathlib import Path

import pytest
from support import NEVER, Server, check_log, command, create, eventually, item_id, run_command
from support.verifying import COUNT, verify


def test_an_untouched_log_is_whole_and_its_head_is_what_status_says(stopped: Server) -> None:
    from_file = verify(stopped, "--dir", str(stopped.data))
    assert from_file["events"] == COUNT
    stopped.start()
    assert verify(stopped) == from_file
    assert verify(stopped, "--dir", str(stopped.data)) == from_file
    status = json.loads(run_command("status", "--json", env=stopped.environment).stdout)
    assert status["head"] == from_file["head"]
    told = run_command("verify", env=stopped.environment)
    assert told.returncode == 0
    assert "All 30 events are as they were recorded" in told.stdout
    assert from_file["head"]["hash"] in told.stdout


def test_an_empty_log_is_whole(server: Server) -> None:
    assert verify(server) == {"ok": True, "events": 0, "head": {"seq": 0, "hash": ""}, "problems": []}


def test_pending_and_rejected_events_are_not_part_of_the_chain(server: Server) -> None:
    guest = server.guest()
    guest.append("create", item_id(1), {"title": "x"})
    guest.append("update", item_id(9), {"qty": 1})
    server.worker().run_to_end(NEVER)
    guest.append("create", item_id(2), {"title": "x"})
    assert verify(server)["events"] == 1


@pytest.mark.slow
def test_a_log_that_grows_meanwhile_is_whole(server: Server) -> None:
    stop = threading.Event()

    def append() -> None:
        guest, number = server.guest(), 0
        while not stop.wait(0.02):
            guest.append_all(*(create(each) for each in range(number, number + 10)))
            number += 10

    environment = {**server.environment, "POCKETBASE_SUPERUSER_PASSWORD": ""}
    client = threading.Thread(target=append)
    with command("run", env=environment, stderr=None) as worker:
        client.start()
        try:
            eventually(lambda: verify(server)["events"], "the first record")
            heads = [verify(server, *where)["head"]["seq"] for where in ((), ("--dir", str(server.data)), ())]
        finally:
            stop.set()
            client.join()
        assert worker.poll() is None
    assert heads == sorted(heads)
    assert check_log(server).seq >= heads[-1]


def test_a_file_and_a_folder_at_once_are_wrong_usage(stopped: Server, tmp_path: Path) -> None:
    done = run_command("verify", "--file", "x", "--dir", str(tmp_path), env=stopped.environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Give one of" in done.stderr


def test_a_folder_without_a_database_is_reported(stopped: Server, tmp_path: Path) -> None:
    done = run_command("verify", "--dir", str(tmp_path), env=stopped.environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no data.db" in done.stderr


@pytest.mark.parametrize("content", [b"", b"no database at all\n" * 100])
def test_a_file_that_is_not_a_database_is_reported(stopped: Server, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.db").write_bytes(content)
    done = run_command("verify", "--dir", str(tmp_path), env=stopped.environment)
    assert done.returncode in (1, 3)
    assert done.stderr.startswith("Error: ")
    assert "This is a bug" not in done.stderr
