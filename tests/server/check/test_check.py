"""What `check` looks at, and what keeps it from being told."""

import json
import signal
import subprocess
import threading
from contextlib import closing

import pytest
from support import Client, Server, check_log, command, eventually, live_rows, pending, run_command
from support.checking import record_all, refused, silent
from support.command_line import cli
from support.notes import NOTES, found, note, with_notes

# -- what keeps it from being told -------------------------------------------------------------------------


def test_a_collection_that_is_not_attached_is_reported(shared: Server) -> None:
    for arguments in (["nothere"], ["items", "users"], ["events", "--json"], ["nothere", "--dir", str(shared.data)]):
        done = cli(shared, "check", *arguments, code=2)
        assert done.stdout == ""
        assert "is not attached" in done.stderr


def test_a_collection_that_lost_its_name_is_not_said_to_be_well(server: Server) -> None:
    server.guest().append("create", note(1), {"title": "x"})
    record_all(server)
    assert server.superuser()("PATCH", "/api/collections/items", json={"name": "things"}).ok
    for more in ((), ("--dir", str(server.data))):
        done = run_command("check", *more, env=server.environment)
        assert done.returncode != 0
        assert "items" in done.stderr


@pytest.mark.parametrize("rules", [{"listRule": "number > 5"}, {"listRule": "", "viewRule": None}])
def test_rules_that_hide_rows_from_the_worker_are_no_false_alarm(notes: Server, rules: dict[str, str | None]) -> None:
    assert notes.superuser()("PATCH", "/api/collections/notes", json=rules).ok
    for arguments in (["check", "--json"], ["rebuild", "--yes"]):
        done = cli(notes, *arguments, code=1)
        assert done.stdout == ""
        assert "pocketbase-events attach notes" in done.stderr
    cli(notes, "check", "items")
    notes.attach("notes", lock=False)
    cli(notes, "check", "notes")
    after = notes.superuser()("GET", "/api/collections/notes").json()
    assert all((rules[name] or "") in after[name] for name in rules)


def test_a_log_that_contradicts_itself_is_reported(server: Server) -> None:
    server.guest().append("create", note(1), {"title": "x"})
    record_all(server)
    server.stop()
    with closing(server.database()) as database, database:
        database.execute("DROP TRIGGER pbe_head_update")
        database.execute("UPDATE event_head SET seq = 2")
    server.start()
    for more in (("--json",), ("--dir", str(server.data))):
        done = cli(server, "check", *more, code=1)
        assert done.stdout == ""
        assert "contradicts itself" in done.stderr


def test_a_folder_without_a_database_is_reported(shared: Server) -> None:
    for folder in ("pb_migrations", "nothere"):
        assert "no data.db" in cli(shared, "check", "--dir", str(shared.folder / folder), code=2).stderr


def nobody(server: Server) -> dict[str, str]:
    """An environment without anybody's credentials."""
    return {name: value for name, value in server.environment.items() if not name.startswith("POCKETBASE_")}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_file_is_checked_by_nobody_in_particular_while_pocketbase_is_stopped(
    server: Server, how: signal.Signals
) -> None:
    with_notes(server, lock=False)
    assert server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "X"}).ok
    server.stop(how)
    done = run_command("check", "--json", "--dir", str(server.data), env=nobody(server))
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["differences"] == [found(1, "changed", text=["x", "X"])]
    assert json.loads(done.stdout)["seq"] == 7


def test_a_folder_of_a_pocketbase_without_the_log_is_reported(bare: Server) -> None:
    assert "init" in cli(bare, "check", "--dir", str(bare.data), code=1).stderr


# -- while everything goes on ------------------------------------------------------------------------------


def keep_appending(server: Server, name: str, stop: threading.Event, sent: list[str]) -> None:
    """Create, update and delete items one after the other until told to stop."""
    client, number = Client(server.url), 0
    with client.session:
        while not stop.is_set():
            number += 1
            item = f"{name}{number:014d}"
            sent.append(client.append("create", item, {"title": item, "qty": number})["id"])
            for qty in range(3):
                sent.append(client.append("update", item, {"qty": qty / 3})["id"])
                sent.append(client.append("update", f"{name}{number // 2 + 1:014d}", {"note": f"{number}"})["id"])
            if number % 3 == 0:
                sent.append(client.append("delete", item)["id"])
            stop.wait(0.03)  # leave the others some of the processor


@pytest.mark.slow
def test_check_never_raises_a_false_alarm_while_clients_append_and_a_worker_records(server: Server) -> None:
    stop = threading.Event()
    sent: list[list[str]] = [[], [], []]
    threads = [
        threading.Thread(target=keep_appending, args=(server, name, stop, mine))
        for name, mine in zip("abc", sent, strict=True)
    ]
    seqs = []
    with command("run", env=server.environment, stderr=subprocess.DEVNULL):
        for thread in threads:
            thread.start()
        try:
            eventually(lambda: len(live_rows(server, ("id",))) > 20, "the first rows")
            for turn in range(10):
                folder = ["--dir", str(server.data)] if turn % 2 else []
                told = json.loads(cli(server, "check", "--json", *folder).stdout)
                assert told["ok"] is True
                seqs.append(told["seq"])
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        eventually(lambda: pending(server) == 0, "all records")
    assert check_log(server).seq + len(refused(server)) == sum(map(len, sent))
    assert seqs == sorted(seqs)
    assert len(set(seqs)) > 5, "events were recorded meanwhile"
    assert silent(server)["seq"] == check_log(server).seq
