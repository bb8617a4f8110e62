"""Appending and recording, by how many events a request carries: ours, the hook, and PocketBase's own rows."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from support import ITEM_FIELDS, Client, command, eventually

from benchmarks.measure import Figure, in_turns
from benchmarks.of_hooks import with_hooks
from benchmarks.of_recording import creates
from benchmarks.world import Appended, Worlds, check, settled, without_triggers

SIZES = {1: 400, 10: 1_000, 100: 3_000, 400: 4_000}  # events in a request, and in all
# Events a second with commit 938cdab, measured on the same machine as the latest results, right before them.
BEFORE = {1: 283.0, 10: 607.0, 100: 695.0, 400: 661.0}
TURNS = 3
PLAIN = "/api/collections/plain/records"


def measure(worlds: Worlds) -> Iterator[Figure]:
    """A figure a size: events a second of one client, from the first append until every row is there."""
    hooked, bare = with_hooks(worlds), without_triggers(worlds)
    for size, count in SIZES.items():
        events = list(creates(count))
        rows = [rows_alone(worlds, bare, events, size) for _ in range(TURNS)]
        turns = in_turns(TURNS, partial(ours, worlds, events, size), partial(theirs, worlds, hooked, events, size))
        yield Figure(
            f"append and record {count:,} creates, {size} in a request",
            *turns,
            "events/s",
            against="pb_hooks",
            details={"size": size, "rows": rows},
        )


def ours(worlds: Worlds, events: Sequence[Appended], size: int) -> float:
    """With a worker."""
    with worlds.server() as server:
        log = server.folder / "worker.log"
        with log.open("wb") as file, command("run", env=server.environment, stderr=file) as worker:
            eventually(lambda: b"connected" in log.read_bytes(), "the worker")
            rate = _rate(events, size, partial(append, server.guest()), lambda: settled(server, len(events)))
            worker.terminate()
            worker.wait()
        check(server, len(events))
    return rate


def theirs(worlds: Worlds, hooked: Path, events: Sequence[Appended], size: int) -> float:
    """With the script."""
    with worlds.server(hooked) as server:
        rate = _rate(events, size, partial(append, server.guest()), lambda: settled(server, len(events)))
        check(server, len(events))
    return rate


def rows_alone(worlds: Worlds, bare: Path, events: Sequence[Appended], size: int) -> float:
    """Rows without any events, in a collection that is not attached."""
    with worlds.server(bare) as server:
        server.create_collection("plain", ITEM_FIELDS, createRule="")
        rate = _rate(events, size, partial(insert, server.guest()), lambda: None)
        with closing(server.database()) as database:
            assert database.execute("SELECT COUNT(*) FROM plain").fetchone() == (len(events),)
    return rate


def append(client: Client, events: Sequence[Appended]) -> None:
    """Append events in one request."""
    client.append_all(*(event.as_body() for event in events))


def insert(client: Client, events: Sequence[Appended]) -> None:
    """Insert their rows in one request."""
    writes = [("POST", PLAIN, {"id": event.item_id, **event.data}) for event in events]
    answer = client.batch(*writes) if len(writes) > 1 else client("POST", PLAIN, json=writes[0][2])
    assert answer.ok, answer.text


def _rate(
    events: Sequence[Appended], size: int, send: Callable[[Sequence[Appended]], None], done: Callable[[], None]
) -> float:
    started = time.monotonic()
    for start in range(0, len(events), size):
        send(events[start : start + size])
    done()
    return len(events) / (time.monotonic() - started)
