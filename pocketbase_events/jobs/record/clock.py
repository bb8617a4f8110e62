"""The time for timestamps: this machine's, compared with PocketBase's, since a wrong timestamp stays for good."""

from collections.abc import Callable
from datetime import datetime, timedelta

from pocketbase_events.core.events import timestamp_of
from pocketbase_events.errors import WrongClockError

TOLERANCE = timedelta(minutes=1)  # between the two clocks


class Clock:
    """This machine's clock, believed as long as it agrees with PocketBase's.

    Args:
        now: the time by this machine's clock.
        timer: seconds, for durations; setting the clock does not change it.
    """

    def __init__(self, now: Callable[[], datetime], timer: Callable[[], float]) -> None:
        self._now = now
        self._timer = timer
        self._compared: tuple[datetime, float] | None = None  # PocketBase's time, and what our timer said then

    def compare(self, theirs: str) -> None:
        """Compare with PocketBase's time, as it is just now.

        Raises:
            WrongClockError: if the clocks differ by more than a minute.
        """
        self._compared = datetime.fromisoformat(theirs), self._timer()
        self.time()

    def time(self) -> datetime:
        """The time by this machine's clock.

        Raises:
            WrongClockError: if it seems to differ from PocketBase's by more than a minute: one of them
                may have been set since they were compared.
        """
        ours = self._now()
        if self._compared is not None:
            theirs = self._compared[0] + timedelta(seconds=self._timer() - self._compared[1])
            if abs(ours - theirs) > TOLERANCE:
                raise WrongClockError(ours=timestamp_of(ours)[:19], theirs=timestamp_of(theirs)[:19])
        return ours
