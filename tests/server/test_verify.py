"""Whatever is done to a recorded log in its database, `verify` finds it and says where."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid1, uuid4

import pytest
from support import (
    SUPERUSER,
    WORKER,
    Server,
    check_log,
    command,
    create,
    eventually,
    fill_log,
    item_id,
    run_command,
    running,
    start_copy,
    unlocked,
)
from typer.testing import CliRunner

from pocketbase_events.cli import app
from pocketbase_events.core.events import HASHED, chain_hash
from pocketbase_events.core.json_text import read_json

SECRETS = (SUPERUSER[1], WORKER[1])
NEVER = threading.Event()
COUNT = 30  # events in the log
DEEP = "[" * 5000 + "]" * 5000
EARLIER = "2020-01-01 00:00:00.000Z"
NO_V4 = str(uuid1())

Tamper = Callable[[sqlite3.Connection], object]


def verify(server: Server, *arguments: str, code: int = 0) -> Any:
    """The verdict of the command as JSON."""
    done = run_command("verify", "--json", *arguments, env=server.environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    return sound(done.stdout, code)


def verify_here(server: Server, *arguments: str, code: int = 0) -> Any:
    """The same command in this process, which is faster."""
    done = CliRunner().invoke(app, ["verify", "--json", *arguments], env=server.environment)
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert not any(secret in done.output for secret in SECRETS)
    return sound(done.stdout, code)


def sound(text: str, code: int) -> Any:
    """A verdict as it is promised."""
    verdict = json.loads(text)
    assert verdict.keys() == {"ok", "events", "head", "problems"}
    assert verdict["head"].keys() == {"seq", "hash"}
    assert all(problem.keys() == {"seq", "reason"} for problem in verdict["problems"])
    assert verdict["ok"] == (not verdict["problems"]) == (code == 0)
    return verdict


@pytest.fixture(scope="module")
def recorded_template(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped PocketBase with thirty recorded events about ten items, by a guest and a user."""
    folder = tmp_path_factory.mktemp("recorded") / "pocketbase"
    for server in start_copy(installed_template, folder):
        guest, ann = server.guest(), server.user("ann")
        guest.append_all(*(create(number) for number in range(10)))
        server.worker().run_to_end(NEVER)
        for number in range(4):
            ann.append("update", item_id(number), {"qty": number + 0.5}, actor=ann.user_id)
            guest.append("update", item_id(number), {"note": 'Œufs 😀 "frais"\n'})
            guest.append("update", item_id(number), {"done": True})
        server.worker().run_to_end(NEVER)
        for number in range(4):
            guest.append("update", item_id(number + 4), {"note": None})
            guest.append("delete", item_id(number))
        server.worker().run_to_end(NEVER)
        assert check_log(server).seq == COUNT
    return folder


@pytest.fixture
def stopped(recorded_template: Path, tmp_path: Path) -> Iterator[Server]:
    """That PocketBase, not running."""
    shutil.copytree(recorded_template, tmp_path / "pocketbase")
    server = Server(tmp_path / "pocketbase")
    try:
        yield server
    finally:
        server.close()


def tamper_with(server: Server, *tamperings: Tamper) -> None:
    """Do it in the database of a stopped PocketBase, its locks opened."""
    with closing(server.database()) as database, database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f"DROP TRIGGER `{name}`")
        database.execute("DROP INDEX idx_events_recorded")
        for tamper in tamperings:
            tamper(database)


# -- ways to tamper --------------------------------------------------------------------------------------------


def sets(column: str, value: object, seq: int = 15) -> Tamper:
    return lambda database: database.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (value, seq))


def sets_bytes(column: str, value: bytes, seq: int = 15) -> Tamper:
    """A text that holds any bytes."""
    return lambda database: database.execute(
        f"UPDATE events SET {column} = CAST(? AS TEXT) WHERE seq = ?", (value, seq)
    )


def copies(column: str, seq: int, source: int) -> Tamper:
    return lambda database: database.execute(
        f"UPDATE events SET {column} = (SELECT {column} FROM events WHERE seq = ?) WHERE seq = ?", (source, seq)
    )


