"""What another client and the worker cost each other: plain inserts beside a backlog, recording beside a bulk load."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support import ITEM_FIELDS, Client, Server, command, create, eventually, pending, seq_of

from benchmarks.measure import Figure, in_turns, quantile
from benchmarks.of_latency import insert
from benchmarks.of_recording import creates
from benchmarks.world import Worlds, append, check, settled

ROUNDS = 3
BACKLOG = 4_000  # events of a round
QUIET = 150  # inserts of a round without
PAUSE = 0.01  # seconds between two of the neighbour's inserts
LOADED_AT_ONCE = 500  # events in a request of a bulk load
FIRST = 500  # events that a worker records before its rate is measured
PATIENCE = 300.0  # seconds
EVENTS = "/api/collections/events/records"


def measure(worlds: Worlds) -> Iterator[Figure]:
    """The neighbour's median, and what one insert of a hundred takes; then the worker's rate."""
    with worlds.server() as server:
        server.create_collection("plain", ITEM_FIELDS, createRule="")
        client, events = server.guest(), list(creates(ROUNDS * BACKLOG))
        rounds: list[tuple[float, float]] = []
        quiet_rounds: list[tuple[float, float]] = []

        def draining() -> float:
            done = len(rounds) * BACKLOG
            append(server, events[done : done + BACKLOG])
            with command("run", "--once", env=server.environment, stderr=subprocess.DEVNULL) as worker:
                settled(server, done + 1)
                took = []
                while worker.poll() is None:
                    took.append(_insert(client))
            rounds.append((quantile(took, 0.5), quantile(took, 0.99)))
            return rounds[-1][0]

        def quiet() -> float:
            took = [_insert(client) for _ in range(QUIET)]
            quiet_rounds.append((quantile(took, 0.5), quantile(took, 0.99)))
            return quiet_rounds[-1][0]

        in_turns(ROUNDS, draining, quiet)
        check(server, len(events))
    for place, name in enumerate(("median", "p99")):
        yield Figure(
            f"a neighbour's insert while a backlog is drained: {name}",
            [each[place] for each in rounds],
            [each[place] for each in quiet_rounds],
            "ms",
            cost=True,
            against="the same on a quiet server",
        )

    yield Figure(
        f"recording {BACKLOG:,} events while another client loads {LOADED_AT_ONCE} a request without pause",
        *in_turns(ROUNDS, lambda: recording(worlds, BACKLOG, loaded=True), lambda: recording(worlds, BACKLOG)),
        "events/s",
        0.5,
        against="the same without that load",
    )


def recording(worlds: Worlds, backlog: int, *, loaded: bool = False) -> float:
    """Events a second that a running worker records of a backlog, its first events left aside."""
    with worlds.server() as server:
        append(server, list(creates(backlog)))
        with command("run", env=server.environment, stderr=subprocess.DEVNULL), _load(server, on=loaded) as sent:
            settled(server, min(FIRST, backlog // 2))
            started, before = time.monotonic(), seq_of(server)
            settled(server, backlog)
            rate = (backlog - before) / (time.monotonic() - started)
        with command("run", "--once", env=server.environment, stderr=subprocess.DEVNULL):
            eventually(lambda: pending(server) == 0, "what was loaded", PATIENCE)
        check(server, backlog + len(sent))
    return rate


@contextmanager
def _load(server: Server, *, on: bool) -> Iterator[list[int]]:
    """Load events without pause as long as the block lasts; gives the numbers of those that PocketBase has."""
    stop, sent, client = threading.Event(), list[int](), server.superuser()

    def load() -> None:
        while not stop.is_set():
            numbers = range(10**6 + len(sent), 10**6 + len(sent) + LOADED_AT_ONCE)
            assert client.batch(*(("POST", EVENTS, {"collection": "items", **create(each)}) for each in numbers)).ok
            sent.extend(numbers)

    thread = threading.Thread(target=load)
    if on:
        thread.start()
    try:
        yield sent
    finally:
        stop.set()
        if on:
            thread.join()


def _insert(client: Client) -> float:
    time.sleep(PAUSE)
    return insert(client)
