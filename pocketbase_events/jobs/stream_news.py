"""What a relay and a replica tell of their work: one line a second at most."""

from collections.abc import Callable

EVERY = 1.0  # seconds


class StreamNews:
    """Tells how many events were passed on, and up to which seq.

    Args:
        write: writes a line, of so many events up to this seq.
        timer: seconds, for durations.
    """

    def __init__(self, write: Callable[[int, int], None], timer: Callable[[], float]) -> None:
        self._write = write
        self._timer = timer
        self._count = self._seq = 0
        self._next = timer()

    def passed(self, count: int, seq: int) -> None:
        """Note that so many events were passed on, the last one with this seq, and tell it if it is time."""
        self._count, self._seq = self._count + count, seq
        self.rest()

    def rest(self) -> None:
        """Tell what was not told yet if it is time."""
        if self._timer() >= self._next:
            self.tell()

    def tell(self) -> None:
        """Tell what was not told yet."""
        if self._count:
            self._write(self._count, self._seq)
            self._next = self._timer() + EVERY
        self._count = 0
