"""What comes of a step of the worker's: of a look for work, and of a transaction."""

from dataclasses import dataclass
from enum import Enum, auto

from pocketbase_events.core.transaction import Outcome
from pocketbase_events.errors import BatchTooLargeError, OutcomeUnknownError
from pocketbase_events.jobs.record.blame import SLOW
from pocketbase_events.jobs.record.drafts import Draft, Work


class Step(Enum):
    """What came of looking for work once."""

    IDLE = auto()  # nothing is pending
    PROGRESS = auto()  # something was recorded or rejected
    AGAIN = auto()  # nothing was, and another look will tell more
    CONFLICT = auto()  # another worker was faster
    HELD = auto()  # somebody holds the head


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a page: the step, and the next page if it was made ready meanwhile.

    `more` says whether more may be pending than the latest look has shown.
    """

    step: Step
    ready: Work | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that was sent, what came of it, how long that took, and how long it might have taken."""

    draft: Draft
    outcome: Outcome | BatchTooLargeError | OutcomeUnknownError
    seconds: float
    within: float

    @property
    def is_slow(self) -> bool:
        """Whether PocketBase's batch time-out, of at least 1 s, may have ended it."""
        return self.seconds >= SLOW
