"""What the owner of a PocketBase does to it: hooks that refuse, break, sleep or end it, and loading in bulk."""

import threading
from collections.abc import Iterator
from contextlib import closing, suppress

from faults.fault import RECOVERY, fault
from faults.world import EVENTS, PATIENCE, World
from support import eventually
from support.hooks import hook

# Rows whose note ends with one of these digits are met by the hook; what clients write ends with a random digit.
REFUSES = """onRecordCreateRequest((e) => {
  const last = String(e.record.get("note")).slice(-1);
  if (last === "1") throw new ForbiddenError("not today");
  if (last === "2") throw new InternalServerError("broken");
  if (last === "3") throw new ApiError(418, "a teapot", {});
  if (last === "4") throw new Error("oops");
  e.next();
}, "items");
onRecordUpdateRequest((e) => {
  if (e.record.get("qty") % 10 === 3) throw new ApiError(503, "elsewhere", {});
  e.next();
}, "items")"""
SLEEPS = """onRecordUpdateRequest((e) => {
  if (e.record.get("qty") % 50 === 33) sleep(1500);
  e.next();
}, "items")"""
ENDS = """onRecordCreateRequest((e) => {
  if (e.record.get("note") === "the end") $os.exit(1);
  e.next();
}, "items")"""
BREAKS_LATE = 'onRecordAfterCreateSuccess((e) => { e.next(); throw new Error("too late") }, "items")'


@fault(times=1, blames=True, log_lines=80)
def hook_that_refuses_and_breaks(world: World) -> Iterator[float]:
    hook(world.server, REFUSES)
    for what in ("Not today", "Broken", "A teapot", "Elsewhere"):
        eventually(lambda what=what: _rejected_with(world, what), f"the hook's {what}", PATIENCE)
    yield RECOVERY
    hook(world.server, "")
    yield RECOVERY


@fault(times=1, blames=True, log_lines=40)
def hook_that_sleeps_beyond_the_time_out(world: World) -> Iterator[float | None]:
    settings = {"batch": {"enabled": True, "maxRequests": 1000, "timeout": 1}}
    assert world.server.superuser()("PATCH", "/api/settings", json=settings).ok
    hook(world.server, SLEEPS)
    eventually(lambda: _rejected_with(world, "longer than its batch time-out") > 1, "two slow rows", PATIENCE)
    yield None
    hook(world.server, "")
    yield RECOVERY


@fault(times=1)
def hook_that_breaks_after_the_commit(world: World) -> Iterator[float]:
    hook(world.server, BREAKS_LATE)
    world.progress(100)
    yield RECOVERY
    hook(world.server, "")
    yield RECOVERY


@fault(times=1, blames=True, log_lines=80)
def hook_that_ends_pocketbase(world: World) -> Iterator[float]:
    hook(world.server, ENDS)
    event = {"id": "theend000000000", "type": "create", "collection": "items", "item_id": "theend000000000"}
    world.clients.send(world.server.guest(), {**event, "data": {"title": "x", "note": "the end"}})

    def is_rejected_while_it_is_started_anew() -> int:
        if world.server.process is not None and world.server.process.poll() is not None:
            with suppress(AssertionError):  # it may be ended again before it has shown that it is well
                world.server.start()
        return _rejected_with(world, "gave no answer")

    eventually(is_rejected_while_it_is_started_anew, "a rejection of the event that ends PocketBase", PATIENCE)
    yield RECOVERY
    hook(world.server, "")
    yield RECOVERY


@fault(times=1)
def loading_in_bulk(world: World) -> Iterator[float]:
    stop = threading.Event()

    def load() -> None:
        root, number = world.server.superuser(), 0
        while not stop.is_set():
            ids = [f"load{number + place:011d}" for place in range(500)]
            number += len(ids)
            event = {"type": "create", "collection": "items", "data": {"title": "loaded"}}
            answer = root.batch(*(("POST", EVENTS, {**event, "id": key, "item_id": key}) for key in ids))
            if answer.ok:  # on a busy machine it takes longer than the time-out
                for key in ids:
                    world.ledger.received(key)

    loading = threading.Thread(target=load)
    loading.start()
    world.wait(10)
    before = world.seq()
    world.progress(200)
    assert world.seq() > before
    stop.set()
    loading.join()
    yield RECOVERY
    world.clients.pause()
    eventually(lambda: world.pending() == 0, "the end of the load", PATIENCE * 10)
    world.clients.resume()
    yield RECOVERY


def _rejected_with(world: World, words: str) -> int:
    """How many events were rejected with these words."""
    with closing(world.server.database()) as database:
        found = database.execute("SELECT COUNT(*) FROM events WHERE seq = 0 AND instr(error, ?)", [words])
        return int(found.fetchone()[0])
