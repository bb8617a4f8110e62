"""Is the history of an item as fast in a long log, and what does the index for it cost an append?"""

import shutil
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from support import NEVER, Client, Server, fill_log, item_id

from benchmarks.measure import Figure
from benchmarks.world import Worlds, long_log
from pocketbase_events.jobs.history import history
from pocketbase_events.jobs.record import Step

SHORT, LONG = 1_000, 1_000_000  # recorded events
READING, APPENDING = (30, 5), (60, 10)  # turns, and measurements in a turn
NEW = 2 * 10**9  # the number of the first item that is created here
INDEX = "idx_events_item"

Act = Callable[[], object]


def measure(worlds: Worlds) -> Iterator[Figure]:
    """Reading the events of an item, and appending one, each against what it would be otherwise."""
    short, long = worlds.folder(), long_log(worlds, LONG)
    shutil.copytree(worlds.template, short)
    fill_log(Server(short), SHORT, rejected=LONG // 10)  # as many as the long one has; each look counts them
    with worlds.server(long) as many, worlds.server(short) as few:
        for name, act in (("a client", _by_filter), ("the command's job", _by_job)):
            ours, theirs = _compared(act(many, LONG), act(few, SHORT), *READING)
            title = f"history of an item, {LONG:,} events recorded: {name}"
            yield Figure(title, ours, theirs, "ms", 1.5, cost=True, against=f"{SHORT:,} events recorded")
    with worlds.server(long) as indexed, worlds.server(_without_index(worlds, long)) as plain:
        for name, make in (("append an event", _appending), ("append an event and record it", _recording)):
            ours, theirs = _compared(make(indexed), make(plain), *APPENDING)
            title = f"{name}, {LONG:,} events recorded"
            yield Figure(title, ours, theirs, "ms", 1.05, cost=True, against="without the index for history")


def _without_index(worlds: Worlds, template: Path) -> Path:
    folder = worlds.folder()
    shutil.copytree(template, folder)
    with closing(sqlite3.connect(folder / "data" / "data.db")) as database, database:
        database.execute(f"DROP INDEX {INDEX}")
    return folder


def _compared(one: Act, other: Act, turns: int, each: int) -> tuple[list[float], list[float]]:
    """Milliseconds that each of the two takes, turn by turn; within a turn they take turns as well."""
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(-1, turns):
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(each):
            for act, took in zip((one, other), times, strict=True):
                started = time.perf_counter()
                act()
                took.append(1000 * (time.perf_counter() - started))
        for found, took in zip(taken, times, strict=True):
            if turn >= 0:  # the first one warms up
                found.append(median(took))
    return taken


def _by_filter(server: Server, events: int) -> Act:
    client, item = server.worker_client(), item_id(events // 10)
    query = {"filter": f'collection = "items" && item_id = "{item}"', "sort": "seq"}

    def act() -> None:
        answer = client("GET", "/api/collections/events/records", params=query)
        assert [event["seq"] % 5 for event in answer.json()["items"]] == [1, 2, 3, 4, 0]

    return act


def _by_job(server: Server, events: int) -> Act:
    gateway, item = server.gateway(), item_id(events // 10)
    return lambda: deque(history(gateway, "items", item), maxlen=0)


def _append(client: Client, numbers: Iterator[int]) -> None:
    client.append("create", item_id(next(numbers)), {"title": "Milk"})


def _appending(server: Server) -> Act:
    client, numbers = server.guest(), iter(range(NEW, 2 * NEW))
    return lambda: _append(client, numbers)


def _recording(server: Server) -> Act:
    client, numbers, worker = server.guest(), iter(range(2 * NEW, 3 * NEW)), server.worker()
    worker.run_to_end(NEVER)

    def act() -> None:
        _append(client, numbers)
        assert worker.run_once() is Step.PROGRESS

    return act
