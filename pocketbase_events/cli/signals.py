"""Stopping politely: SIGTERM and SIGINT set an event, and what stood there before comes back afterwards."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 3.0  # seconds that the transaction under way gets; PocketBase keeps or undoes it as a whole


class StoppedError(BaseException):
    """Raised in the main thread when patience is over. No `except Exception` may swallow it."""


@contextmanager
def stopping(*events: threading.Event) -> Iterator[None]:
    """Set all events at the first SIGTERM or SIGINT; leave the block by force `PATIENCE` seconds later."""

    def stop(_: int, __: FrameType | None) -> None:
        for event in events:
            event.set()
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    def give_up(_: int, __: FrameType | None) -> None:
        raise StoppedError

    handlers: dict[int, Callable[[int, FrameType | None], None]] = {
        signal.SIGTERM: stop,
        signal.SIGINT: stop,
        signal.SIGALRM: give_up,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    except StoppedError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
