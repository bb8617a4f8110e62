"""Loading an export into an empty log, each event as it was recorded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pocketbase_events.core.batch import load_requests
from pocketbase_events.core.events import EMPTY, Head, Recorded
from pocketbase_events.core.transaction import Committed
from pocketbase_events.errors import BatchTooLargeError, ProblemError
from pocketbase_events.jobs.check import Watch
from pocketbase_events.jobs.hold import Holding
from pocketbase_events.pb.export_file import BadLine, events_of
from pocketbase_events.pb.gateway import Gateway

AT_ONCE = 200  # events in a transaction
MAX_CHARS = 4_000_000  # of data in a transaction


def check_beginning(path: Path, head: Head) -> None:
    """Make sure that a log which ends with `head` is the beginning of an export, as an empty one always is.

    Raises:
        ProblemError: when it isn't.
    """
    if head == EMPTY:
        return
    for page in events_of(path):
        if any(isinstance(event, Recorded) and event.head == head for event in page):
            return
    raise ProblemError(
        why=f"The log has events already (it ends with seq {head.seq}), and they are not the beginning of {path}."
        " Import into an empty log. Nothing was changed."
    )


def load(path: Path, superuser: Gateway, held: Holding, watch: Watch) -> int:
    """Append and record the events that are not there yet, while the head is held; returns how many.

    An event and its place in the log come in one transaction, and no two events get one seq (a unique index),
    so that it may be interrupted anywhere and done again.

    Raises:
        ProblemError: when PocketBase refuses an event, or somebody else has recorded one.
        TroubleError: when PocketBase can't answer now.
    """
    loaded, at_once = 0, AT_ONCE
    coming = _after(held.head.seq, watch(events_of(path), "importing", 0))
    waiting: list[Recorded] = []
    while waiting := waiting or _some(coming, at_once):
        some = waiting[:at_once]
        try:
            why = superuser.append(load_requests(some))
        except BatchTooLargeError as error:
            at_once = error.half(len(some))
            continue
        if why is not None:
            raise ProblemError(
                why=f"PocketBase refused the events from seq {some[0].seq} to {some[-1].seq}: {why}"
                f" The log ends with seq {held.head.seq}; once that is mended, import again."
            )
        held.moved(some[-1].head)
        loaded, waiting = loaded + len(some), waiting[len(some) :]
        if held.keep() != Committed():
            raise ProblemError(
                why="Somebody else has recorded events meanwhile, so this log goes a way of its own now."
            )
    return loaded


def _after(seq: int, pages: Iterable[Sequence[Recorded | BadLine]]) -> Iterator[Recorded]:
    """The events after a seq, each with a record id that is the same at every attempt."""
    for page in pages:
        for event in page:
            if isinstance(event, Recorded) and event.seq > seq:
                yield replace(event, id=event.event_id.replace("-", "")[-15:])


def _some(events: Iterator[Recorded], most: int) -> list[Recorded]:
    """The next events, as many as fit into a transaction."""
    some: list[Recorded] = []
    size = 0
    for event in islice(events, most):
        some.append(event)
        size += len(str(event.data))
        if size > MAX_CHARS:
            break
    return some
