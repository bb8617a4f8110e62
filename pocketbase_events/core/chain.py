"""Checks that a sequence of recorded events is intact and, if not, says what was done to it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pocketbase_events.core.events import EMPTY, Head, Recorded, chain_hash
from pocketbase_events.core.schema import quote

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Problem:
    """The event with this seq is not as it was recorded; `reason` is a sentence."""

    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Misfit:
    """An event whose hash is not what it should be: the next event tells which of the two is to blame."""

    event: Recorded
    rightful: str | None  # the hash of its content; None if it can't be computed


class Chain:
    """Checks recorded events in the order of their seq, and goes on after a problem.

    Args:
        first_use: remembers an event id and its seq; returns the earlier seq that had the same id, if any.
    """

    def __init__(self, first_use: Callable[[str, int], int | None]) -> None:
        self._first_use = first_use
        self._before: tuple[str, ...] = ("",)  # the hashes that the next event may rightly follow
        self._misfit: _Misfit | None = None
        self._timestamp = ""  # the latest that is one
        self._aside: Head | None = None  # an event out of order; the next may follow it or the one before
        self.events = 0
        self.head = EMPTY

    def begin_after(self, event: Recorded) -> None:
        """Begin with the event after this one, which was checked elsewhere."""
        self.head, self._before = event.head, (event.hash,)
        self._timestamp = event.timestamp if _TIMESTAMP.fullmatch(event.timestamp) else ""

    def check(self, event: Recorded) -> list[Problem]:
        """Problems of this event, or of the one before it, which this one reveals."""
        self.events += 1
        earlier = self._first_use(event.event_id, event.seq) if event.event_id else None
        if earlier is None and self._is_right(event):
            self._before, self._timestamp, self.head = (event.hash,), event.timestamp, event.head
            return []
        problems = self._fields(event, earlier)
        if self._aside is not None and event.seq == self._aside.seq + 1 != self.head.seq + 1:
            self.head, self._before = self._aside, (self._aside.hash,)
        self._aside = None
        if not isinstance(event.seq, int) or event.seq < max(self.head.seq, 1):
            self._aside = event.head
            return [*problems, Problem(event.seq, f"out of order: seq {event.seq} after {self.head.seq}.")]
        if event.seq > self.head.seq + 1:
            problems += self._settle(follower=None)
            problems.append(self._gap(event.seq))
            self._before = (event.hash,)
        elif event.seq == self.head.seq and self.events > 1:
            problems.append(Problem(event.seq, "duplicate: another event has the same seq."))
            self._before = (*self._before, event.hash)
        else:
            problems += self._link(event)
        if event.timestamp != self._timestamp and _TIMESTAMP.fullmatch(event.timestamp):
            if event.timestamp < self._timestamp:
                problems.append(Problem(event.seq, f"time runs backwards: {event.timestamp} after {self._timestamp}."))
            self._timestamp = event.timestamp
        self.head = event.head
        return problems

    def _is_right(self, event: Recorded) -> bool:
        """Whether this event is right, and no earlier one awaits a verdict: true of every event in most logs."""
        return (
            isinstance(event.seq, int)
            and event.seq == self.head.seq + 1
            and self._misfit is None
            and self._aside is None
            and _hash(event, self.head.hash) == event.hash
            and _UUID4.fullmatch(event.event_id) is not None
            and self._is_in_time(event.timestamp)
        )

    def _is_in_time(self, timestamp: str) -> bool:
        if timestamp == self._timestamp != "":
            return True
        return timestamp > self._timestamp and _TIMESTAMP.fullmatch(timestamp) is not None

    def end(self, head: Head | None = None) -> list[Problem]:
        """Problems of the last event, and of the head if given."""
        follower = None
        if head is not None and head.seq == self.head.seq:
            follower = head.hash
        problems = self._settle(follower=follower)
        if head is not None and head != self.head:
            says, ends = _in_words(head), _in_words(self.head)
            problems.append(Problem(head.seq, f"the head disagrees with the last event: it says {says}, not {ends}."))
        return problems

    def _gap(self, seq: int) -> Problem:
        first, last = self.head.seq + 1, seq - 1
        missing = f"seq {first} is missing" if first == last else f"seq {first} to {last} are missing"
        return Problem(first, f"gap: {missing}.")

    def _link(self, event: Recorded) -> list[Problem]:
        """Check that the event's hash follows from its content and the hash before it."""
        rightful = [_hash(event, before) for before in self._before]
        follows = next((place for place, given in enumerate(rightful) if given == event.hash), None)
        before = self._before[follows] if follows is not None else None
        problems = self._settle(follower=before)
        self._before = (event.hash,)
        if follows is None:
            self._misfit = _Misfit(event, rightful[0])
            if rightful[0] is not None:
                self._before = (event.hash, rightful[0])
        return problems

    def _settle(self, follower: str | None) -> list[Problem]:
        """The problem of an event that does not fit. `follower`: the hash that the next event follows, if any."""
        misfit, self._misfit = self._misfit, None
        if misfit is None:
            return []
        seq = misfit.event.seq
        if follower is not None and follower == misfit.rightful:
            return [Problem(seq, "broken link: its hash was overwritten; its content is what was recorded.")]
        if follower == misfit.event.hash:
            also = f", or seq {seq - 1} was rewritten, hash and all (a broken link)" if seq > 1 else ""
            return [Problem(seq, f"changed: its content no longer gives its hash{also}.")]
        return [
            Problem(seq, "changed, or a broken link: its content and its hash fit neither each other nor what follows.")
        ]

    def _fields(self, event: Recorded, earlier: int | None) -> list[Problem]:
        """Check the fields that the worker sets. `earlier` is the seq before it that has the same event_id, if any."""
        reasons = []
        if not _UUID4.fullmatch(event.event_id):
            reasons.append("its event_id is not a UUID v4." if event.event_id else "lacks its event_id.")
        if not _TIMESTAMP.fullmatch(event.timestamp):
            reasons.append("its timestamp is not a time." if event.timestamp else "lacks its timestamp.")
        if not _HASH.fullmatch(event.hash):
            reasons.append("its hash is not a SHA-256." if event.hash else "lacks its hash.")
        if event.flaw:
            reasons.append(f"its data can't be read: {event.flaw}")
        if earlier is not None:
            reasons.append(f"its event_id is used twice, by seq {earlier} before it.")
        return [Problem(event.seq, reason) for reason in reasons]


def _in_words(head: Head) -> str:
    return f"seq {head.seq} ({quote(head.hash[:8])[1:-1] or 'no hash'})"


def _hash(event: Recorded, before: str) -> str | None:
    """The hash that the event should have; None if it can't be computed."""
    if event.flaw:
        return None
    try:
        return chain_hash(event.hashed, before)
    except ValueError:
        return None
