"""What realtime has told the worker of: enough to record a lone event without a look."""

import threading

from pocketbase_events.core.events import Pending
from pocketbase_events.pb.realtime import Record
from pocketbase_events.pb.records import heard_of


class Heard:
    """The event that realtime told of, if it told of one only since it was asked last.

    Args:
        wake: is set whenever realtime tells of something.
    """

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._count, self._latest = 0, dict[str, object]()

    def told(self, record: Record | None) -> None:
        """Note what realtime has told; None may be anything. Called in the thread of the stream."""
        self._count, self._latest = self._count + 1, dict(record or {})
        self._wake.set()

    def take(self) -> Pending | None:
        """The one event; None if only a look can tell what is pending."""
        count, latest, self._count = self._count, self._latest, 0
        try:
            return heard_of(latest) if count == 1 else None
        except KeyError:  # a log that is not upgraded yet, say
            return None
