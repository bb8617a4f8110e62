"""A primary and its replicas: filling the one, and comparing it with the others."""

import json
import random
import subprocess
from contextlib import suppress
from typing import Any

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.record.steps import Step
from support import NEVER, Server, check_log, eventually, head_of, item_id, live_rows
from support.clients import AT_ONCE
from support.log import query

WORKER_ONLY = {"POCKETBASE_SUPERUSER_EMAIL": "", "POCKETBASE_SUPERUSER_PASSWORD": ""}
FIELDS = ("title", "qty", "note", "done", "deleted", "seq")
COLUMNS = (
    "seq, id, event_id, timestamp, type, collection, item_id, data, actor, reason, together, expected_seq, hash, error"
)


def some_events(count: int, seed: int = 1, first: int = 0) -> list[dict[str, Any]]:
    """Events of every kind: creates, updates, counters, deletions, restores, groups, with reasons; all valid."""
    chance, items, events = random.Random(seed), dict[str, bool](), list[dict[str, Any]]()
    while len(events) < count:
        item = chance.choice(list(items)) if items and chance.random() < 0.8 else item_id(first + len(items))
        if item not in items:
            items[item] = True
            events.append({"type": "create", "item_id": item, "data": {"title": f"t{len(events)} é", "qty": 1}})
        elif not items[item]:
            items[item] = True
            events.append({"type": "update", "item_id": item, "data": {"deleted": False}, "reason": "a mistake"})
        elif chance.random() < 0.1:
            items[item] = False
            events.append({"type": "delete", "item_id": item})
        elif chance.random() < 0.2:
            together = f"g{seed}.{len(events)}"
            datas = ({"note": f"n{len(events)}"}, {"done": True}, {"qty+": 2}, {"title": "together"})
            events += [{"type": "update", "item_id": item, "data": data, "together": together} for data in datas]
        else:
            data = chance.choice(({"qty+": 1}, {"qty": len(events)}, {"note": "x" * chance.randrange(200)}))
            events.append({"type": "update", "item_id": item, "data": data})
    return events


def record_some(server: Server, count: int, seed: int = 1, first: int = 0) -> None:
    """Append events to a log and record them, however much else the machine has to do."""
    url, events = "/api/collections/events/records", some_events(count, seed, first)
    guest = server.guest()
    for start in range(0, len(events), AT_ONCE):
        some = [("POST", url, {"collection": "items", **event}) for event in events[start : start + AT_ONCE]]
        eventually(lambda requests=some: guest.batch(*requests).ok, "appended events")  # type: ignore[misc]
    eventually(lambda: _is_recorded(server), "recorded events")


def _is_recorded(server: Server) -> bool:
    with suppress(TroubleError):
        return server.worker().run_to_end(NEVER) is Step.IDLE
    return False


def log_of(server: Server) -> list[tuple[Any, ...]]:
    """The log as the database has it; objects in any order of their keys."""
    rows = query(server, f"SELECT {COLUMNS} FROM events WHERE seq > 0 ORDER BY seq")
    return [(*row[:7], row[7] and json.dumps(json.loads(row[7]), sort_keys=True), *row[8:]) for row in rows]


def assert_same(primary: Server, *replicas: Server) -> None:
    """Hash by hash, and row by row."""
    head = check_log(primary)
    expected, rows = log_of(primary), live_rows(primary, FIELDS)
    for replica in replicas:
        assert check_log(replica) == head
        assert log_of(replica) == expected
        assert live_rows(replica, FIELDS) == rows


def catches_up(replica: Server, primary: Server, *processes: subprocess.Popen[str]) -> None:
    """Wait until a replica has the primary's head."""

    def is_there() -> bool:
        for process in processes:
            assert process.poll() is None, told(process)
        return head_of(replica) == head_of(primary)

    eventually(is_there, "the primary's head at the replica")


def told(process: subprocess.Popen[str]) -> str:
    """What a command has said so far."""
    return process.log.read_text()  # type: ignore[attr-defined, no-any-return]


def ends(process: subprocess.Popen[str], code: int = 1) -> str:
    """Wait for the end of a command, and return what it has said."""
    eventually(lambda: process.poll() is not None, f"the end of {process.args}")
    assert process.returncode == code, told(process)
    return told(process)
