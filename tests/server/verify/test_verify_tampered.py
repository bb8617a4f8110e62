"""Whatever is done to a recorded log in its database, `verify` finds it and says where."""

import shutil
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import Server, fill_log, run_command, running, unlocked
from support.tampering import WAYS, moves_head, removes, sets, tamper_with
from support.verifying import COUNT, verify

from pocketbase_events.jobs.verify_parts import PART, WORTHWHILE, sound_part, verify_parts
from pocketbase_events.pb.database import Database


def assert_told(verdict: Any, seqs: set[int], words: str) -> None:
    told = verdict["problems"]
    assert {problem["seq"] for problem in told} == seqs, told
    assert any(problem["seq"] == told[0]["seq"] and words in problem["reason"] for problem in told), told
    assert all(len(problem["reason"]) < 500 for problem in told)


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_done_to_a_log_is_found_and_located(stopped: Server, way: str) -> None:
    tamper, seqs, words = WAYS[way]
    tamper_with(stopped, tamper)
    from_file = verify(stopped, "--dir", str(stopped.data), code=1)
    assert_told(from_file, seqs, words)
    stopped.start()
    assert verify(stopped, code=1) == from_file


@pytest.mark.parametrize("way", ["removed", "data no UTF-8"])
@pytest.mark.slow
def test_a_process_of_its_own_finds_the_same(stopped: Server, way: str) -> None:
    tamper, seqs, words = WAYS[way]
    tamper_with(stopped, tamper)
    from_file = verify(stopped, "--dir", str(stopped.data), code=1)
    assert_told(from_file, seqs, words)
    stopped.start()
    assert verify(stopped, code=1) == from_file


@pytest.mark.slow
@pytest.mark.parametrize("way", [None, *WAYS])
def test_whatever_is_done_to_a_log_is_found_when_its_parts_are_checked_apart(stopped: Server, way: str | None) -> None:
    if way is not None:
        tamper_with(stopped, WAYS[way][0])
    ends = (0, 10, 14, 15, 16, 20, COUNT)
    with closing(Database(stopped.data)) as database:
        status, repeats = database.status(), database.repeats_event_ids()
    parts = [sound_part(stopped.data, after, to) for after, to in pairwise(ends)]
    is_sound = status.head == status.last and not repeats and sum(map(len, parts)) == status.seq
    assert is_sound == (way is None)


@pytest.mark.slow
def test_a_long_log_is_verified_in_parts_at_once(installed_template: Path, tmp_path: Path) -> None:
    server = Server(Path(shutil.copytree(installed_template, tmp_path / "long")))
    fill_log(server, WORTHWHILE + 1)
    sound = verify(server, "--dir", str(server.data))
    assert (sound["events"], sound["head"]["seq"]) == (WORTHWHILE + 1, WORTHWHILE + 1)
    assert verify_parts(server.data) is not None
    tamper_with(server, sets("data", '{"qty": 7}', PART))
    assert verify_parts(server.data) is None
    assert_told(verify(server, "--dir", str(server.data), code=1), {PART}, "changed")


def test_two_things_done_to_a_log_are_both_found(stopped: Server) -> None:
    tamper_with(stopped, removes(7, 8), sets("data", '{"qty": 7}', 22))
    from_file = verify(stopped, "--dir", str(stopped.folder), code=1)
    assert [problem["seq"] for problem in from_file["problems"]] == [7, 22]
    assert "gap" in from_file["problems"][0]["reason"]
    assert "changed" in from_file["problems"][1]["reason"]
    stopped.start()
    assert verify(stopped, code=1) == from_file


@pytest.mark.parametrize("timestamp", ["x" * 100_000, "2099-01-01 00:00:00.000Z", "9999\x1b[31m"])
def test_a_timestamp_set_ahead_does_not_accuse_all_events_after_it(stopped: Server, timestamp: str) -> None:
    tamper_with(stopped, sets("timestamp", timestamp))
    done = run_command("verify", "--dir", str(stopped.data), env=stopped.environment)
    assert "\x1b" not in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 500
    verdict = verify(stopped, "--dir", str(stopped.data), code=1)
    assert {problem["seq"] for problem in verdict["problems"]} <= {15, 16}


@pytest.mark.parametrize("seq", [29.5, "thirty"])
def test_a_head_whose_seq_is_not_a_whole_number_disagrees(stopped: Server, seq: object) -> None:
    tamper_with(stopped, moves_head("seq", seq))
    from_file = verify(stopped, "--dir", str(stopped.data), code=1)
    assert ["head disagrees" in problem["reason"] for problem in from_file["problems"]] == [True]
    stopped.start()
    told = verify(stopped, code=1)
    assert ["head disagrees" in problem["reason"] for problem in told["problems"]] == [True]


@pytest.mark.parametrize("column", ["collection", "item_id", "actor", "event_id", "data", "hash"])
def test_bytes_where_a_text_was_are_read_alike(stopped: Server, column: str) -> None:
    def tamper(database: sqlite3.Connection) -> None:
        database.execute(f"UPDATE events SET {column} = CAST({column} AS BLOB) WHERE seq = 15")

    tamper_with(stopped, tamper)
    stopped.start()
    through_api = verify(stopped)
    assert verify(stopped, "--dir", str(stopped.data)) == through_api


def test_a_seq_that_is_not_a_whole_number_is_out_of_order_and_accuses_no_other_event(stopped: Server) -> None:
    tamper_with(stopped, sets("seq", 17.5))
    from_file = verify(stopped, "--dir", str(stopped.data), code=1)
    told = [
        problem["reason"].split(":")[0] for problem in from_file["problems"] if "time runs" not in problem["reason"]
    ]
    assert told == ["gap", "out of order"]
    stopped.start()
    assert verify(stopped, code=1) == from_file


def test_a_seq_beyond_all_numbers_is_read_alike(stopped: Server) -> None:
    if not stopped.locks:
        pytest.skip("a PocketBase as old as this can not show such a seq at all")
    tamper_with(stopped, sets("seq", 2**60))
    from_file = verify(stopped, "--dir", str(stopped.data), code=1)
    assert from_file["problems"][0] == {"seq": 15, "reason": "gap: seq 15 is missing."}
    stopped.start()
    assert verify(stopped, code=1) == from_file


def test_a_second_head_deceives_nobody(stopped: Server) -> None:
    tamper_with(
        stopped,
        lambda database: database.execute(
            "INSERT INTO event_head (rowid, id, seq, hash, hold_until, hold_by)"
            " VALUES (-1, 'other0000000000', 5, '', '', '')"
        ),
    )
    stopped.start()
    through_api = verify(stopped)
    assert verify(stopped, "--dir", str(stopped.data)) == through_api


def test_the_first_break_is_named_first_in_a_sentence(stopped: Server) -> None:
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
    assert len(verify(stopped, "--dir", str(stopped.data), code=1)["problems"]) >= COUNT


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
@pytest.mark.slow
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
