"""What a replica does with the messages of a stream: check each, and record them with their rows."""

import math
import threading
import time
from collections.abc import Iterable, Sequence

from pocketbase_events.core.batch import MAX_CHARS
from pocketbase_events.core.events import EMPTY, Head, Recorded
from pocketbase_events.core.replica import Inapplicable, Origin, whole_groups, why_not_next, writes_of
from pocketbase_events.core.schema import Target
from pocketbase_events.core.transaction import (
    STAMPED_FROM,
    Committed,
    EventRefused,
    Held,
    Load,
    NotStamped,
    Outcome,
    RowRefused,
)
from pocketbase_events.errors import BatchTooLargeError, OutcomeUnknownError, ProblemError, StreamTroubleError
from pocketbase_events.jobs.import_log import ONE_BY_ONE, what_to_do, with_id
from pocketbase_events.jobs.record.presence import Presence
from pocketbase_events.jobs.record.trouble import Trouble
from pocketbase_events.jobs.stream_news import StreamNews
from pocketbase_events.logs import log
from pocketbase_events.pb.export_file import BadLine
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.stream.messages import Message
from pocketbase_events.stream.stream import Reading

READ_AHEAD = 1000  # messages
STOPS_WITHIN = 0.25  # seconds
LOOK_EVERY = 10.0  # seconds between two looks at the log here
HELD_FOR = 0.5  # seconds between two attempts while somebody holds the head


