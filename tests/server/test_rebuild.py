"""Making the rows equal to the log: by anybody, at any time, interrupted anywhere."""

import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import (
    ITEM_FIELDS,
    Server,
    check_log,
    command,
    create,
    eventually,
    fill_log,
    fold_log,
    item_id,
    live_rows,
    run_command,
)

from pocketbase_events.core.transaction import HEAD_ID
from pocketbase_events.errors import HeldError
from pocketbase_events.jobs.hold import LEASE, Holding

NEVER = threading.Event()
EMPTY = {"title": "", "qty": 0, "done": False, "note": "", "deleted": False}
NAMES = tuple(EMPTY)
WORKER_ONLY = {"POCKETBASE_SUPERUSER_EMAIL": "", "POCKETBASE_SUPERUSER_PASSWORD": ""}


@pytest.fixture
def opened(server: Server) -> Server:
    """A PocketBase whose superusers may write the rows of `items`, which has 20 of them."""
    server.attach("items", lock=False)
    record_creates(server, 20)
    return server


def record_creates(server: Server, count: int) -> None:
    for start in range(0, count, 500):
        server.guest().append_all(*(create(number) for number in range(start, min(count, start + 500))))
    record(server)


def record(server: Server) -> None:
    server.worker().run_to_end(NEVER)


def rebuild(server: Server, *arguments: str, code: int = 0, **env: str) -> dict[str, Any]:
    done = run_command("rebuild", "--json", *arguments, env={**server.environment, **env})
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return dict(json.loads(done.stdout)) if done.stdout else {"said": done.stderr}


def told(server: Server, *arguments: str, code: int, **env: str) -> str:
    done = run_command("rebuild", *arguments, env={**server.environment, **env})
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


def is_silent(server: Server, *collections: str) -> bool:
    done = run_command("check", "--json", *collections, env=server.environment)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) == found["ok"]
    return bool(found["ok"])


def edit(server: Server, statement: str, *values: object) -> None:
    """Change the database file, past PocketBase and beside it."""
    with server.database() as database:
        database.execute(statement, values)
    database.close()


def expected(server: Server) -> dict[str, dict[str, Any]]:
    """The rows that the log comes to, as PocketBase shows them."""
    return {
        key: {name: EMPTY[name] if row.get(name) is None else row[name] for name in NAMES}
        for key, row in fold_log(server).items()
    }


def is_held(server: Server) -> bool:
    found: list[tuple[str]] = []
    with server.database() as database:
        found = database.execute("SELECT hold_by FROM event_head").fetchall()
    database.close()
    return found[0][0] != ""


def pending(server: Server) -> int:
    with server.database() as database:
        found = database.execute("SELECT COUNT(*) FROM events WHERE seq = 0 AND error = ''").fetchone()[0]
    database.close()
    return int(found)


# -- what is repaired --------------------------------------------------------------------------------------


def test_rows_that_were_changed_removed_and_added_by_hand_are_repaired(opened: Server) -> None:
    root = opened.superuser()
    rows = "/api/collections/items/records"
    assert root("PATCH", f"{rows}/{item_id(1)}", json={"title": "by hand", "qty": 7}).ok
    assert root("PATCH", f"{rows}/{item_id(2)}", json={"deleted": True}).ok
    assert root("DELETE", f"{rows}/{item_id(3)}").ok
    assert root("POST", rows, json={"id": "extra0000000001", "title": "extra"}).ok
    done = rebuild(opened, "--yes")
    assert done["seq"] == 20
    assert done["collections"] == {"items": {"inserted": 1, "updated": 2, "removed": 1, "unchanged": 17}}
    assert 0 < done["held_seconds"] < done["seconds"]
    assert live_rows(opened, NAMES) == expected(opened)
    assert is_silent(opened)
    assert not is_held(opened)


