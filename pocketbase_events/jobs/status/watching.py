"""Looking at the log for as long as somebody watches."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.status import Report, report
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Status

LOOK_EVERY = 2.0  # seconds; one request
REPORT_EVERY = 30.0  # seconds between two looks for problems, some ten requests
RATE_OVER = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen in one look.

    Attributes:
        report: the latest report, with what the latest look has seen; None if there was none yet.
        rate: events recorded a second, over the last ten seconds; None while it is unknown.
        delay: seconds from the append of the last recorded event to its record.
        trouble: why PocketBase can't be looked at; "" if it can.
    """

    report: Report | None = None
    rate: float | None = None
    delay: float = 0.0
    trouble: str = ""


def watch(
    gateway: Gateway, pause: Callable[[float], bool], now: Callable[[], datetime], timer: Callable[[], float]
) -> Iterator[Sight]:
    """A sight every two seconds, until `pause` returns true. Trouble with PocketBase is waited out.

    Args:
        gateway: PocketBase, seen as the worker.
        pause: waits so many seconds; true if it is time to stop.
        now: the time.
        timer: seconds, for durations.

    Raises:
        PocketBaseEventsError: if there is no log, or PocketBase refuses the credentials.
    """
    rate, seen, reported_at = _Rate(), Sight(), timer()
    while True:
        try:
            status = gateway.status()
            found = seen.report
            if found is None or timer() - reported_at >= REPORT_EVERY:
                found, reported_at = report(gateway, pause, now), timer()
            seen = Sight(found.after(status), rate.after(status), status.last_delay)
        except TroubleError as error:
            reported_at = -REPORT_EVERY  # what was wrong before may not be any more
            seen = replace(seen, rate=None, trouble=str(error))
        yield seen
        if pause(LOOK_EVERY):
            return


class _Rate:
    """How fast the log grows, by PocketBase's clock."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def after(self, status: Status) -> float | None:
        """Events a second; None at the first look, and after the log went back."""
        at = datetime.fromisoformat(status.now).timestamp()
        if self._seen and (status.seq < self._seen[-1][1] or at <= self._seen[-1][0]):
            self._seen.clear()
        self._seen.append((at, status.seq))
        while len(self._seen) > 2 and at - self._seen[1][0] >= RATE_OVER:  # noqa: PLR2004 - a rate needs two
            self._seen.popleft()
        (first_at, first), (last_at, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else None
