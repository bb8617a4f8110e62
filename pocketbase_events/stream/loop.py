"""An event loop in a thread of its own: nats-py is asyncio, and the rest of the program is not."""

import asyncio
from collections.abc import Coroutine
from threading import Thread
from typing import Any, TypeVar

ENDS_WITHIN = 1.0  # seconds; nats-py may not end at all
Result = TypeVar("Result")


class Loop:
    """Runs coroutines for callers that wait."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """End whatever still runs, and the thread."""
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=ENDS_WITHIN)
