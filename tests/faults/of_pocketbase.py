"""A PocketBase that is killed, restarted, paused, late, or set back to what it was."""

import signal
from collections.abc import Iterator

from faults.fault import RECOVERY, fault
from faults.world import PATIENCE, World
from support import eventually


@fault(times=4)
def pocketbase_killed(world: World) -> Iterator[float]:
    world.kill_pocketbase()
    world.wait(world.choose.choice([0, 0.1, 3]))
    world.server.start()
    yield RECOVERY


@fault()
def pocketbase_restarted(world: World) -> Iterator[float]:
    world.server.stop()
    world.wait(world.choose.choice([0, 1, 4]))
    world.server.start()
    yield RECOVERY


@fault(times=1)
def pocketbase_paused(world: World) -> Iterator[float]:
    assert world.server.process is not None
    world.server.process.send_signal(signal.SIGSTOP)
    world.wait(60 if world.long else 12)
    world.server.process.send_signal(signal.SIGCONT)
    yield RECOVERY


@fault()
def pocketbase_started_after_the_worker(world: World) -> Iterator[float]:
    world.remove(world.active, signal.SIGTERM)
    world.server.stop()
    late = world.start_worker()
    eventually(lambda: late.has("waiting_for_pocketbase"), "the worker's patience", PATIENCE)
    world.server.start()
    yield RECOVERY


@fault()
def backup_restored(world: World) -> Iterator[float]:
    name = f"b{world.choose.randrange(10**9)}.zip"
    world.clients.pause()
    world.server.back_up(name)
    kept = world.event_ids()
    world.clients.resume()
    world.progress(30)
    world.clients.pause()
    world.ledger.went_back_to(kept)
    world.server.restore(name)
    assert world.event_ids() == kept
    world.clients.resume()
    yield RECOVERY
    eventually(lambda: world.has_said("log_went_back"), "the news of it", PATIENCE)
