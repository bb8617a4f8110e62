"""Stopping politely: SIGTERM and SIGINT set an event, and what stood there before comes back afterwards."""

import _thread
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

    def set_all() -> None:
        for event in events:
            event.set()

    def stop(_: int, __: FrameType | None) -> None:
        # The main thread may be about to wait for one of them, and hold its lock.
        _thread.start_new_thread(set_all, ())
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
    except RuntimeError as error:  # as Python raises if the other one comes where a lock is released
        if not isinstance(error.__context__, StoppedError):
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