def removes(first: int, last: int) -> Tamper:
    return lambda database: database.execute("DELETE FROM events WHERE seq BETWEEN ? AND ?", (first, last))


def inserts(seq: int, rowid: int | None = None, **changes: object) -> Tamper:
    """A second event with that seq, like the one that is there but for the changes."""

    def tamper(database: sqlite3.Connection) -> None:
        database.row_factory = sqlite3.Row
        there = dict(database.execute("SELECT * FROM events WHERE seq = ?", (seq,)).fetchone())
        row = {**there, "id": uuid4().hex[:15], "rowid": rowid, **changes}
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    return tamper


def hashes_again(first: int, last: int, *, head: bool) -> Tamper:
    """Give these events the hashes that their content has now, and the head that of the last one."""

    def tamper(database: sqlite3.Connection) -> None:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT hash FROM events WHERE seq = ?", (first - 1,)).fetchone()
        previous = found["hash"] if found else ""
        for seq in range(first, last + 1):
            row = dict(database.execute("SELECT * FROM events WHERE seq = ?", (seq,)).fetchone())
            row["data"] = read_json(row["data"]) if row["data"] else None
            previous = chain_hash({key: row[key] for key in HASHED}, previous)
            database.execute("UPDATE events SET hash = ? WHERE seq = ?", (previous, seq))
        if head:
            database.execute("UPDATE event_head SET hash = ?", (previous,))

    return tamper


def both(*tamperings: Tamper) -> Tamper:
    def tamper(database: sqlite3.Connection) -> None:
        for each in tamperings:
            each(database)

    return tamper


def moves_head(column: str, value: object) -> Tamper:
    return lambda database: database.execute(f"UPDATE event_head SET {column} = ?", (value,))


def swaps(one: int, other: int) -> Tamper:
    """Two events that exchange their seqs."""
    return lambda database: database.executemany(
        "UPDATE events SET seq = ? WHERE seq = ?", [(-1, one), (one, other), (other, -1)]
    )


