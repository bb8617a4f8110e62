"""Reading the whole log, against a bare loop that pages through the same records."""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import requests
from support import WORKER, Server, running

from benchmarks.measure import Figure, in_turns
from benchmarks.world import SIZES, Worlds, long_log
from pocketbase_events.cli import SWITCH_INTERVAL
from pocketbase_events.core.fold import Fold
from pocketbase_events.jobs.verify import verify
from pocketbase_events.jobs.verify_parts import verify_parts
from pocketbase_events.pb.accounts import worker_token
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Page
from pocketbase_events.settings import Settings

LOG = SIZES[-1]  # events
TURN = LOG // 20  # events that each reads before it is the next one's turn
FILE_TURNS = 2
TARGETS = {"verify": 0.9, "fold of rebuild": 0.8, "export": None}


def measure(worlds: Worlds) -> Iterator[Figure]:
    """Each reads the longest log, in a process of its own and a part in turn."""
    with running(long_log(worlds, LOG)) as server:
        readings = {name: Reading(server.url, name) for name in READERS}
        for _ in range(LOG // TURN):
            for reading in readings.values():
                reading.take_a_turn()
        memory = {name: reading.end() for name, reading in readings.items()}
        yield _in_the_file(server)
    for name, target in TARGETS.items():
        yield Figure(
            f"{name}, {LOG:,} events ({memory[name]:.0f} MB)",
            readings[name].rates,
            readings["bare"].rates,
            "events/s",
            target,
            against=f"a bare loop through the records ({memory['bare']:.0f} MB)",
            details={"memory": memory},
        )


def _in_the_file(server: Server) -> Figure:
    """Verifying the database file, against verifying through the API; both whole, as the commands do it."""

    def in_the_file() -> float:
        started = time.monotonic()
        assert verify_parts(server.data) is not None
        return LOG / (time.monotonic() - started)

    def through_the_api() -> float:
        started = time.monotonic()
        assert verify(server.gateway()).problems == []
        return LOG / (time.monotonic() - started)

    turns = in_turns(FILE_TURNS, in_the_file, through_the_api)
    return Figure(f"verify --dir, {LOG:,} events", *turns, "events/s", 3, against="verify, through the API")


class Reading:
    """A process that reads the log, and waits after each part. `rates` are events a second."""

    def __init__(self, url: str, name: str) -> None:
        self.rates: list[float] = []
        self._pipe, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process
        self._process = process(target=_read, args=(theirs, url, name), daemon=True)
        self._process.start()

    def take_a_turn(self) -> None:
        self._pipe.send("go on")
        self.rates.append(TURN / self._pipe.recv())

    def end(self) -> float:
        """Let it end; how many megabytes of memory it had at most."""
        self._pipe.send("go on")
        peak = self._pipe.recv()
        self._process.join()
        return peak


def _read(pipe: Pipe, url: str, name: str) -> None:
    """Read the log, measure each part, and tell."""

    def parts(pages: Iterable[Page], _: str = "", __: int = 0) -> Iterator[Page]:
        pipe.recv()
        read, started = 0, time.monotonic()
        for page in pages:
            yield page
            read += len(page)
            if read >= TURN:
                pipe.send((time.monotonic() - started) * TURN / read)
                pipe.recv()
                read, started = 0, time.monotonic()
        if read:
            pipe.send((time.monotonic() - started) * TURN / read)
            pipe.recv()

    sys.setswitchinterval(SWITCH_INTERVAL)  # as the command line does
    settings = Settings(url=url, worker_email=WORKER[0], worker_password=WORKER[1])
    with closing(Connection(url, lambda: worker_token(settings))) as connection:
        READERS[name](connection, parts)
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


Parts = Callable[[Iterable[Page], str, int], Iterator[Page]]


def _bare(connection: Connection, parts: Parts) -> None:
    """A page after the other, and nothing done with it."""
    for _ in parts(_pages(connection.url, connection.token(), LOG), "", 0):
        pass


def _pages(url: str, token: str, to: int) -> Iterator[list[object]]:
    with requests.Session() as session:
        session.headers["Authorization"] = token
        url, seq = f"{url}/api/collections/event_log/records", 0
        while seq < to:
            query = {"skipTotal": 1, "perPage": 1000, "sort": "seq", "filter": f"seq > {seq} && seq <= {to}"}
            items = session.get(url, params=query, timeout=60).json()["items"]
            yield items
            seq = items[-1]["seq"]


def _verify(connection: Connection, parts: Parts) -> None:
    assert verify(Gateway(connection), parts).problems == []


def _export(connection: Connection, parts: Parts) -> None:
    with Path(os.devnull).open("w") as file:
        verify(Gateway(connection), parts, file.write)


def _fold(connection: Connection, parts: Parts) -> None:
    gateway = Gateway(connection)
    fold = Fold(gateway.targets())
    for page in parts(gateway.log(0, LOG), "", 0):
        fold.apply(page)
    assert fold.orphans == []


READERS = {"bare": _bare, "verify": _verify, "fold of rebuild": _fold, "export": _export}
