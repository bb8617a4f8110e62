"""Groups of events whose recording is cut off: each is in the log whole, or not at all."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

import requests
from faults.fault import RECOVERY, fault
from faults.ledger import MARK
from faults.world import EVENTS, PATIENCE, World, elsewhere
from support import eventually

SIZES = (2, 3, 10, 40, 100)  # events in a group
GROUPS = 12  # between two kills


@fault(times=4)
def worker_killed_amid_groups(world: World) -> Iterator[float]:
    yield from _amid_groups(world, lambda: world.replace(world.active, signal.SIGKILL))


@fault(times=4)
def pocketbase_killed_amid_groups(world: World) -> Iterator[float]:
    def kill() -> None:
        world.kill_pocketbase()
        world.server.start()

    yield from _amid_groups(world, kill)


def _amid_groups(world: World, kill: Callable[[], None]) -> Iterator[float]:
    """Append groups, good ones and bad ones, and kill something while they are being recorded."""
    groups = [_group(world) for _ in range(GROUPS)]
    sending = threading.Thread(target=lambda: [_send(world, group) for group in groups], daemon=True)
    sending.start()
    eventually(lambda: _fates(world, groups[1]), "the first groups", PATIENCE)
    world.wait(world.choose.uniform(0, 0.5))
    kill()
    yield RECOVERY
    sending.join(PATIENCE)
    eventually(lambda: all(map(_is_done, (_fates(world, group) for group in groups))), "the groups' end", PATIENCE)
    for group in groups:
        _check_whole(group, _fates(world, group))


def _group(world: World) -> list[dict[str, Any]]:
    """A group of creates and updates, of which one in five can't be applied."""
    together, item = f"group {world.choose.random()}", f"g{world.choose.randrange(10**14):014d}"
    data: list[dict[str, Any]] = [{"title": "group"}]
    data += [{"note": f"{MARK}{together} {n}"} for n in range(1, world.choose.choice(SIZES))]
    if world.choose.random() < 0.2:
        data[world.choose.randrange(1, len(data))] = {"nothing": 1}
    return [
        {"id": f"g{world.choose.randrange(10**14):014d}", "type": "update" if place else "create",
         "collection": "items", "item_id": item, "data": given, "together": together}
        for place, given in enumerate(data)
    ]  # fmt: skip


def _send(world: World, group: Sequence[dict[str, Any]]) -> None:
    """Append a group, and try again until PocketBase is known to have it."""
    client = elsewhere(world.server.url)
    with client.session:
        while True:
            with suppress(requests.RequestException):
                answer = client.batch(*(("POST", EVENTS, event) for event in group))
                if answer.ok or set(_fates(world, group)) == {event["id"] for event in group}:
                    break
            threading.Event().wait(0.05)
    for event in group:
        world.ledger.received(event["id"])


def _fates(world: World, group: Sequence[dict[str, Any]]) -> dict[str, tuple[int, str]]:
    """By id of an event that PocketBase has, its seq and its error."""
    with closing(world.server.database()) as database:
        query = "SELECT id, seq, error FROM events WHERE together = ?"
        return {row[0]: (row[1], row[2]) for row in database.execute(query, [group[0]["together"]])}


def _is_done(fates: Mapping[str, tuple[int, str]]) -> bool:
    return bool(fates) and all(seq or error for seq, error in fates.values())


def _check_whole(group: Sequence[dict[str, Any]], fates: Mapping[str, tuple[int, str]]) -> None:
    seqs = [fates[event["id"]][0] for event in group]
    good = all("nothing" not in event["data"] for event in group)
    assert seqs == [seqs[0] + place if good else 0 for place in range(len(group))], f"not whole: {fates}"
    assert not good or seqs[0], f"rejected: {fates}"