# name: what is done; the seqs that are named, the first of them with the words
WAYS: dict[str, tuple[Tamper, set[int], str]] = {
    "removed": (removes(15, 15), {15}, "gap: seq 15 is missing"),
    "several removed": (removes(14, 17), {14}, "gap: seq 14 to 17 are missing"),
    "first removed": (removes(1, 1), {1}, "gap: seq 1 is missing"),
    "last removed": (removes(30, 30), {30}, "head disagrees"),
    "end removed": (removes(21, 30), {30}, "head disagrees"),
    "all removed": (removes(1, 30), {30}, "head disagrees"),
    "copied": (inserts(15), {15}, "duplicate"),
    "last copied": (inserts(30), {30}, "duplicate"),
    "forged beside": (inserts(15, event_id=str(uuid4()), data='{"qty": 9}'), {15}, "duplicate"),
    "forged before": (inserts(15, -5, event_id=str(uuid4()), data='{"qty": 9}'), {15}, "duplicate"),
    "swapped": (swaps(15, 20), {15, 16, 20, 21}, "changed, or a broken link"),
    "moved far ahead": (sets("seq", 1000), {15, 30, 31, 1000}, "gap: seq 15 is missing"),
    "seq 0": (sets("seq", 0), {15}, "gap: seq 15 is missing"),
    "seq negative": (sets("seq", -15), {15}, "gap: seq 15 is missing"),
    "seq a text": (sets("seq", "fifteen"), {15}, "gap: seq 15 is missing"),
    "last seq 0": (sets("seq", 0, 30), {30}, "head disagrees"),
    "data": (sets("data", '{"qty": 1e3}'), {15}, "changed"),
    "first data": (sets("data", '{"title": "y"}', 1), {1}, "changed"),
    "last data": (sets("data", '{"title": "y"}', 30), {30}, "changed"),
    "data null": (sets("data", None), {15}, "changed"),
    "item_id": (sets("item_id", item_id(9)), {15}, "changed"),
    "actor": (sets("actor", "somebody0000000"), {15}, "changed"),
    "collection": (sets("collection", "users"), {15}, "changed"),
    "type": (sets("type", "delete"), {15}, "changed"),
    "type none of the three": (sets("type", "upsert"), {15}, "changed"),
    "hash": (sets("hash", "0" * 64), {15}, "broken link: its hash was overwritten"),
    "last hash": (sets("hash", "0" * 64, 30), {30}, "broken link: its hash was overwritten"),
    "hash of another": (copies("hash", 15, 14), {15}, "broken link: its hash was overwritten"),
    "hash no hash": (sets("hash", "F00D\n"), {15}, "its hash is no SHA-256"),
    "rewritten": (both(sets("actor", "x"), hashes_again(15, 15, head=False)), {16}, "broken link"),
    "last rewritten": (both(sets("actor", "x", 30), hashes_again(30, 30, head=False)), {30}, "head disagrees"),
    "timestamp earlier": (sets("timestamp", EARLIER), {15}, "time runs backwards"),
    "timestamp earlier, all hashes new": (
        both(sets("timestamp", EARLIER), hashes_again(15, 30, head=True)),
        {15},
        "time runs backwards",
    ),
    "timestamp no time": (sets("timestamp", "1 January"), {15}, "its timestamp is no time"),
    "event_id no v4": (sets("event_id", NO_V4), {15}, "its event_id is no uuid v4"),
    "event_id no v4, all hashes new": (
        both(sets("event_id", NO_V4), hashes_again(15, 30, head=True)),
        {15},
        "its event_id is no uuid v4",
    ),
    "event_id twice": (copies("event_id", 15, 3), {15}, "its event_id is used twice, by seq 3"),
    "event_id twice, all hashes new": (
        both(copies("event_id", 15, 3), hashes_again(15, 30, head=True)),
        {15},
        "its event_id is used twice, by seq 3",
    ),
    "event_id emptied": (sets("event_id", ""), {15}, "lacks its event_id"),
    "timestamp emptied": (sets("timestamp", ""), {15}, "lacks its timestamp"),
    "hash emptied": (sets("hash", ""), {15}, "lacks its hash"),
    "head seq ahead": (moves_head("seq", 31), {31}, "head disagrees"),
    "head seq behind": (moves_head("seq", 29), {29}, "head disagrees"),
    "head hash": (moves_head("hash", "0" * 64), {30}, "head disagrees"),
    "head hash emptied": (moves_head("hash", ""), {30}, "head disagrees"),
    "data no JSON": (sets("data", '{"qty": '), {15}, "its data can't be read: data is not JSON"),
    "data not a number": (sets("data", '{"qty": NaN}'), {15}, "changed"),
    "data no UTF-8": (sets_bytes("data", b'{"title": "\xff\xfe"}'), {15}, "its data can't be read"),
    "data a blob": (sets("data", b'{"title": "\xff\x00"}'), {15}, "its data can't be read"),
    "data with a null character": (sets_bytes("data", b'{"done": true}\x00 {"qty": 1}'), {15}, "changed"),
    "data nested deeply": (sets("data", DEEP), {15}, "levels deep"),
    "item_id no UTF-8": (sets_bytes("item_id", b"item\xff0000000000"), {15}, "changed"),
    "actor no UTF-8": (sets_bytes("actor", b"\xc3"), {15}, "changed"),
    "event_id no UTF-8": (sets_bytes("event_id", b"\xff" * 36), {15}, "its event_id is no uuid v4"),
}


def assert_told(verdict: Any, seqs: set[int], words: str) -> None:
    told = verdict["problems"]
    assert {problem["seq"] for problem in told} == seqs, told
    assert any(problem["seq"] == told[0]["seq"] and words in problem["reason"] for problem in told), told
    assert all(len(problem["reason"]) < 500 for problem in told)


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_done_to_a_log_is_found_and_told_where(stopped: Server, way: str) -> None:
    tamper, seqs, words = WAYS[way]
    tamper_with(stopped, tamper)
    from_file = verify_here(stopped, "--dir", str(stopped.data), code=1)
    assert_told(from_file, seqs, words)
    stopped.start()
    assert verify_here(stopped, code=1) == from_file


