"""Hold the head: for a while, by PocketBase's clock, nobody else records."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from pocketbase_events.core.events import Head, timestamp_of
from pocketbase_events.core.projection import Write
from pocketbase_events.core.transaction import Committed, Hold, Outcome, Transaction
from pocketbase_events.errors import HeldError, PocketBaseEventsError
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Page

LEASE = 3.0  # seconds that a hold lasts unless it is renewed, and at most after its holder has died
RENEW_AFTER = 1.0  # seconds
PATIENCE = 60.0  # seconds to wait for somebody else's hold to end
LOOK_EVERY = 0.2  # seconds


class Holding:
    """A hold, in force as long as it is renewed. Every `write` renews it.

    Args:
        gateway: PocketBase, seen as the worker.
        by: the holder's name, unique, as `status` shows it.
        timer: seconds, for durations.
        sleep: waits for so many seconds.
    """

    def __init__(self, gateway: Gateway, by: str, timer: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.gateway = gateway
        self._by = by
        self._timer = timer
        self._sleep = sleep
        self._server_time = datetime.min.replace(tzinfo=UTC)  # by PocketBase's clock, when our timer said `_read_at`
        self._read_at = self._renewed_at = self._taken_at = 0.0
        self.head = Head(0, "")
        self.seconds = 0.0  # for how long the head was held; set by `release`

    def take(self) -> None:
        """Hold the head where the log ends now.

        Raises:
            HeldError: when somebody else holds it and does not let go.
            ContradictionError: when the log contradicts itself.
            TroubleError: when PocketBase can't answer now.
        """
        started = self._timer()
        while True:
            status = self.gateway.status().sound()
            self.head, self._read_at = status.head, self._timer()
            self._server_time = datetime.fromisoformat(status.now)
            foreign = status.held and status.hold_by != self._by
            if not foreign and self.write(()) == Committed():
                self._taken_at = self._taken_at or self._renewed_at
                return
            if self._timer() - started > PATIENCE:
                raise HeldError(by=status.hold_by, until=status.hold_until)
            self._sleep(LOOK_EVERY)

    def write(self, writes: Sequence[Write]) -> Outcome:
        """Write rows and renew the hold in one transaction. It fails if the hold was lost to a newer event."""
        self._renewed_at = self._timer()
        until = self._server_time + timedelta(seconds=self._timer() - self._read_at + LEASE)
        hold = Hold(self._by, timestamp_of(until))
        return self.gateway.transact(Transaction(self.head, self.head, writes, hold=hold))

    def keep(self) -> Outcome:
        """Renew the hold if that is due."""
        return self.write(()) if self._timer() - self._renewed_at > RENEW_AFTER else Committed()

    def keeping(self, watch: Watch) -> Watch:
        """A watch that keeps the hold while pages pass through it."""

        def kept(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
            for page in watch(pages, what, total):
                self.keep()
                yield page

        return kept

    def moved(self, head: Head) -> None:
        """Note that we ourselves have moved the head."""
        self.head = head

    def release(self) -> None:
        """Let go. If that fails, the hold ends by itself."""
        self.seconds, self._taken_at = self._timer() - self._taken_at, 0.0
        with suppress(PocketBaseEventsError):
            self.gateway.transact(Transaction(self.head, self.head, hold=Hold(self._by, "")))


@contextmanager
def holding(held: Holding) -> Iterator[Holding]:
    """Hold the head for as long as the block lasts."""
    held.take()
    try:
        yield held
    finally:
        held.release()


def hold_of(gateway: Gateway, what: str) -> Holding:
    """A hold of this process, named after its work, its machine and its process id."""
    by = f"{what} {socket.gethostname()[:40]}:{os.getpid()} {secrets.token_hex(4)}"
    return Holding(gateway, by, timer=time.monotonic, sleep=time.sleep)
