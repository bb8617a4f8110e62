"""One transaction: which events it records and rejects, and what may come of it. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from pocketbase_events.core.access import why_unwritable
from pocketbase_events.core.events import Head, Pending, Recorded, record
from pocketbase_events.core.json_text import Json, UnreadableJsonError, read_data
from pocketbase_events.core.projection import Change, Refused, Write, merge, project
from pocketbase_events.core.schema import Target
from pocketbase_events.errors import TroubleError


@dataclass(frozen=True, slots=True)
class Rejection:
    """A pending event and the sentence that its author will read."""

    event: Pending
    why: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Nobody but `by` records until then (UTC, by PocketBase's clock; "" gives the head free)."""

    by: str
    until: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """Everything that one batch request does: move the head, write rows, record and reject events, in this order.

    With a `hold`, the head is taken, kept or given free by whom it names.
    """

    before: Head
    after: Head
    writes: Sequence[Write] = ()
    recorded: Sequence[Recorded] = ()
    rejections: Sequence[Rejection] = ()
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """The transaction is in the database."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing was written: something is no longer what the transaction was built on."""


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing was written: somebody holds the head."""

    by: str
    until: str


@dataclass(frozen=True, slots=True)
class RowRefused:
    """Nothing was written, since PocketBase refused one write, with this HTTP status.

    `why` is the sentence for the event's author, None if PocketBase gave no reason.
    """

    write: Write
    why: str | None
    status: int = 400

    @property
    def is_explained(self) -> bool:
        """Whether PocketBase's own validation refused it, and said why."""
        return self.why is not None and self.status == 400  # noqa: PLR2004 - as PocketBase's validation answers


@dataclass(frozen=True, slots=True)
class EventRefused:
    """Nothing was written, since PocketBase refused to change the event with this record id, and said `why`.

    `certain` says whether the event's own content is the reason.
    """

    id: str
    why: str
    certain: bool = True


Outcome = Committed | Conflict | Held | RowRefused | EventRefused


@dataclass(slots=True)
class Group:
    """The events of one transaction: those to record with their data and change, and those to reject."""

    events: list[Pending] = field(default_factory=list)
    data: list[Json] = field(default_factory=list)
    changes: list[Change | None] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.events) + len(self.rejections)


def group(
    page: Iterable[Pending], refused: Mapping[str, str], targets: Mapping[str, Target], *, limit: int, most: int
) -> Group:
    """The first events of the page, `most` at most, no more than `limit` to record among them.

    `refused` has the sentence for each event (by its record's id) that PocketBase is known to refuse.

    Raises:
        TroubleError: when rules were edited so that the worker can't write a collection.
    """
    chosen = Group()
    for event in islice(page, most):
        judged = _judge(event, refused, targets)
        if isinstance(judged, Rejection):
            chosen.rejections.append(judged)
            continue
        if len(chosen.events) == limit:
            break
        data, change = judged
        chosen.events.append(event)
        chosen.data.append(data)
        chosen.changes.append(change)
    return chosen


def build(
    chosen: Group,
    head: Head,
    timestamp: str,
    new_id: Callable[[], UUID],
    targets: Mapping[str, Target],
    *,
    merging: bool,
) -> Transaction:
    """The transaction that records and rejects the group after `head`."""
    before = head
    recorded: list[Recorded] = []
    for event, data in zip(chosen.events, chosen.data, strict=True):
        recorded.append(record(event, data, head, str(new_id()), timestamp))
        head = recorded[-1].head
    writes = merge(chosen.changes, targets, merging=merging)
    return Transaction(before, head, writes, recorded, chosen.rejections)


def _judge(
    event: Pending, refused: Mapping[str, str], targets: Mapping[str, Target]
) -> tuple[Json, Change | None] | Rejection:
    if event.id in refused:
        return Rejection(event, refused[event.id])
    try:
        data = read_data(event.data, damaged=event.damaged)
    except UnreadableJsonError as error:
        return Rejection(event, str(error))
    if event.adopted:
        return data, None
    target = targets.get(event.collection)
    change = project(event, data, target)
    if isinstance(change, Refused):
        return Rejection(event, change.why)
    if target is not None and (why := why_unwritable(target)) is not None:
        raise TroubleError(why=why)
    return data, change
