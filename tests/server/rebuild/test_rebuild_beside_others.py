"""A rebuild beside clients and workers, asleep, and killed."""

import json
import random
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import pytest
from proxy import Proxy
from support import (
    NAMES,
    NEVER,
    Server,
    check_log,
    command,
    create,
    eventually,
    fill_log,
    fold_log,
    is_held,
    item_id,
    live_rows,
    pending,
    query,
)
from support.rebuilding import edit, expected, is_silent, rebuild, record, record_creates

from pocketbase_events.core.batch import HEAD_ID
from pocketbase_events.core.events import Head
from pocketbase_events.core.projection import Write
from pocketbase_events.core.transaction import Outcome
from pocketbase_events.errors import HeldError
from pocketbase_events.jobs.hold import LEASE, Holding
from pocketbase_events.jobs.rebuild import rebuild as rebuild_rows
from pocketbase_events.pb.accounts import superuser_token
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.gateway import Gateway

CHANGES = ({"deleted": False}, {"qty": 7})


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


@pytest.mark.slow
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


@pytest.mark.slow
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
            assert hold_left(server) <= LEASE
            eventually(lambda: pending(server) == 0, "the end of the hold")
        rebuild(server, "--yes")
    assert held > 3, "some were killed while they held the head"
    assert finished < 27, "some were killed in the middle"
    check_log(server)
    assert len(fold_log(server)) == 1530
    assert live_rows(server, NAMES) == expected(server)
    assert is_silent(server)
    assert long_wait(server) < LEASE + 4


def hold_left(server: Server) -> float:
    """For how many seconds the head stays held unless somebody renews the hold."""
    ((until,),) = query(server, "SELECT hold_until FROM event_head")
    return (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds() if until else 0.0


def long_wait(server: Server) -> float:
    """The time, in seconds, between an event's append and its record, the first ones left aside.

    That of one in four is longer: now and then, the machine has much else to do.
    """
    events = server.superuser().records("events", filter="seq > 1500", fields="created,timestamp")
    waits = [datetime.fromisoformat(e["timestamp"]) - datetime.fromisoformat(e["created"]) for e in events]
    return sorted(wait.total_seconds() for wait in waits)[3 * len(waits) // 4]


@pytest.mark.slow
def test_one_that_was_asleep_for_longer_than_its_hold_undoes_no_newer_change(server: Server) -> None:
    server.attach("items", lock=False)
    record_creates(server, 6000)
    edit(server, "UPDATE items SET qty = -1")
    with (
        closing(Proxy(server.port)) as between,
        command("rebuild", "--yes", "--json", env={**server.environment, "POCKETBASE_URL": between.url}) as process,
        command("run", env=server.environment),
    ):
        between.guard(lambda request: far_away_once_held(between, request))
        eventually(lambda: is_held(server), "the hold")
        process.send_signal(signal.SIGSTOP)
        between.be_well()
        server.guest().append_all(
            *({"type": "update", "item_id": item_id(number), "data": {"qty": 7}} for number in range(0, 6000, 20))
        )
        eventually(lambda: pending(server) == 0, "the end of the hold")
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    assert json.loads(out)["seq"] == 6300
    assert live_rows(server, NAMES) == expected(server)


def far_away_once_held(between: Proxy, request: bytes) -> None:
    """Let a command take its time from its first transaction on, so that it can't end before it is stopped."""
    if request.startswith(b"POST /api/batch"):
        between.be_far_away(0.2)


@pytest.mark.slow
def test_with_100000_events_and_50_differing_rows_the_head_is_held_for_well_under_a_second(server: Server) -> None:
    server.stop()
    fill_log(server, 100_000)
    assert seconds_to_find(server, 99_000) < 20 * seconds_to_find(server, 1)
    server.start()
    server.attach("items", lock=False)
    assert any(seconds_held(server) < 0.5 for _ in range(5)), "at best: the machine may have much else to do"
    assert is_silent(server)


def seconds_held(server: Server) -> float:
    """For how long the head is held while 50 rows are repaired."""
    edit(server, "UPDATE items SET qty = -1 WHERE rowid % 400 = 0")
    done = rebuild(server)
    assert done["collections"]["items"]["updated"] == 50
    return float(done["held_seconds"])


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


@pytest.mark.usefixtures("locks")
def test_what_a_superuser_writes_undoes_no_change_that_was_recorded_after_the_hold_was_lost(opened: Server) -> None:
    item, guest = item_id(1), opened.guest()
    guest.append("delete", item)
    record(opened)
    edit(opened, "UPDATE items SET qty = -1 WHERE id = ?", item)
    held = Holding(opened.gateway(), "us", timer=time.monotonic, sleep=time.sleep)
    with closing(Connection(opened.url, lambda: superuser_token(opened.settings()))) as connection:
        superuser = Gateway(connection)
        write_rows = superuser.write_rows

        def write_late(writes: Sequence[Write], at: Head) -> Outcome:
            superuser.write_rows = write_rows  # type: ignore[method-assign]
            held.release()
            guest.append_all(*({"type": "update", "item_id": item, "data": data} for data in CHANGES))
            record(opened)
            return write_rows(writes, at)

        superuser.write_rows = write_late  # type: ignore[method-assign]
        done = rebuild_rows(superuser, held, superuser, ["items"], confirm=lambda _: True)
    assert done.refused == {}
    row = opened.superuser().record("items", item)
    assert (row["deleted"], row["qty"]) == (False, 7)
    assert is_silent(opened)


def test_anothers_hold_is_waited_for_and_reported_if_it_does_not_end(opened: Server) -> None:
    clock = iter(range(0, 10_000, 20))
    racing = iter(range(0, 10_000, 60))  # so that the other one's hold lasts for two minutes
    other = Holding(opened.gateway(), "somebody else", timer=lambda: float(next(racing)), sleep=time.sleep)
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
