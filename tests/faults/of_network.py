"""A network between worker and PocketBase that refuses, resets, drops, delays, trickles, and dies in silence."""

from collections.abc import Callable, Iterator

from faults.fault import RECOVERY, fault
from faults.world import PATIENCE, World
from support import eventually

BATCH = b"POST /api/batch"


@fault()
def connections_refused(world: World) -> Iterator[float]:
    world.proxy.refuse()
    world.wait(world.choose.uniform(0.5, 6))
    world.proxy.be_well()
    yield RECOVERY


@fault()
def requests_reset_halfway(world: World) -> Iterator[float]:
    yield from _until_hit(world, lambda: world.proxy.reset_requests_to(BATCH), 3)


@fault(times=4)
def answers_dropped_after_the_commit(world: World) -> Iterator[float]:
    times = world.choose.randint(1, 4)
    yield from _until_hit(world, lambda: world.proxy.drop_the_answer_to(BATCH, times), times)


@fault()
def answers_delayed_beyond_the_time_out(world: World) -> Iterator[float]:
    yield from _until_hit(world, lambda: world.proxy.delay_answers(8), 2, lasts=5)


@fault()
def distance_with_jitter(world: World) -> Iterator[float]:
    yield from _until_hit(world, lambda: world.proxy.be_far_away(0.08, jitter=0.06), 100)
    world.proxy.be_far_away(0.08, jitter=0.06)
    yield RECOVERY
    world.progress(50)
    world.proxy.be_well()
    yield RECOVERY


@fault()
def one_byte_at_a_time(world: World) -> Iterator[float]:
    yield from _until_hit(world, world.proxy.trickle, 500, lasts=3)


@fault()
def everything_vanishes(world: World) -> Iterator[float]:
    yield from _until_hit(world, world.proxy.swallow, 1, lasts=world.choose.uniform(1, 8))


@fault()
def stream_dead_in_silence(world: World) -> Iterator[float]:
    yield from _until_hit(world, world.proxy.silence_streams, 1)
    _let_the_stream_be_missed(world)


@fault(times=1)
def stream_closed_every_few_seconds(world: World) -> Iterator[float]:
    for _ in range(3):
        yield from _until_hit(world, world.proxy.close_streams, 1)
        world.wait(1.5)


def _until_hit(world: World, break_it: Callable[[], None], hits: int, lasts: float = 0) -> Iterator[float]:
    """Break the network, wait until that was felt so often, and mend it."""
    _let_the_stream_be_missed(world)
    before = world.proxy.hits
    break_it()
    eventually(lambda: world.proxy.hits >= before + hits, "the fault", PATIENCE)
    world.wait(lasts)
    world.proxy.be_well()
    yield RECOVERY


def _let_the_stream_be_missed(world: World) -> None:
    """Give the worker little to do until it has a stream: a busy one does not miss it, and needs none."""
    for _ in range(20):
        if world.proxy.has_streams:
            return
        world.clients.pause()
        world.wait(2.5)
        world.clients.resume()
        world.wait(0.2)
    raise AssertionError("the worker does not come back to a stream")
