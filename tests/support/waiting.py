"""Waiting for conditions, never for time to pass."""

import threading
import time
from collections.abc import Callable
from typing import Any

NEVER = threading.Event()  # tells nobody to stop
DEADLINE = 60.0  # seconds that a condition may take to come true, on a machine that has much else to do


def eventually(condition: Callable[[], Any], what: str = "the condition", deadline: float = DEADLINE) -> Any:
    """Wait until the condition is truthy, and return what it gave."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {deadline:.0f} s")
