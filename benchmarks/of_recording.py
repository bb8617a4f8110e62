"""Recording, against the same writes sent straight to PocketBase's batch API by the same account."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from support import Server, item_id

from benchmarks.measure import Figure, in_turns
from benchmarks.world import Appended, Worlds, append, check, record_id, run_once, without_triggers
from pocketbase_events.core.batch import requests_of
from pocketbase_events.core.events import Head, Pending, timestamp_of
from pocketbase_events.core.transaction import build, select

TURNS = 3
BATCHES = (50, 100, 200, 400)  # events in a transaction; PocketBase is set up to take 1,000 requests
TRIED = 2_000  # events a size is tried with
ITEM_EVENTS = 5  # of an item that is edited
HOT = 5  # items of the last mix


def creates(count: int) -> Iterator[Appended]:
    """A new item each."""
    for number in range(count):
        yield Appended("create", item_id(number), {"title": f"Item {number}", "qty": number, "note": "as good as new"})


def edits(count: int) -> Iterator[Appended]:
    """An item, then each of its four fields."""
    steps = ({"title": "Draft"}, {"qty": 3}, {"note": "as good as new"}, {"done": True}, {"title": "Done"})
    for number in range(count):
        item, step = divmod(number, ITEM_EVENTS)
        yield Appended("update" if step else "create", item_id(item), steps[step])


def hot_field(count: int) -> Iterator[Appended]:
    """One field of a few items, again and again."""
    for number in range(count):
        if number < HOT:
            yield Appended("create", item_id(number), {"title": "Counter"})
        else:
            yield Appended("update", item_id(number % HOT), {"qty": number})


# The events of a mix, how many, and the target.
MIXES: dict[str, tuple[Callable[[int], Iterator[Appended]], int, float]] = {
    "creates": (creates, 20_000, 1.6),
    "edits": (edits, 10_000, 1.6),
    "one hot field": (hot_field, 10_000, 1.6),
}


def measure(worlds: Worlds) -> Iterator[Figure]:
    """A figure a mix: events a second."""
    bare = without_triggers(worlds)
    with worlds.server() as server:
        start_up = min(run_once(server) for _ in range(3))
    for name, (mix, count, target) in MIXES.items():
        events = list(mix(count))
        best = best_size(worlds, bare, events)
        turns = in_turns(TURNS, partial(ours, worlds, events, start_up), partial(straight, worlds, bare, events, best))
        yield Figure(
            f"recording {count:,} events: {name}",
            *turns,
            "events/s",
            target,
            against=f"the same writes straight to PocketBase without our triggers, {best} events each time",
        )


def ours(worlds: Worlds, events: Sequence[Appended], start_up: float) -> float:
    """Events a second of `run --once`, its start aside."""
    with worlds.server() as server:
        append(server, events)
        took = run_once(server) - start_up
        check(server, len(events))
    return len(events) / took


def best_size(worlds: Worlds, bare: Path, events: Sequence[Appended]) -> int:
    """The number of events in a transaction with which they are written fastest."""
    return max(BATCHES, key=lambda size: straight(worlds, bare, events[:TRIED], size))


def straight(worlds: Worlds, bare: Path, events: Sequence[Appended], size: int) -> float:
    """Events a second of requests that are all prepared before: head, one row write an event, event.

    `bare` is a template without our triggers.
    """
    with worlds.server(bare) as server:
        append(server, events)
        worker = server.worker_client()
        bodies = list(prepared(server, events, size))
        started = time.monotonic()
        for body in bodies:
            answer = worker("POST", "/api/batch", data=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 200, answer.text
        took = time.monotonic() - started
        check(server, len(events))
    return len(events) / took


def prepared(server: Server, events: Sequence[Appended], size: int) -> Iterator[bytes]:
    """The transactions that record these pending events, unmerged, `size` events in each."""
    targets = server.gateway().targets()
    head = Head(0, "")
    pending = [
        Pending(record_id(number), event.type, "items", event.item_id, "", json.dumps(event.data), False, "")
        for number, event in enumerate(events)
    ]
    for start in range(0, len(pending), size):
        chosen = select(pending[start : start + size], {}, targets, limit=size, most=size)
        transaction = build(chosen, head, timestamp_of(datetime.now(UTC)), uuid4, targets, merging=False)
        head = transaction.after
        yield json.dumps({"requests": requests_of(transaction)}, separators=(",", ":")).encode()