@pytest.mark.parametrize("way", ["removed", "data no UTF-8"])
def test_a_process_of_its_own_finds_the_same(stopped: Server, way: str) -> None:
    tamper, seqs, words = WAYS[way]
    tamper_with(stopped, tamper)
    from_file = verify(stopped, "--dir", str(stopped.data), code=1)
    assert_told(from_file, seqs, words)
    stopped.start()
    assert verify(stopped, code=1) == from_file


def test_two_things_done_to_a_log_are_both_found(stopped: Server) -> None:
    tamper_with(stopped, removes(7, 8), sets("data", '{"qty": 7}', 22))
    from_file = verify_here(stopped, "--dir", str(stopped.folder), code=1)
    assert [problem["seq"] for problem in from_file["problems"]] == [7, 22]
    assert "gap" in from_file["problems"][0]["reason"]
    assert "changed" in from_file["problems"][1]["reason"]
    stopped.start()
    assert verify_here(stopped, code=1) == from_file


@pytest.mark.parametrize("timestamp", ["x" * 100_000, "2099-01-01 00:00:00.000Z", "9999\x1b[31m"])
def test_a_timestamp_set_ahead_does_not_accuse_all_events_after_it(stopped: Server, timestamp: str) -> None:
    tamper_with(stopped, sets("timestamp", timestamp))
    done = run_command("verify", "--dir", str(stopped.data), env=stopped.environment)
    assert "\x1b" not in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 500
    verdict = verify_here(stopped, "--dir", str(stopped.data), code=1)
    assert {problem["seq"] for problem in verdict["problems"]} <= {15, 16}


@pytest.mark.parametrize("seq", [29.5, "thirty"])
def test_a_head_whose_seq_is_no_whole_number_disagrees(stopped: Server, seq: object) -> None:
    tamper_with(stopped, moves_head("seq", seq))
    from_file = verify_here(stopped, "--dir", str(stopped.data), code=1)
    assert ["head disagrees" in problem["reason"] for problem in from_file["problems"]] == [True]
    stopped.start()
    told = verify_here(stopped, code=1)
    assert ["head disagrees" in problem["reason"] for problem in told["problems"]] == [True]


@pytest.mark.parametrize("column", ["collection", "item_id", "actor", "event_id", "data", "hash"])
def test_bytes_where_a_text_was_are_read_alike(stopped: Server, column: str) -> None:
    def tamper(database: sqlite3.Connection) -> None:
        database.execute(f"UPDATE events SET {column} = CAST({column} AS BLOB) WHERE seq = 15")

    tamper_with(stopped, tamper)
    stopped.start()
    through_api = verify_here(stopped)
    assert verify_here(stopped, "--dir", str(stopped.data)) == through_api


def test_a_seq_that_is_no_whole_number_is_out_of_order_and_accuses_no_other_event(stopped: Server) -> None:
    tamper_with(stopped, sets("seq", 17.5))
    from_file = verify_here(stopped, "--dir", str(stopped.data), code=1)
    told = [
        problem["reason"].split(":")[0] for problem in from_file["problems"] if "time runs" not in problem["reason"]
    ]
    assert told == ["gap", "out of order"]
    stopped.start()
    assert verify_here(stopped, code=1) == from_file


def test_a_seq_beyond_all_numbers_is_read_alike(stopped: Server) -> None:
    if not stopped.locks:
        pytest.skip("a PocketBase as old as this can not show such a seq at all")
    tamper_with(stopped, sets("seq", 2**60))
    from_file = verify_here(stopped, "--dir", str(stopped.data), code=1)
    assert from_file["problems"][0] == {"seq": 15, "reason": "gap: seq 15 is missing."}
    stopped.start()
    assert verify_here(stopped, code=1) == from_file


def test_a_second_head_deceives_nobody(stopped: Server) -> None:
    tamper_with(
        stopped,
        lambda database: database.execute(
            "INSERT INTO event_head (rowid, id, seq, hash, hold_until, hold_by)"
            " VALUES (-1, 'other0000000000', 5, '', '', '')"
        ),
    )
    stopped.start()
    through_api = verify_here(stopped)
    assert verify_here(stopped, "--dir", str(stopped.data)) == through_api