def test_a_rebuild_after_a_rebuild_does_nothing_and_holds_nobody(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    assert rebuild(opened)["collections"]["items"]["updated"] == 20
    again = rebuild(opened)
    assert again["collections"] == {"items": {"inserted": 0, "updated": 0, "removed": 0, "unchanged": 20}}
    assert again["held_seconds"] == 0


def test_locked_rows_that_were_edited_in_the_file_are_repaired(server: Server) -> None:
    record_creates(server, 5)
    server.stop()
    edit_unlocked(server, f"UPDATE items SET title = 'edited' WHERE id = '{item_id(1)}'")
    edit_unlocked(server, f"DELETE FROM items WHERE id = '{item_id(2)}'")
    server.start()
    assert not is_silent(server)
    assert rebuild(server)["collections"]["items"] == {"inserted": 1, "updated": 1, "removed": 0, "unchanged": 3}
    assert is_silent(server)
    locked = json.loads(run_command("status", "--json", env=server.environment).stdout)["targets"][0]["locked"]
    assert locked == (server.version >= (0, 39))


def edit_unlocked(server: Server, statement: str) -> None:
    """Change the file of a locked collection, and leave the locks as they were."""
    with server.database() as database:
        locks = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in locks:
            database.execute(f"DROP TRIGGER `{name}`")
        database.execute(statement)
        for _, sql in locks:
            database.execute(sql)
    database.close()


def test_only_the_collections_that_are_named_are_rebuilt(opened: Server) -> None:
    opened.create_collection("notes", ITEM_FIELDS)
    opened.attach("notes", lock=False)
    opened.guest().append("create", item_id(1), {"title": "x"}, collection="notes")
    record(opened)
    edit(opened, "UPDATE items SET qty = 5")
    edit(opened, "UPDATE notes SET qty = 5")
    assert rebuild(opened, "notes")["collections"].keys() == {"notes"}
    assert is_silent(opened, "notes")
    assert not is_silent(opened, "items")


def test_an_unknown_collection_is_wrong_usage(opened: Server) -> None:
    assert "nope is not attached" in told(opened, "nope", code=2)


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM items WHERE id = ?",
        "UPDATE items SET deleted = FALSE WHERE id = ?",
        "UPDATE items SET title = 'edited' WHERE id = ?",
        "UPDATE items SET title = 'edited', deleted = FALSE WHERE id = ?",
    ],
)
def test_rows_that_the_log_has_deleted_are_repaired_and_stay_deleted(opened: Server, tampering: str) -> None:
    opened.guest().append("delete", item_id(1))
    record(opened)
    edit(opened, tampering, item_id(1))
    assert not is_silent(opened)
    rebuild(opened)
    assert live_rows(opened, NAMES)[item_id(1)] == {**EMPTY, "title": "x", "deleted": True}
    assert is_silent(opened)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from(
                [
                    "DELETE FROM items WHERE id = :id",
                    "INSERT OR IGNORE INTO items (id, title) VALUES (:id, 'inserted')",
                    "UPDATE items SET deleted = NOT deleted WHERE id = :id",
                    "UPDATE items SET qty = qty + 1, note = 'edited' WHERE id = :id",
                    "UPDATE items SET title = '' WHERE id = :id",
                ]
            ),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_is_done_to_the_rows_a_rebuild_makes_them_the_log(
    opened: Server, tamperings: list[tuple[int, str]]
) -> None:
    with opened.database() as database:
        for number, statement in tamperings:
            database.execute(statement, {"id": item_id(number)})
    database.close()
    rebuild(opened, "--yes")
    assert live_rows(opened, NAMES) == expected(opened)
    assert rebuild(opened)["held_seconds"] == 0


# -- relations, generated values, and what today's schema can't hold -------------------------------------------


def attach_people(server: Server) -> None:
    """A collection whose rows relate to each other, attached, with no lock."""
    server.create_collection("people", [{"name": "name", "type": "text"}, {"name": "age", "type": "number"}])
    root = server.superuser()
    collection = root("GET", "/api/collections/people").json()
    friend = {"name": "friend", "type": "relation", "collectionId": collection["id"], "maxSelect": 1}
    code = {"name": "code", "type": "text", "autogeneratePattern": "[a-z]{8}"}
    assert root("PATCH", "/api/collections/people", json={"fields": [*collection["fields"], friend, code]}).ok
    server.attach("people", lock=False)


def append_person(server: Server, type_: str, number: int, data: dict[str, Any]) -> None:
    server.guest().append(type_, item_id(number), data, collection="people")


def test_rows_that_relate_to_each_other_and_to_themselves_are_all_inserted_again(server: Server) -> None:
    attach_people(server)
    for number in range(3):
        append_person(server, "create", number, {"name": "x"})
    record(server)
    for number, friend in ((0, 2), (1, 1), (2, 0)):
        append_person(server, "update", number, {"friend": item_id(friend)})
    record(server)
    edit(server, "DELETE FROM people")
    assert rebuild(server)["collections"]["people"]["inserted"] == 3
    assert is_silent(server, "people")


