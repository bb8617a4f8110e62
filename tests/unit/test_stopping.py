"""SIGTERM and SIGINT set events, whatever the main thread does at that moment."""

import signal
import threading

import pytest
from support import DEADLINE

from pocketbase_events.cli.signals import StoppedError, stopping


class Flag(threading.Event):
    """An event whose lock is held for long, as the lock of any event is for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def set(self) -> None:
        assert self.lock.acquire(timeout=3), "for ever, without a time-out"
        super().set()
        self.lock.release()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_meets_a_thread_that_is_about_to_wait_sets_the_events(number: signal.Signals) -> None:
    flag, other = Flag(), threading.Event()
    with stopping(flag, other):
        with flag.lock:
            signal.raise_signal(number)
        assert other.wait(DEADLINE)
        assert flag.is_set()


def test_who_is_stopped_by_force_while_a_lock_is_released_is_stopped() -> None:
    with stopping():
        try:
            raise StoppedError
        finally:
            raise RuntimeError("release unlocked lock")  # as `threading.Condition` does


def test_another_error_is_one() -> None:
    with pytest.raises(RuntimeError), stopping():
        raise RuntimeError("release unlocked lock")