class Copier:
    """Records the events of a stream. It knows where the log ends here, and how many fit into a transaction.

    Args:
        gateway: PocketBase, seen as the worker.
        origin: the stream.
        stop: ends it, after the transaction under way.
    """

    def __init__(self, gateway: Gateway, origin: Origin, stop: threading.Event) -> None:
        self.head = EMPTY
        self.news = StreamNews(_tell, time.monotonic)
        self._gateway, self._origin, self._stop = gateway, origin, stop
        self._presence = Presence(gateway, time.monotonic)
        self._targets: dict[str, Target] = {}
        self._stamping = False
        self._at_once = ONE_BY_ONE
        self._looked_at = -math.inf

    def look(self) -> None:
        """See where the log ends here, and that this is a replica still.

        Raises:
            ProblemError: if it isn't.
            ContradictionError: if the log contradicts itself.
            TroubleError: if PocketBase can't answer now.
        """
        status = self._gateway.status().sound()
        if status.origin != self._origin:
            what = f"a replica of {status.origin}" if status.origin else "no replica any more: it was promoted"
            raise ProblemError(why=f"This PocketBase is {what}. Nothing of {self._origin} is recorded here.")
        self.head, self._stamping = status.head, status.stamping
        self._targets = self._gateway.targets()
        self._looked_at = time.monotonic()
        self._presence.looked(status)

    def copy(self, reading: Reading, trouble: Trouble) -> None:
        """Record what comes, until it is time to stop, or somebody else has recorded something.

        Raises:
            ProblemError: if an event does not follow the one before, or can't be recorded here.
            TroubleError: if PocketBase or NATS can't do it now.
        """
        waiting: list[Recorded] = []
        ends: dict[int, int] = {}  # of groups, by the seqs of their events
        while not self._stop.is_set():
            if len(waiting) < READ_AHEAD:
                is_ready = whole_groups(waiting, ends, 1)
                came = reading.next(READ_AHEAD, 0.0 if is_ready else STOPS_WITHIN)
                ends |= {message.seq: message.group_end for message in came}
                waiting += self._checked(came, waiting[-1].head if waiting else self.head)
            some = whole_groups(waiting, ends, min(self._at_once, _within_size(waiting)))
            done = self._record(some) if some else 0
            if done is None:
                return
            for event in waiting[:done]:
                del ends[event.seq]
            del waiting[:done]
            trouble.is_over()
            self.news.rest()
            if time.monotonic() - self._looked_at > LOOK_EVERY:
                self.look()

    def _checked(self, messages: Iterable[Message], head: Head) -> Iterable[Recorded]:
        """The events of messages, each of which follows the one before; the first one follows `head`.

        Raises:
            ProblemError: if one doesn't.
            StreamTroubleError: if the stream begins anew.
        """
        for message in messages:
            if message.seq <= head.seq:
                raise StreamTroubleError(why="the stream begins anew.")
            event = message.event
            why = f"it is no event: {event.why}" if isinstance(event, BadLine) else why_not_next(event, head)
            if isinstance(event, BadLine) or why is not None:
                raise ProblemError(why=_broken(message.seq, head, str(why), self._origin))
            head = event.head
            yield with_id(event)

    def _record(self, events: Sequence[Recorded]) -> int | None:
        """Record events with their rows, all or none. How many; None if somebody else has recorded some.

        Raises:
            ProblemError: if one can't be recorded here.
            TroubleError: if PocketBase can't do it now.
        """
        stamped = self._stamping and len(events) >= STAMPED_FROM
        outcome = self._try(events, stamped=stamped)
        if isinstance(outcome, Inapplicable | RowRefused):
            self._targets = self._gateway.targets()  # the schema was edited, maybe
            outcome = self._try(events, stamped=stamped)
        elif isinstance(outcome, NotStamped):
            outcome = self._try(events, stamped=False)
        match outcome:
            case Committed():
                self.head, self._at_once = events[-1].head, min(ONE_BY_ONE, 2 * self._at_once)
                self.news.passed(len(events), self.head.seq)
                return len(events)
            case BatchTooLargeError() as error:
                self._at_once = error.half(len(events))
            case Held():
                self._stop.wait(HELD_FOR)
            case Inapplicable(seq, why):
                raise ProblemError(why=_unlike(seq, why))
            case RowRefused(write, why):
                raise ProblemError(why=_unlike(events[write.events[-1]].seq, why or "PocketBase gives no reason."))
            case EventRefused(id_, why) if self._gateway.status().head == self.head:
                raise ProblemError(why=_refused(events, id_, why))
            case _:
                return None
        return 0

    def _try(self, events: Sequence[Recorded], *, stamped: bool) -> Outcome | Inapplicable | BatchTooLargeError:
        """Send a transaction.

        Raises:
            TroubleError: if PocketBase can't do it now, or nobody knows whether it did.
        """
        writes = writes_of(events, self._targets)
        if isinstance(writes, Inapplicable):
            return writes
        try:
            return self._gateway.load(Load(self.head, events, writes, stamped))
        except BatchTooLargeError as error:
            return error
        except OutcomeUnknownError:
            self._at_once = max(1, len(events) // 2)
            raise


def _tell(events: int, seq: int) -> None:
    log.info("replicated", events=events, seq=seq)


def _within_size(events: Sequence[Recorded]) -> int:
    """How many of the events fit into a transaction; 1 at least."""
    size = 0
    for count, event in enumerate(events):
        size += len(str(event.data))
        if size > MAX_CHARS:
            return max(1, count)
    return max(1, len(events))


def _broken(seq: int, head: Head, why: str, origin: Origin) -> str:
    advice = "Nothing of it was recorded. Compare the stream with the primary's log: pocketbase-events verify --nats"
    if seq > head.seq + 1:
        advice = "Earlier messages are gone from the stream: load an export of the primary here (import), then go on"
    return (
        f"The message {seq} of {origin} does not follow the log here, which ends with seq {head.seq}: {why} {advice}."
    )


def _unlike(seq: int, why: str) -> str:
    return (
        f"The event of seq {seq} can't be applied here, as it was at the primary: {why} Nothing of it was recorded."
        " Make the collections here what they are there (fields, rules, attach), and the rows what the log says"
        " (check, rebuild), then start the replica again. If only the past had such fields, load an export of the"
        " primary: pocketbase-events import"
    )


def _refused(events: Sequence[Recorded], id_: str, why: str) -> str:
    seq = next(event.seq for event in events if event.id == id_)
    return f"PocketBase refused the event of seq {seq}: {why} {what_to_do(why)}, then start the replica again."
