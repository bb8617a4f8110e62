"""What realtime has told the worker of: enough to record a lone event without a look, or to wait for more of them."""

import threading
import time
from collections.abc import Callable, Collection

from pocketbase_events.core.events import Pending
from pocketbase_events.core.transaction import STAMPED_FROM
from pocketbase_events.pb.realtime import Record
from pocketbase_events.pb.records import heard_of

GATHERING = 0.25  # seconds within which so many events should arrive that they are recorded at once
A_MOMENT = 0.02  # seconds after which it shows whether they will
MORE_SKIPPED, MOST_SKIPPED = 4, 256  # times that this is not tried after it was in vain: so many times more each time
MOST_IDS = 1000  # records of events that are kept


class Heard:
    """The events that realtime told of since it was asked last.

    Args:
        wake: is set whenever realtime tells of something.
        timer: seconds, for durations.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        wake: threading.Event,
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._wake, self._timer, self._sleep = wake, timer, sleep
        self._count, self._latest = 0, dict[str, object]()
        self._ids: list[str] = []
        self._to_skip, self._in_vain = 0, 1

    def told(self, record: Record | None) -> None:
        """Note what realtime has told; None may be anything. Called in the thread of the stream."""
        self._count, self._latest = self._count + 1, dict(record or {})
        if len(self._ids) < MOST_IDS:
            self._ids.append(str(self._latest.get("id", "")))
        self._wake.set()

    def take(self) -> Pending | None:
        """The one event; None if only a look can tell what is pending."""
        count, latest, self._count = self._count, self._latest, 0
        self._ids = []
        try:
            return heard_of(latest) if count == 1 else None
        except KeyError:  # a log that is not upgraded yet, say
            return None

    def gather(self, recorded: Collection[str]) -> None:
        """Wait while events arrive so fast that there are soon enough of them to be recorded at once.

        Appending waits for each transaction, so under a load that never ends, each would find a few events only.
        `recorded` has the records of events that were recorded lately: realtime may be late to tell of them.
        """
        if not self._new(recorded):
            return
        if self._to_skip:
            self._to_skip -= 1
            return
        started = self._timer()
        while (new := self._new(recorded)) < STAMPED_FROM:
            waited = self._timer() - started
            if waited >= A_MOMENT and new * GATHERING < STAMPED_FROM * waited:
                self._in_vain = min(MOST_SKIPPED, MORE_SKIPPED * self._in_vain)
                self._to_skip = self._in_vain
                return
            self._sleep(A_MOMENT / 2)
        self._in_vain = 1

    def _new(self, recorded: Collection[str]) -> int:
        return len({*self._ids}.difference(recorded))
