"""Does an event cost more the longer the log is?"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median

from support import Server, item_id, run_command

from benchmarks.measure import Figure
from benchmarks.world import SIZES, Worlds, long_log
from pocketbase_events.core.events import chain_hash
from pocketbase_events.jobs.record import Step

RECORDING, STATUS = (15, 10), (5, 1)  # turns, and measurements in a turn
NEW = 10**9  # the number of the first item that is created here


def measure(worlds: Worlds) -> Iterator[Figure]:
    """Recording one event, and `status`, against an empty log; a turn goes through all sizes."""
    with ExitStack() as stack:
        logs = {0: stack.enter_context(worlds.server())}
        for size in SIZES:
            logs[size] = stack.enter_context(worlds.server(long_log(worlds, size)))
        recording = {size: _recording(server) for size, server in logs.items()}
        status = {size: _status(server) for size, server in logs.items()}
        for name, actions, (turns, each) in (("recording one event", recording, RECORDING), ("status", status, STATUS)):
            times: dict[int, list[float]] = {size: [] for size in logs}
            for turn in range(-1, turns):
                for size, act in actions.items():
                    took = median(act() for _ in range(each))
                    if turn >= 0:  # the first one warms up
                        times[size].append(1000 * took)
            for size in SIZES:
                title = f"{name}, {size:,} events recorded, {size // 10:,} rejected"
                details = {"points": {str(log): median(took) for log, took in times.items()}}
                yield Figure(
                    title, times[size], times[0], "ms", 1.2, cost=True, against="an empty log", details=details
                )
        for size, server in logs.items():
            _check_the_end(server, size)


def _check_the_end(server: Server, after: int) -> None:
    """What was recorded here continues the chain, up to the head."""
    gateway = server.gateway()
    events = [event for page in gateway.log(max(0, after - 1), 2 * NEW) for event in page]
    previous = events.pop(0).hash if after else ""
    for event in events:
        assert event.hash == chain_hash(event.hashed, previous)
        previous = event.hash
    assert gateway.status().head == (after + (RECORDING[0] + 1) * RECORDING[1], previous)


def _recording(server: Server) -> Callable[[], float]:
    """Seconds that the worker takes to look and to record an event that was appended just now."""
    client, worker, numbers = server.guest(), server.worker(), iter(range(NEW, 2 * NEW))
    worker.run_to_end(threading.Event())

    def act() -> float:
        client.append("create", item_id(next(numbers)), {"title": "Milk"})
        started = time.monotonic()
        step = worker.run_once()
        took = time.monotonic() - started
        assert step is Step.PROGRESS
        return took

    return act


def _status(server: Server) -> Callable[[], float]:
    """Seconds that the command takes."""

    def act() -> float:
        started = time.monotonic()
        assert run_command("status", env=server.environment).returncode == 0
        return time.monotonic() - started

    return act
