"""Whatever is killed or cut between a primary and its replicas, they end up with its log and its rows."""

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from proxy import Proxy
from support import DEADLINE, NEVER, Server, eventually, fill_log, seq_of, start_copy
from support.command_line import as_json
from support.nats import Nats, last_of, leader_of, nats_cluster
from support.replicas import assert_same, catches_up, record_some, told

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[str]]

EVENTS = int(os.environ.get("STREAM_EVENTS", "2000"))  # in the log when the faults begin
TURNS = int(os.environ.get("STREAM_FAULTS", "11"))
PROGRESS = 100  # events at each replica between two faults
STREAM = "faulty"


class World:
    """A primary with two relays, a cluster of three NATS servers, two replicas; proxies on the way."""

    def __init__(self, primary: Server, copies: list[Server], cluster: list[Nats], start: Start) -> None:
        self.primary, self.copies, self.cluster, self._start = primary, copies, cluster, start
        self.url = ",".join(each.url for each in cluster)
        self.to_nats = [Proxy(each.port) for each in cluster]
        self.to_copy = Proxy(copies[0].port)
        near = ",".join(proxy.url.replace("http://", "nats://") for proxy in self.to_nats)
        through = {"POCKETBASE_URL": self.to_copy.url}
        self._commands = {
            "relay 1": (primary, ("relay", near, "--stream", STREAM, "--replicas", "3"), {}),
            "relay 2": (primary, ("relay", self.url, "--stream", STREAM, "--replicas", "3"), {}),
            "replica 1": (copies[0], ("replica", near, "--stream", STREAM), through),
            "replica 2": (copies[1], ("replica", self.url, "--stream", STREAM), {}),
        }
        self.running = {name: self._begin(name) for name in self._commands}

    def _begin(self, name: str) -> subprocess.Popen[str]:
        server, arguments, env = self._commands[name]
        return self._start(server, *arguments, **env)

    def close(self) -> None:
        for proxy in (*self.to_nats, self.to_copy):
            proxy.close()

    def assert_alive(self) -> None:
        for process in self.running.values():
            assert process.poll() is None, told(process)

    @contextmanager
    def killed(self, name: str) -> Iterator[None]:
        self.running[name].kill()
        self.running[name].wait(DEADLINE)
        yield
        self.running[name] = self._begin(name)

    @contextmanager
    def down(self, server: Server | Nats) -> Iterator[None]:
        server.stop(signal.SIGKILL)
        yield
        server.start()

    @contextmanager
    def cut(self, *proxies: Proxy, silently: bool) -> Iterator[None]:
        for proxy in proxies:
            (proxy.swallow if silently else proxy.refuse)()
        yield
        for proxy in proxies:
            proxy.be_well()

    def leader(self) -> Nats:
        name = eventually(lambda: last_of(self.url, STREAM) and leader_of(self.url, STREAM), "the stream's leader")
        return self.cluster[int(name.removeprefix("n"))]

    def faults(self) -> dict[str, Callable[[], AbstractContextManager[None]]]:
        """What can break, each as a context that mends it in the end."""
        return {
            **{f"{name} killed": partial(self.killed, name) for name in self._commands},
            "the stream's leader killed": lambda: self.down(self.leader()),
            "the primary's PocketBase killed": lambda: self.down(self.primary),
            "a replica's PocketBase killed": lambda: self.down(self.copies[0]),
            "NATS refused": lambda: self.cut(*self.to_nats, silently=False),
            "NATS silent": lambda: self.cut(*self.to_nats, silently=True),
            "a replica's PocketBase refused": lambda: self.cut(self.to_copy, silently=False),
            "a replica's PocketBase silent": lambda: self.cut(self.to_copy, silently=True),
        }


@pytest.fixture
def world(installed_template: Path, tmp_path: Path, start: Start) -> Iterator[World]:
    starting = [start_copy(installed_template, tmp_path / name) for name in ("primary", "copy1", "copy2")]
    primary, *copies = [next(each) for each in starting]
    primary.stop()
    fill_log(primary, EVENTS)
    primary.start()
    with nats_cluster(tmp_path / "cluster") as cluster:
        world = World(primary, copies, cluster, start)
        try:
            yield world
        finally:
            world.close()
            for server in (primary, *copies):
                server.close()


def test_whatever_is_killed_or_cut_replicas_end_up_with_the_primarys_log(world: World) -> None:
    chance = random.Random(18)
    names = [name for _ in range(1 + TURNS // 11) for name in chance.sample(list(world.faults()), len(world.faults()))]
    for turn, name in enumerate(names[:TURNS], 1):
        before = [seq_of(copy) for copy in world.copies]
        with world.faults()[name]():
            NEVER.wait(chance.uniform(0.1, 1.0))  # so long it lasts
        record_some(world.primary, 20, seed=turn, first=100_000 * turn)
        end = seq_of(world.primary)
        eventually(lambda b=before, e=end: went_on(world, b, e), f"progress after: {name}", 180)  # type: ignore[misc]
        world.assert_alive()
    for copy in world.copies:
        eventually(lambda c=copy: seq_of(c) == seq_of(world.primary), "the whole log", deadline=60 + EVENTS / 50)  # type: ignore[misc]
        catches_up(copy, world.primary, *world.running.values())
    assert_same(world.primary, *world.copies)
    found = as_json(world.primary, "verify", "--nats", world.url, "--stream", STREAM)
    assert (found["ok"], found["events"]) == (True, seq_of(world.primary))
    assert as_json(world.copies[0], "check")["differences"] == []


def went_on(world: World, before: list[int], end: int) -> bool:
    """Whether each replica has recorded more, or has everything."""
    return all(seq_of(copy) >= min(seq + PROGRESS, end) for copy, seq in zip(world.copies, before, strict=True))
