"""Workers that are killed, frozen, too many, or wrong about the time."""

import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from faults.fault import RECOVERY, TAKEOVER, fault
from faults.world import PATIENCE, World
from support import eventually

UNDER_WAY = 0.3  # seconds after which PocketBase is done with the last transaction of a worker that is gone
LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@fault(times=4)
def worker_killed(world: World) -> Iterator[float]:
    world.replace(world.active, signal.SIGKILL)
    yield RECOVERY


@fault()
def worker_stopped_and_started(world: World) -> Iterator[float]:
    worker = world.active
    world.replace(worker, signal.SIGTERM)
    assert worker.process.returncode == 0
    yield RECOVERY


@fault(workers=2)
def worker_killed_beside_a_standby(world: World) -> Iterator[float]:
    eventually(lambda: sum(worker.stands_by for worker in world.workers) == 1, "a standby", PATIENCE)
    world.remove(world.active, signal.SIGKILL)
    world.wait(UNDER_WAY)
    yield TAKEOVER
    world.start_worker()
    world.progress(5)


@fault(workers=2)
def worker_frozen_until_a_standby_took_over(world: World) -> Iterator[float]:
    eventually(lambda: sum(worker.stands_by for worker in world.workers) == 1, "a standby", PATIENCE)
    zombie = world.active
    zombie.send(signal.SIGSTOP)
    world.wait(UNDER_WAY)
    yield TAKEOVER
    world.wait(world.choose.uniform(0, 2))
    zombie.send(signal.SIGCONT)
    yield RECOVERY
    # It notices, and stands by like any other.
    world.progress(20)


@fault(workers=3, times=4)
def one_of_three_workers_killed_or_frozen(world: World) -> Iterator[float]:
    worker = world.choose.choice(world.workers)
    if world.choose.random() < 0.5:
        world.replace(worker, signal.SIGKILL)
        yield TAKEOVER
    else:
        worker.send(signal.SIGSTOP)
        world.wait(world.choose.uniform(0.1, 2))
        worker.send(signal.SIGCONT)
        yield RECOVERY


@fault(cannot=lambda: "" if LIBFAKETIME or shutil.which("faketime") else "libfaketime is missing")
def clock_set_an_hour_forth_and_back(world: World) -> Iterator[float]:
    for offset in ("+1h", "-1h"):
        wrong = world.start_worker(LD_PRELOAD=str(LIBFAKETIME), FAKETIME=offset, FAKETIME_DONT_FAKE_MONOTONIC="1")
        eventually(lambda wrong=wrong: wrong.has("clocks differ"), "the news of it", PATIENCE)
        yield RECOVERY
        world.remove(world.workers[0], signal.SIGTERM)
        world.wait(UNDER_WAY)
        before = world.seq()
        world.wait(2)
        assert world.seq() == before, "a worker with a wrong clock records nothing"
        world.replace(wrong, signal.SIGTERM)
        yield RECOVERY


@fault(log_lines=40)
def log_disk_full(world: World) -> Iterator[float]:
    worker = world.active
    full = worker.log.stat().st_size
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    world.kill_pocketbase()  # there would be something to tell
    world.wait(1)
    world.server.start()
    yield RECOVERY
    assert worker.log.stat().st_size == full
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    eventually(lambda: worker.log.stat().st_size > full, "lines in the log again", PATIENCE)
    yield RECOVERY


@fault(workers=3, clients=6, times=1, log_lines=500)
def everything_at_once(world: World) -> Iterator[float]:
    for _ in range(60 if world.long else 12):
        world.choose.choice([_kill_a_worker, _freeze_a_worker, _kill_pocketbase, _drop_answers, _refuse])(world)
        world.wait(world.choose.uniform(0, 1))
    world.proxy.be_well()
    yield TAKEOVER


def _kill_a_worker(world: World) -> None:
    world.replace(world.choose.choice(world.workers), signal.SIGKILL)


def _freeze_a_worker(world: World) -> None:
    worker = world.choose.choice(world.workers)
    worker.send(signal.SIGSTOP)
    world.wait(world.choose.uniform(0, 4))
    worker.send(signal.SIGCONT)


def _kill_pocketbase(world: World) -> None:
    world.kill_pocketbase()
    world.server.start()


def _drop_answers(world: World) -> None:
    world.proxy.be_well()
    world.proxy.drop_the_answer_to(b"POST /api/batch", world.choose.randint(1, 5))


def _refuse(world: World) -> None:
    world.proxy.refuse()
    world.wait(world.choose.uniform(0, 1))
    world.proxy.be_well()
