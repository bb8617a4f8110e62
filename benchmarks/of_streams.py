"""Replicas over NATS JetStream: how fast they are filled, and how late their rows are."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median

from support import Client, Server, command, eventually, head_of, item_id, run_command
from support.nats import Nats, last_of, nats_server

from benchmarks.measure import Figure, in_turns, quantile
from benchmarks.of_latency import Rows
from benchmarks.world import PATIENCE, Worlds, long_log

EVENTS = 10_000
TURNS = 2
APPENDS = 100  # whose rows are waited for
PAUSE = 0.02  # seconds between two, so that everything settles
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def measure(worlds: Worlds) -> Iterator[Figure]:
    """Fill a stream and replicas; then append one event after another."""
    with worlds.server(long_log(worlds, EVENTS)) as primary:
        yield _figure(
            "relay", "`export`", *in_turns(TURNS, lambda: _relay(worlds, primary), lambda: _export(worlds, primary))
        )
        for count in (1, 3):
            ours, theirs = in_turns(
                TURNS,
                lambda replicas=count: _fill(worlds, primary, replicas),
                lambda: _load(worlds, primary),  # type: ignore[misc]
            )
            name = "relay and a replica at once" if count == 1 else f"relay and each of {count} replicas at once"
            yield _figure(name, "`export`, then `import`", ours, theirs)
    yield from _delays(worlds)


def _figure(name: str, against: str, ours: list[float], theirs: list[float]) -> Figure:
    return Figure(f"{name}, {EVENTS:,} events", ours, theirs, "events/s", against=against)


def _relay(worlds: Worlds, primary: Server) -> float:
    """Events a second from the start of a relay until the stream has them."""
    with nats_server(worlds.folder()) as nats:
        started = time.monotonic()
        with _running("relay", primary, nats):
            eventually(lambda: last_of(nats.url) == EVENTS, "the log in the stream", PATIENCE)
            return EVENTS / (time.monotonic() - started)


def _export(worlds: Worlds, primary: Server) -> float:
    """Events a second of an export."""
    started = time.monotonic()
    _exported(worlds, primary)
    return EVENTS / (time.monotonic() - started)


def _exported(worlds: Worlds, primary: Server) -> Path:
    file = worlds.folder()
    done = run_command("export", str(file), env=primary.environment, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return file


def _load(worlds: Worlds, primary: Server) -> float:
    """Events a second of an export that is then imported."""
    with worlds.server() as copy:
        started = time.monotonic()
        file = _exported(worlds, primary)
        done = run_command("import", str(file), env=copy.environment, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return EVENTS / (time.monotonic() - started)


def _fill(worlds: Worlds, primary: Server, replicas: int) -> float:
    """Events a second from the start of a relay and replicas until all have the log."""
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server(worlds.folder()))
        copies = [stack.enter_context(worlds.server()) for _ in range(replicas)]
        started = time.monotonic()
        stack.enter_context(_running("relay", primary, nats))
        for copy in copies:
            stack.enter_context(_running("replica", copy, nats))
        for copy in copies:
            eventually(lambda each=copy: head_of(each) == head_of(primary), "the log", PATIENCE)  # type: ignore[misc]
        return EVENTS / (time.monotonic() - started)


@contextmanager
def _running(name: str, server: Server, nats: Nats | None = None) -> Iterator[None]:
    """A command at work."""
    with command(name, *([nats.url] if nats else []), env=server.environment, **QUIET):
        yield


def _delays(worlds: Worlds) -> Iterator[Figure]:
    """From an append until its row is seen, by realtime: at a replica, against the primary."""
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server(worlds.folder()))
        primary, copy = (stack.enter_context(worlds.server()) for _ in range(2))
        for name, server in (("relay", primary), ("replica", copy)):
            stack.enter_context(_running(name, server, nats))
        stack.enter_context(_running("run", primary))
        here, there = (stack.enter_context(closing(Rows(server))) for server in (primary, copy))
        guest = primary.guest()
        waits = [_append(guest, here, there, item_id(number)) for number in range(APPENDS)][APPENDS // 10 :]
    at_primary, at_replica = zip(*waits, strict=True)
    against = f"to row at the primary (p99: {quantile(at_replica, 0.99):.0f} and {quantile(at_primary, 0.99):.0f} ms)"
    yield Figure(
        "append to row at a replica", [median(at_replica)], [median(at_primary)], "ms", cost=True, against=against
    )


def _append(guest: Client, here: Rows, there: Rows, key: str) -> tuple[float, float]:
    """Milliseconds from an append until its row is seen at the primary, and at the replica."""
    time.sleep(PAUSE)
    started = time.monotonic()
    guest.append("create", key, {"title": "Milk", "qty": 1})
    return 1000 * (here.wait_for(key) - started), 1000 * (there.wait_for(key) - started)
