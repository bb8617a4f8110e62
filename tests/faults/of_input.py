"""Events that are bad, huge, deep, odd, twice, or all about one item."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from faults.fault import RECOVERY, fault
from faults.ledger import MARK
from faults.world import EVENTS, PATIENCE, World, elsewhere
from support import eventually
from support.clients import AT_ONCE

ODD = ["", " ", "'", '"', "`", "\\", "/", "..", "?", "#", "&", "%00", "\u0000", "\n", "ü", "日本", "💥", "x" * 200,
       "x" * 3000, "id", "deleted", "created", "__proto__", "@request", "a:b", "{}", "<b>", "'; DROP"]  # fmt: skip
VALUES = [None, True, False, 0, -1, 1.5, 1e308, 2**53, 2**63, "", "text", "1", "true", "null", "[]", "2026-01-01",
          [], [1], ["a", "a"], {}, {"a": None}, [[[]]], "\u0000", "ü💥"]  # fmt: skip
FIELDS = ["title", "qty", "done", "note", "id", "deleted", "nothing"]


@fault(times=1)
def many_bad_events_in_one_go(world: World) -> Iterator[float | None]:
    root, count = world.server.superuser(), 20_000 if world.long else 2_000
    kinds: list[dict[str, Any]] = [
        {"type": "create", "item_id": "bad", "data": [1]},
        {"type": "create", "item_id": " ", "data": {}},
        {"type": "update", "item_id": "nothing00000000", "data": {"qty": "x"}},
        {"type": "update", "item_id": "nothing00000000", "data": {"note": "nowhere"}},
        {"type": "create", "item_id": "good0000000000x", "data": {"title": ""}},
        {"type": "delete", "item_id": "nothing00000000"},
        {"type": "update", "item_id": "nothing00000000", "data": {"x": 1}},
        {"type": "create", "collection": "users", "item_id": "nothing00000000", "data": {}},
    ]
    for _ in range(count // AT_ONCE):
        events = [
            {"collection": "items", **world.choose.choice(kinds), "id": f"bad{world.choose.randrange(10**12):012d}"}
            for _ in range(AT_ONCE)
        ]
        requests = [("POST", EVENTS, event) for event in events]
        eventually(lambda requests=requests: root.batch(*requests).ok, "events of the flood", PATIENCE)  # type: ignore[misc]
        for event in events:
            world.ledger.received(event["id"])
    yield None
    world.clients.pause()
    eventually(lambda: world.pending() == 0, "the end of the flood", PATIENCE * 10)
    world.clients.resume()


@fault(times=1)
def data_around_every_size_limit(world: World) -> Iterator[float]:
    for size in (4_900, 5_001, 1_048_000, 1_048_576, 1_100_000):
        for field in ("note", "title"):
            _offer(world, {"type": "create", "item_id": _new(world), "data": {"title": "t", field: "x" * size}})
        _offer(world, {"type": "create", "item_id": _new(world), "data": {"title": "t", "nothing": "ü" * (size // 2)}})
    for size in (15, 16, 255, 999, 1001, 1999, 2001, 5001):
        _offer(world, {"type": "create", "item_id": "x" * size, "data": {"title": "t"}})
        _offer(world, {"type": "create", "item_id": "x", "collection": "x" * size, "data": {"title": "t"}})
        _offer(world, {"type": "update", "item_id": "x", "data": {"x" * size: 1}})
    yield RECOVERY
    for _ in range(40):
        _offer(world, {"type": "update", "item_id": _new(world), "data": {"note": "x" * 1_000_000}})
    yield RECOVERY


@fault(times=1)
def nesting_of_every_depth(world: World) -> Iterator[float]:
    for depth in (1, 199, 200, 201, 990, 1100, 5000, 9000, 11000, 100_000):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            data = f'{{"note": {opening * depth}1{closing * depth}}}'
            _offer(world, {"type": "create", "item_id": _new(world), "data": None}, raw=data)
        yield RECOVERY


@fault(times=1)
def every_value_in_every_field(world: World) -> Iterator[float]:
    item = _new(world)
    _offer(world, {"type": "create", "item_id": item, "data": {"title": "t"}})
    for field, value in product(FIELDS, VALUES):
        _offer(world, {"type": "update", "item_id": item, "data": {field: value}})
        if field != "id":
            _offer(world, {"type": "create", "item_id": _new(world), "data": {"title": "t", field: value}})
    yield RECOVERY


@fault(times=1)
def odd_ids_and_keys(world: World) -> Iterator[float]:
    item = _new(world)
    _offer(world, {"type": "create", "item_id": item, "data": {"title": "t"}})
    for odd in ODD:
        for type_, data in (("create", {"title": "t"}), ("update", {"note": "n"}), ("delete", None)):
            _offer(world, {"type": type_, "item_id": odd, "data": data})
            _offer(world, {"type": type_, "item_id": item[:8] + odd, "collection": "items", "data": data})
            _offer(world, {"type": type_, "item_id": item, "collection": odd, "data": data})
        _offer(world, {"type": "update", "item_id": item, "data": {odd: 1}})
        _offer(world, {"type": "create", "item_id": _new(world), "data": {"title": "t", odd: 1}})
    yield RECOVERY


@fault(times=4)
def the_same_id_sent_twice(world: World) -> Iterator[float]:
    client = elsewhere(world.server.url)
    with client.session:
        event = {"id": _new(world), "type": "create", "collection": "items", "item_id": _new(world),
                 "data": {"title": "t", "note": f"{MARK}{world.choose.random()}"}}  # fmt: skip
        for _ in range(3):
            world.clients.send(client, event)
    yield RECOVERY


@fault(times=1, clients=16, hot=True)
def one_hot_item_from_sixteen_clients(world: World) -> Iterator[float]:
    world.progress(300)
    yield RECOVERY


def _new(world: World) -> str:
    return f"n{world.choose.randrange(10**14):014d}"


def _offer(world: World, event: dict[str, Any], *, raw: str = "null") -> None:
    """Append an event where PocketBase takes it; what it refuses at once is no concern of ours."""
    record_id = _new(world)
    body = json.dumps({"id": record_id, "collection": "items", **event})
    if event["data"] is None:
        body = body.replace('"data": null', f'"data": {raw}')
    client = world.server.guest()
    answer = client("POST", EVENTS, data=body.encode(), headers={"Content-Type": "application/json"})
    if answer.status_code == 200:
        world.ledger.received(record_id)
