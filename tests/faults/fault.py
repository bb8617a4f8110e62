"""What a fault is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from faults.world import World

RECOVERY = 5.0  # seconds after a fault is over within which an event is recorded
TAKEOVER = 10.0  # seconds after a worker is gone within which a standby has recorded one

# What it does; it yields, once it is over, the seconds within which an event must be recorded (None: no promise).
Injection = Callable[[World], Iterator[float | None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break things: how, and in which world."""

    name: str
    inject: Injection
    workers: int = 1
    clients: int = 3
    hot: bool = False  # all clients update one item
    tmpfs: bool = False  # PocketBase's data lie on a disk that is small
    times: int = 2  # in one episode
    blames: bool = False  # whether good events may be rejected, because a hook meets them
    log_lines: int = 16  # that all workers may write for each time, the news of recorded and rejected events aside
    cannot: Callable[[], str] = lambda: ""  # why it can't be injected on this machine


FAULTS: dict[str, Fault] = {}


def fault(**options: Any) -> Callable[[Injection], Injection]:
    """Register a fault under its function's name."""

    def register(inject: Injection) -> Injection:
        name = inject.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, inject, **options)
        return inject

    return register