def test_a_generated_value_that_an_event_has_emptied_is_empty_again(server: Server) -> None:
    attach_people(server)
    append_person(server, "create", 1, {"name": "x"})
    append_person(server, "create", 2, {"name": "x"})
    append_person(server, "update", 2, {"code": ""})
    append_person(server, "delete", 2, {})
    record(server)
    assert is_silent(server, "people")
    edit(server, "DELETE FROM people")
    rebuild(server, "people")
    codes = {row["id"]: (row["code"], row["deleted"]) for row in server.superuser().records("people")}
    assert codes[item_id(1)][0] != ""
    assert codes[item_id(2)] == ("", True)
    assert is_silent(server, "people")


def test_a_row_that_an_item_relates_to_is_not_removed(server: Server) -> None:
    attach_people(server)
    edit(server, "INSERT INTO people (id, name) VALUES (?, 'added')", item_id(7))
    append_person(server, "create", 1, {"name": "x", "friend": item_id(7)})
    record(server)
    edit(server, "INSERT INTO people (id, name) VALUES (?, 'added')", item_id(8))
    said = told(server, "--yes", code=1)
    assert f"people {item_id(7)} could not be written" in said
    assert f"people {item_id(1)} (seq 1) relates to it" in said
    assert live_rows(server, ("name",), "people").keys() == {item_id(1), item_id(7)}


def test_a_row_that_pocketbase_refuses_is_told_and_keeps_no_other_from_being_written(server: Server) -> None:
    attach_people(server)
    for number in range(5):
        append_person(server, "create", number, {"name": "x", "age": 10 * number})
    record(server)
    assert server.edit_fields(
        "people", lambda fields: next(field for field in fields if field["name"] == "age").update(max=20)
    ).ok
    edit(server, "DELETE FROM people")
    said = told(server, code=1)
    for number in (3, 4):
        assert f"people {item_id(number)} could not be written" in said
        assert f'(created by seq {number + 1}, "age" is from seq {number + 1})' in said
    assert said.count("age: Must be less") == 2
    assert live_rows(server, ("age",), "people") == {item_id(number): {"age": 10 * number} for number in range(3)}


# -- asking, and who may ------------------------------------------------------------------------------------


