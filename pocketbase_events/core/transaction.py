"""One transaction: which events it records and rejects, and what may come of it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from pocketbase_events.core.access import why_unwritable
from pocketbase_events.core.events import Head, Pending, Recorded, record
from pocketbase_events.core.files import File
from pocketbase_events.core.groups import MAX_GROUP, TOO_LARGE, groups_of, rejected_together
from pocketbase_events.core.json_text import Json, UnreadableJsonError, read_data
from pocketbase_events.core.projection import Change, Refused, Write, merge, project
from pocketbase_events.core.schema import SEQ, Target
from pocketbase_events.errors import TroubleError

STAMPED_FROM = 101  # events; fewer are updated one by one, since PocketBase tells subscribers of those updates only


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

    With a `hold`, the head is taken, kept or given free by whom it names. If it is `stamped`, a trigger records the
    events, all at once. If its one event was only `heard` of, that names it with the version of its collection's
    schema, and PocketBase refuses the transaction unless this is the first pending event.
    """

    before: Head
    after: Head
    writes: Sequence[Write] = ()
    recorded: Sequence[Recorded] = ()
    rejections: Sequence[Rejection] = ()
    hold: Hold | None = None
    stamped: bool = False
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """A batch request that brings events which were recorded elsewhere: it appends and records them as they are.

    The head moves before the rows are written. If it is `stamped`, a trigger records the events, all at once. A trigger
    appends them `at_once` as well, for superusers only.
    """

    before: Head
    events: Sequence[Recorded]
    writes: Sequence[Write] = ()
    stamped: bool = False
    at_once: bool = False

    @property
    def after(self) -> Head:
        """The head that it leaves."""
        return self.events[-1].head


@dataclass(frozen=True, slots=True)
class Committed:
    """The transaction is in the database."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing was written: the log or a row has changed since the transaction was built."""


@dataclass(frozen=True, slots=True)
class NotStamped:
    """Nothing was written, since the events could not be recorded at once."""


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing was written: somebody holds the head."""

    by: str
    until: str


@dataclass(frozen=True, slots=True)
class RowRefused:
    """Nothing was written, since PocketBase refused one write, with this HTTP status.

    `why` is the sentence for the event's author, None if PocketBase gave no reason.

    `fields` names the fields at fault, if PocketBase named any.
    """

    write: Write
    why: str | None
    status: int = 400
    fields: frozenset[str] = frozenset()

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


Outcome = Committed | Conflict | Held | NotStamped | RowRefused | EventRefused


@dataclass(slots=True)
class Selection:
    """The events of one transaction: those to record with their data and change, and those to reject.

    `units` counts what PocketBase may be sent alone: an event, a group to record, a rejection. `cut` has the sentence
    for each event, by its record's id, of a rejected group that is too large for one transaction.
    """

    events: list[Pending] = field(default_factory=list)
    data: list[Json] = field(default_factory=list)
    changes: list[Change | None] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    units: int = 0
    cut: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.events) + len(self.rejections)


def select(
    page: Sequence[Pending],
    refused: Mapping[str, str],
    targets: Mapping[str, Target],
    *,
    limit: int,
    most: int,
    largest: int | None = None,
) -> Selection:
    """The first events of the page, `most` at most, no more than `limit` to record among them.

    The first group comes whole, however large it is; only rejections are cut, at `largest`, unless that is None.
    `refused` has the sentence for each event (by its record's id) that PocketBase is known to refuse.

    Raises:
        TroubleError: if rules were edited so that the worker can't write a collection.
    """
    chosen = Selection()
    for number, members in enumerate(groups_of(page), 1):
        if len(chosen) and len(chosen) + len(members) > most:
            break
        judged = [_judge(event, refused, targets) for event in members]
        rejections = _rejections(members, judged)
        if rejections:
            now = _rejected_at_once(len(rejections), largest)
            chosen.rejections += rejections[:now]
            chosen.units += now
            chosen.cut = {each.event.id: each.why for each in rejections[now:]}
            if chosen.cut:
                break
            continue
        if chosen.events and len(chosen.events) + len(members) > limit:
            break
        chosen.units += 1
        accepted = [each for each in judged if not isinstance(each, Rejection)]
        for event, (data, change) in zip(members, accepted, strict=True):
            chosen.events.append(event)
            chosen.data.append(data)
            chosen.changes.append(replace(change, group=number) if change and event.together else change)
    return chosen


def _rejections(members: Sequence[Pending], judged: Sequence["_Accepted | Rejection"]) -> list[Rejection]:
    """The rejections of all members of a group if one of them is rejected."""
    if len(members) > MAX_GROUP:
        why = {members[0].id: TOO_LARGE.format(most=MAX_GROUP, size=len(members))}
    else:
        why = {each.event.id: each.why for each in judged if isinstance(each, Rejection)}
    sentences = rejected_together(members, why) if why else {}
    return [Rejection(event, sentences[event.id]) for event in members if sentences]


def _rejected_at_once(size: int, largest: int | None) -> int:
    """How many events of a rejected group to reject at once: what is left of one that is too large stays too large."""
    if largest is None or size <= largest:
        return size
    return min(largest, size - MAX_GROUP - 1) if size > MAX_GROUP + 1 else largest


def build(
    chosen: Selection,
    head: Head,
    timestamp: str,
    new_id: Callable[[], UUID],
    targets: Mapping[str, Target],
    *,
    merging: bool,
    stamping: bool = False,
) -> Transaction:
    """The transaction that records and rejects the selected events after `head`, many at once if `stamping`."""
    before = head
    recorded: list[Recorded] = []
    for event, data in zip(chosen.events, chosen.data, strict=True):
        recorded.append(record(event, data, head, str(new_id()), timestamp))
        head = recorded[-1].head
    writes = numbered(merge(chosen.changes, targets, merging=merging), recorded, targets)
    stamped = stamping and len(recorded) >= STAMPED_FROM
    return Transaction(before, head, writes, recorded, chosen.rejections, stamped=stamped)


def numbered(writes: list[Write], recorded: Sequence[Recorded], targets: Mapping[str, Target]) -> list[Write]:
    """The writes, each with the seq of the last of its events if the rows of its collection carry one."""
    seqs = {event.id: event.seq for event in recorded if event.file_hashes}
    for write in writes if seqs else ():
        write.fields = {name: _placed(value, seqs) for name, value in write.fields.items()}
    for write in writes:
        if targets[write.collection].versioned:
            write.fields[SEQ] = recorded[write.events[-1]].seq
    return writes


def _placed(value: Json, seqs: Mapping[str, int]) -> Json:
    """The value with its files as those of recorded events, whose seq is given by their record's id."""
    if isinstance(value, list):
        return [_placed(each, seqs) for each in value]
    return value.recorded(seqs[value.event]) if isinstance(value, File) else value


_Accepted = tuple[Json, Change | None]


def _judge(event: Pending, refused: Mapping[str, str], targets: Mapping[str, Target]) -> _Accepted | Rejection:
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
