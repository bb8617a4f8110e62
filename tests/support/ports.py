"""Ports for servers, which nobody else takes between the choice and the start."""

import os
import random
import socket
from collections.abc import Iterator

FIRST, EACH, PROCESSES = 11_000, 2_000, 10  # below the ports that the system gives to clients, and to others that ask


def _ports() -> Iterator[int]:
    """Those of this test process, again and again, from any of them on: another run may go on beside it."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
    first = FIRST + number * EACH
    place = random.randrange(EACH)
    while True:
        yield first + place % EACH
        place += 1


_OURS = _ports()


def free_port() -> int:
    """A port that nobody uses, another one each time."""
    for port in _OURS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError
