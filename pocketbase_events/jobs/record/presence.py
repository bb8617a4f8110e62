"""Showing that a worker is there: the time of its last look, in its own account's record."""

from collections.abc import Callable
from contextlib import suppress

from pocketbase_events.errors import PocketBaseEventsError
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Status

SHOWN_EVERY = 30.0  # seconds


class Presence:
    """Shows that the worker has looked, twice a minute at most.

    Args:
        gateway: PocketBase, seen as the worker.
        timer: seconds, for durations.
    """

    def __init__(self, gateway: Gateway, timer: Callable[[], float]) -> None:
        self._gateway = gateway
        self._timer = timer
        self._next = timer()

    def looked(self, status: Status) -> None:
        """Show that this status was read just now. Recording does not depend on it, so a failure is no trouble."""
        if self._timer() < self._next:
            return
        self._next = self._timer() + SHOWN_EVERY
        with suppress(PocketBaseEventsError):
            self._gateway.show_seen(status.now)
