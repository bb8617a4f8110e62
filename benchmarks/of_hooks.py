"""Against what one would do instead: a pb_hooks script that records each event within its insert."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from support import Client, Server, command, eventually

from benchmarks.measure import Figure, in_turns
from benchmarks.of_recording import ITEM_EVENTS, edits
from benchmarks.world import Appended, Worlds, check, settled, without_triggers

HOOKS = Path(__file__).parent / "pb_hooks"
EVENTS = 1_000  # of clients that append one each time
BATCHED = 4_000  # of one that appends many, so that it does so for seconds
TURNS = 3
CLIENTS = 16
AT_ONCE = 100  # events in a request of a client that has many


def measure(worlds: Worlds) -> Iterator[Figure]:
    """Events a second, from the first append until everything is recorded."""
    hooked = with_hooks(worlds)
    for way, (send, count, target) in WAYS.items():
        events = list(edits(count))
        turns = in_turns(TURNS, partial(ours, worlds, send, events), partial(theirs, worlds, hooked, send, events))
        yield Figure(f"append and record {count:,} events: {way}", *turns, "events/s", target, against="pb_hooks")


def ours(worlds: Worlds, send: "Send", events: Sequence[Appended]) -> float:
    """Events a second with a worker."""
    with worlds.server() as server:
        log = server.folder / "worker.log"
        with log.open("wb") as file, command("run", env=server.environment, stderr=file) as worker:
            eventually(lambda: b"connected" in log.read_bytes(), "the worker")
            rate = _rate(server, send, events)
            worker.terminate()
            worker.wait()
    return rate


def theirs(worlds: Worlds, hooked: Path, send: "Send", events: Sequence[Appended]) -> float:
    """Events a second with the script."""
    with worlds.server(hooked) as server:
        return _rate(server, send, events)


def with_hooks(worlds: Worlds) -> Path:
    """A template whose events are recorded by the script; our triggers would keep it from writing."""
    template = without_triggers(worlds)
    shutil.copytree(HOOKS, template / "pb_hooks")
    return template


def _rate(server: Server, send: "Send", events: Sequence[Appended]) -> float:
    started = time.monotonic()
    send(server, events)
    settled(server, len(events))
    took = time.monotonic() - started
    check(server, len(events))
    return len(events) / took


def _many(server: Server, events: Sequence[Appended]) -> None:
    """Each client appends the events of its own items."""
    items = [events[start : start + ITEM_EVENTS] for start in range(0, len(events), ITEM_EVENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(_append, server.guest(), items[turn::CLIENTS]) for turn in range(CLIENTS)]:
            done.result()


def _one(server: Server, events: Sequence[Appended]) -> None:
    """One event after the other."""
    _append(server.guest(), [events])


def _at_once(server: Server, events: Sequence[Appended]) -> None:
    """A hundred in each request."""
    client = server.guest()
    for start in range(0, len(events), AT_ONCE):
        client.append_all(*(event.as_body() for event in events[start : start + AT_ONCE]))


def _append(client: Client, items: Sequence[Sequence[Appended]]) -> None:
    for events in items:
        for event in events:
            client.append(event.type, event.item_id, event.data)


Send = Callable[[Server, Sequence[Appended]], None]
WAYS: dict[str, tuple[Send, int, float | None]] = {  # with the number of events, and the target
    f"{CLIENTS} clients": (_many, EVENTS, 0.8),
    "one client": (_one, EVENTS, None),
    f"{AT_ONCE} in a request": (_at_once, BATCHED, 1.2),
}
