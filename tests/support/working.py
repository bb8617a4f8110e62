"""A worker in a thread of the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pocketbase_events import Account, EventLog
from support import DEADLINE, WORKER, Server

AS_WORKER = Account(*WORKER, "event_workers")


@contextmanager
def working(server: Server) -> Iterator[None]:
    """A worker, as long as the block lasts."""
    stop = threading.Event()
    with EventLog(server.url, AS_WORKER) as log:
        thread = threading.Thread(target=log.run_worker, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(DEADLINE)
    assert not thread.is_alive()
