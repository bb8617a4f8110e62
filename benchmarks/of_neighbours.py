"""How long another client's plain insert takes while the worker drains a backlog, against a quiet server."""

import subprocess
import time
from collections.abc import Iterator

from support import ITEM_FIELDS, Client, command

from benchmarks.measure import Figure, in_turns, quantile
from benchmarks.of_latency import insert
from benchmarks.of_recording import creates
from benchmarks.world import Worlds, append, check, settled

ROUNDS = 3
BACKLOG = 4_000  # events of a round
QUIET = 150  # inserts of a round without
PAUSE = 0.01  # seconds between two of the neighbour's inserts


def measure(worlds: Worlds) -> Iterator[Figure]:
    """The median, and what one insert of a hundred takes."""
    with worlds.server() as server:
        server.create_collection("plain", ITEM_FIELDS, createRule="")
        client, events = server.guest(), list(creates(ROUNDS * BACKLOG))
        rounds: list[tuple[float, float]] = []
        quiet_rounds: list[tuple[float, float]] = []

        def draining() -> float:
            done = len(rounds) * BACKLOG
            append(server, events[done : done + BACKLOG])
            with command("run", "--once", env=server.environment, stderr=subprocess.DEVNULL) as worker:
                settled(server, done + 1)
                took = []
                while worker.poll() is None:
                    took.append(_insert(client))
            rounds.append((quantile(took, 0.5), quantile(took, 0.99)))
            return rounds[-1][0]

        def quiet() -> float:
            took = [_insert(client) for _ in range(QUIET)]
            quiet_rounds.append((quantile(took, 0.5), quantile(took, 0.99)))
            return quiet_rounds[-1][0]

        in_turns(ROUNDS, draining, quiet)
        check(server, len(events))
    for place, name in enumerate(("median", "p99")):
        yield Figure(
            f"a neighbour's insert while a backlog is drained: {name}",
            [each[place] for each in rounds],
            [each[place] for each in quiet_rounds],
            "ms",
            cost=True,
            against="the same on a quiet server",
        )


def _insert(client: Client) -> float:
    time.sleep(PAUSE)
    return insert(client)