def answered(server: Server, answer: str) -> subprocess.CompletedProcess[str]:
    with command("rebuild", env=server.environment, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(answer, timeout=30)
    return subprocess.CompletedProcess([], process.returncode, out, err)


def test_rows_are_removed_only_after_a_yes(opened: Server) -> None:
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    before = live_rows(opened, NAMES)
    for answer, code, says in (("n\n", 1, "Nothing was changed"), ("", 2, "--yes")):
        done = answered(opened, answer)
        assert done.returncode == code
        assert "Remove 1 rows that no event created?" in done.stderr
        assert says in done.stderr
        assert live_rows(opened, NAMES) == before
    assert answered(opened, "y\n").returncode == 0
    assert is_silent(opened)


def test_the_plan_and_some_differences_are_shown_before_anything_is_written(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    edit(opened, "DELETE FROM items WHERE id = ?", item_id(2))
    said = told(opened, code=0)
    assert [cell.strip() for cell in said.split("items")[1].split("\n")[0].split("│")[1:5]] == ["1", "1", "0", "18"]
    assert f"changed  items {item_id(1)}: qty is 5, the log says 0" in said
    assert f"missing  items {item_id(2)}" in said


def test_the_worker_s_account_is_enough_where_nothing_is_removed(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    edit(opened, "DELETE FROM items WHERE id = ?", item_id(2))
    rebuild(opened, **WORKER_ONLY)
    assert is_silent(opened)
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    before = live_rows(opened, NAMES)
    assert "POCKETBASE_SUPERUSER_PASSWORD" in told(opened, "--yes", code=2, **WORKER_ONLY)
    assert live_rows(opened, NAMES) == before


def test_small_batch_limits_are_kept_to(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    batch = {"enabled": True, "maxRequests": 4, "timeout": 3}
    assert opened.superuser()("PATCH", "/api/settings", json={"batch": batch}).ok
    rebuild(opened, "--yes")
    assert is_silent(opened)


def test_a_batch_api_that_is_off_is_told(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    assert opened.superuser()("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    assert "pocketbase-events init" in told(opened, code=3)


def test_a_folder_of_another_pocketbase_is_refused(opened: Server, tmp_path: Any) -> None:
    (tmp_path / "copy").mkdir()
    opened.stop()
    (tmp_path / "copy" / "data.db").write_bytes((opened.data / "data.db").read_bytes())
    edit_unlocked(opened, "UPDATE events SET hash = 'other' WHERE seq = 20")
    edit_unlocked(opened, "UPDATE event_head SET hash = 'other'")
    opened.start()
    assert "Check --dir" in told(opened, "--dir", str(tmp_path / "copy"), code=2)


def test_rows_are_read_from_the_folder_where_it_is_given(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    done = rebuild(opened, "--yes", "--dir", str(opened.folder))
    assert done["collections"]["items"] == {"inserted": 0, "updated": 20, "removed": 1, "unchanged": 0}
    assert is_silent(opened)


# -- beside clients and workers, and killed -------------------------------------------------------------------


def append_until(stop: threading.Event, server: Server, numbers: Iterable[int], seed: int) -> list[int]:
    """Append updates of these items, and creates of new ones, until told to stop; how many."""
    chance, client, count = random.Random(seed), server.guest(), 0
    known = list(numbers)
    while not stop.is_set():
        events: list[dict[str, Any]] = []
        for _ in range(20):
            name, value = chance.choice((("qty", chance.randrange(10**6)), ("note", f"note {chance.random()}")))
            events.append({"type": "update", "item_id": item_id(chance.choice(known)), "data": {name: value}})
        events.append(create(seed * 10**6 + count))
        client.append_all(*events)
        count += len(events)
    return [count]


def test_a_rebuild_during_heavy_appending_ends_with_the_log_and_undoes_no_newer_change(
    server: Server,
) -> None:
    server.attach("items", lock=False)
    record_creates(server, 2000)
    edit(server, "UPDATE items SET qty = -1, note = 'edited' WHERE rowid % 2")
    edit(server, "DELETE FROM items WHERE rowid % 7 = 0")
    edit(server, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    missing = 2000 - len(live_rows(server, ("id",))) + 1
    assert missing > 200
    present = [int(key[4:]) for key in live_rows(server, ("id",)) if key.startswith("item")]
    stop = threading.Event()
    with command("run", env=server.environment) as worker:
        threads = [threading.Thread(target=append_until, args=(stop, server, present, seed)) for seed in range(1, 4)]
        for thread in threads:
            thread.start()
        try:
            done = rebuild(server, "--yes")
            assert rebuild(server, "--yes")["collections"]["items"]["updated"] == 0
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        eventually(lambda: pending(server) == 0, "the backlog", deadline=60)
        assert worker.poll() is None
    assert done["collections"]["items"]["inserted"] == missing
    assert done["collections"]["items"]["removed"] == 1
    assert check_log(server).seq > 2000
    assert live_rows(server, NAMES) == expected(server)
    assert is_silent(server)


def test_killed_at_any_moment_it_loses_nothing_blocks_nobody_for_long_and_the_next_one_completes(
    server: Server,
) -> None:
    server.attach("items", lock=False)
    record_creates(server, 1500)
    chance = random.Random(11)
    held = finished = 0
    with ExitStack() as stack:
        stack.enter_context(command("run", env=server.environment))
        guest = server.guest()
        for turn in range(30):
            edit(server, "UPDATE items SET qty = ? WHERE abs(random()) % 3 = 0", -1 - turn)
            edit(server, "DELETE FROM items WHERE abs(random()) % 9 = 0")
            edit(server, "INSERT OR IGNORE INTO items (id, title) VALUES (?, 'extra')", f"extra{turn:010d}")
            with command("rebuild", "--yes", env=server.environment) as process:
                guest.append("create", f"new{turn:012d}", {"title": "x"})
                if turn % 2:  # every other one while it writes
                    eventually(lambda p=process: is_held(server) or p.poll() is not None, "the hold")
                deadline = time.monotonic() + chance.uniform(0, 0.15 if turn % 2 else 1.0)
                while time.monotonic() < deadline and process.poll() is None:
                    NEVER.wait(0.005)
                finished += process.poll() is not None
                process.send_signal(signal.SIGKILL)
                process.wait(10)
            held += is_held(server)
            eventually(lambda: pending(server) == 0, "the end of the hold", deadline=LEASE + 5)
        rebuild(server, "--yes")
    assert held > 3, "some were killed while they held the head"
    assert finished < 27, "some were killed in the middle"
    check_log(server)
    assert len(fold_log(server)) == 1530
    assert live_rows(server, NAMES) == expected(server)
    assert is_silent(server)
    assert longest_wait(server) < LEASE + 4


def longest_wait(server: Server) -> float:
    """The longest time, in seconds, between the append of an event and its record, the first ones left aside."""
    events = server.superuser().records("events", filter="seq > 1500", fields="created,timestamp")
    waits = [datetime.fromisoformat(e["timestamp"]) - datetime.fromisoformat(e["created"]) for e in events]
    return max(wait.total_seconds() for wait in waits)


def test_one_that_was_asleep_for_longer_than_its_hold_undoes_no_newer_change(server: Server) -> None:
    server.attach("items", lock=False)
    record_creates(server, 6000)
    edit(server, "UPDATE items SET qty = -1")
    with (
        command("rebuild", "--yes", "--json", env=server.environment) as process,
        command("run", env=server.environment),
    ):
        eventually(lambda: is_held(server), "the hold")
        process.send_signal(signal.SIGSTOP)
        server.guest().append_all(
            *({"type": "update", "item_id": item_id(number), "data": {"qty": 7}} for number in range(0, 6000, 20))
        )
        eventually(lambda: pending(server) == 0, "the end of the hold")
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["seq"] == 6300
    assert live_rows(server, NAMES) == expected(server)


def test_with_100000_events_and_50_differing_rows_the_head_is_held_for_well_under_a_second(server: Server) -> None:
    server.stop()
    fill_log(server, 100_000)
    assert seconds_to_find(server, 99_000) < 20 * seconds_to_find(server, 1)
    server.start()
    server.attach("items", lock=False)
    edit(server, "UPDATE items SET qty = -1 WHERE rowid % 400 = 0")
    done = rebuild(server)
    assert done["collections"]["items"]["updated"] == 50
    assert done["held_seconds"] < 0.5
    assert is_silent(server)


def seconds_to_find(server: Server, seq: int) -> float:
    """How long the log's view takes to find an event, at best: searching through all before it would take 200 times."""
    took = []
    with server.database() as database:
        for _ in range(20):
            started = time.perf_counter()
            found = database.execute(
                "SELECT seq FROM event_log WHERE seq >= ? AND seq <= ? ORDER BY seq, position LIMIT 1", (seq, 100_000)
            ).fetchone()
            took.append(time.perf_counter() - started)
            assert found == (seq,)
    database.close()
    return min(took)


def test_another_s_hold_is_waited_for_and_told_when_it_does_not_end(opened: Server) -> None:
    clock = iter(range(0, 10_000, 20))
    other = Holding(opened.gateway(), "somebody else", timer=time.monotonic, sleep=time.sleep)
    other.take()
    ours = Holding(opened.gateway(), "us", timer=lambda: float(next(clock)), sleep=lambda _: None)
    with pytest.raises(HeldError, match="held by somebody else"):
        ours.take()
    other.release()
    ours = Holding(opened.gateway(), "us", timer=time.monotonic, sleep=time.sleep)
    ours.take()
    head = opened.superuser().record("event_head", HEAD_ID)
    assert head["hold_by"] == "us"
    ours.release()
    assert not is_held(opened)


def test_rows_that_have_each_others_unique_value_are_given_them_back(server: Server) -> None:
    indexes = ["CREATE UNIQUE INDEX `idx_note` ON `items` (`note`) WHERE `note` != ''"]
    assert server.superuser()("PATCH", "/api/collections/items", json={"indexes": indexes}).ok
    server.attach("items", lock=False)
    for number, note in ((1, "a"), (2, "b")):
        server.guest().append("create", item_id(number), {"title": "x", "note": note})
    server.worker().run_to_end(threading.Event())
    with closing(server.database()) as database, database:
        for number, note in ((1, ""), (2, "a"), (1, "b")):
            database.execute("UPDATE items SET note = ? WHERE id = ?", (note, item_id(number)))
    done = run_command("rebuild", env=server.environment)
    assert done.returncode == 0, done.stderr
    assert live_rows(server, ("note",)) == {item_id(1): {"note": "a"}, item_id(2): {"note": "b"}}