def test_the_first_break_is_named_first_and_people_are_told_in_sentences(stopped: Server) -> None:
    tamper_with(stopped, sets("hash", "0" * 64, 12), sets("actor", "somebody0000000", 21))
    done = run_command("verify", "--dir", str(stopped.data), env=stopped.environment)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("seq 12: broken link")
    assert lines[1].startswith("seq 21: changed")
    assert "2 problems in 30 events" in lines[-1]


def test_a_log_in_pieces_does_not_flood_a_terminal(stopped: Server) -> None:
    tamper_with(stopped, lambda database: database.execute("UPDATE events SET event_id = ''"))
    done = run_command("verify", "--dir", str(stopped.data), env=stopped.environment)
    assert done.returncode == 1
    assert done.stderr.startswith("seq 1: lacks its event_id")
    assert "verify --json lists all of them" in done.stderr
    assert len(done.stderr.splitlines()) < 30
    assert len(verify_here(stopped, "--dir", str(stopped.data), code=1)["problems"]) >= COUNT


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
    assert verify_here(server) == {"ok": True, "events": 0, "head": {"seq": 0, "hash": ""}, "problems": []}


def test_pending_and_rejected_events_are_no_part_of_the_chain(server: Server) -> None:
    guest = server.guest()
    guest.append("create", item_id(1), {"title": "x"})
    guest.append("update", item_id(9), {"qty": 1})
    server.worker().run_to_end(NEVER)
    guest.append("create", item_id(2), {"title": "x"})
    assert verify_here(server)["events"] == 1


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
            eventually(lambda: verify_here(server)["events"], "the first record")
            heads = [verify_here(server, *where)["head"]["seq"] for where in ((), ("--dir", str(server.data)), ())]
        finally:
            stop.set()
            client.join()
        assert worker.poll() is None
    assert heads == sorted(heads)
    assert check_log(server).seq >= heads[-1]


def test_a_file_and_a_folder_at_once_are_wrong_usage(stopped: Server, tmp_path: Path) -> None:
    done = run_command("verify", "--file", "x", "--dir", str(tmp_path), env=stopped.environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not both" in done.stderr


def test_a_folder_without_a_database_is_told(stopped: Server, tmp_path: Path) -> None:
    done = run_command("verify", "--dir", str(tmp_path), env=stopped.environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no data.db" in done.stderr


@pytest.mark.parametrize("content", [b"", b"no database at all\n" * 100])
def test_a_file_that_is_no_database_is_told(stopped: Server, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.db").write_bytes(content)
    done = run_command("verify", "--dir", str(tmp_path), env=stopped.environment)
    assert done.returncode in (1, 3)
    assert done.stderr.startswith("Error: ")
    assert "This is a bug" not in done.stderr


@pytest.mark.parametrize(
    "tampering",
    [
        "SELECT 1",
        "UPDATE events SET seq = 1004 WHERE seq = 1005",
        "UPDATE events SET seq = 1004 WHERE seq IN (1003, 1005, 1006)",
        "UPDATE events SET seq = 11 WHERE seq BETWEEN 12 AND 2000",
        "DELETE FROM events WHERE seq = 1004",
        "DELETE FROM events WHERE seq BETWEEN 400 AND 500",
        "UPDATE events SET seq = seq + 5000 WHERE seq > 1004",
        "UPDATE events SET seq = 2500 WHERE seq > 2400",
        "UPDATE events SET seq = 1004 WHERE seq > 10",
        "UPDATE events SET seq = 20 WHERE seq > 1",
    ],
)
def test_every_event_is_read_once_and_in_order_however_the_log_was_tampered_with(
    installed_template: Path, tmp_path: Path, tampering: str
) -> None:
    shutil.copytree(installed_template, tmp_path / "pocketbase")
    server = Server(tmp_path / "pocketbase")
    fill_log(server, 2_500)  # some pages, of which the second one ends with seq 1004
    with unlocked(server) as database:
        database.execute("DROP INDEX idx_events_recorded")
        database.execute(tampering)
        expected = database.execute("SELECT id FROM events WHERE seq > 0 ORDER BY seq, rowid").fetchall()
    with running(server.folder) as started:
        read = [event.id for page in started.gateway().log(0, 10_000) for event in page]
    assert read == [record_id for (record_id,) in expected]
