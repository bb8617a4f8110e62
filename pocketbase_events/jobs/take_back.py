"""Taking changes back: what an undo or a revert would append, and appending it, group by group."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pocketbase_events.core.events import Pending, Recorded
from pocketbase_events.core.files import File, again, files_in
from pocketbase_events.core.groups import MAX_GROUP
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.modifiers import field_of, modifier_of
from pocketbase_events.core.projection import Refused, project
from pocketbase_events.core.schema import DELETED, Target
from pocketbase_events.core.undo import Conflict, Step
from pocketbase_events.core.values import why_unfit
from pocketbase_events.errors import ProblemError, StillPendingError, UnrecordedError
from pocketbase_events.jobs.append import NewEvent, append, new_id
from pocketbase_events.pb.api import Reader
from pocketbase_events.pb.connection import Connection

LOOK_EVERY = 0.05  # seconds between two looks at a group that is pending
MISSED_AFTER = 10.0  # seconds in which nothing is recorded until we say that no worker runs
GENERATED = "PocketBase generated its value, which the log does not know."

Append = Callable[[Sequence[NewEvent]], list[Recorded]]


class LeftOut(NamedTuple):
    """A field that can't be set back today, of so many items, and why."""

    collection: str
    field: str
    why: str
    items: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be appended to take changes back.

    Attributes:
        items: the events, those of one item beside each other, the item that was changed last first.
        reason: of all these events.
        together: of all these events.
        conflicts: what was changed again since.
        forced: whether conflicts are taken back as well, rather than left out.
        left_out: what the collections, as they are now, can't be given.
        head: the seq up to which the log was read.
    """

    items: Sequence[Sequence[Step]]
    reason: str
    together: str
    conflicts: Sequence[Conflict]
    forced: bool
    left_out: Sequence[LeftOut]
    head: int

    @property
    def conflicts_left(self) -> Sequence[Conflict]:
        """The conflicts that are left out."""
        return () if self.forced else self.conflicts

    @property
    def steps(self) -> list[Step]:
        """All events to append, in order."""
        return [step for steps in self.items for step in steps]


@dataclass(frozen=True, slots=True)
class Undone:
    """What `undo` and `revert` did.

    Attributes:
        appended: the events that they appended, as they were recorded. They have the same `together`.
        conflicts: what was left out because it was changed again since: `seq`, `field` and `later_seq`.
        left_out: fields that can't be set back, since the collection is another one now: `field`, `why` and more.
    """

    appended: Sequence[Recorded]
    conflicts: Sequence[Conflict]
    left_out: Sequence[LeftOut]


def proposal(
    items: Sequence[Sequence[Step]],
    reason: str,
    targets: Mapping[str, Target],
    head: int,
    *,
    conflicts: Sequence[Conflict] = (),
    forced: bool = False,
) -> Proposal:
    """What to append for these steps, without those that would be rejected today."""
    left_out: Counter[tuple[str, str, str]] = Counter()
    possible = [kept for steps in items if (kept := _possible(steps, targets, left_out))]
    told = [LeftOut(*facts, count) for facts, count in left_out.items()]
    return Proposal(possible, reason, new_id(), conflicts, forced, told, head)


def _possible(
    steps: Sequence[Step], targets: Mapping[str, Target], left_out: Counter[tuple[str, str, str]]
) -> list[Step]:
    """The steps of an item that can be recorded today; the others are counted."""
    kept = []
    for step in steps:
        why = _why_not(step, targets.get(step.collection))
        if why is None:
            kept.append(step)
        else:
            left_out[step.collection, step.field, why] += 1
    only_marks = len(kept) > 1 and all(step.field == DELETED for step in kept)  # restored and deleted, for nothing
    return [] if only_marks else kept


def _why_not(step: Step, target: Target | None) -> str | None:
    """Why the event would be rejected; None as far as the schema tells."""
    files = [str(file) for file in _files_of(step.data)]
    event = Pending("", step.type, step.collection, step.item_id, "", "", damaged=False, schema_version="", files=files)
    outcome = project(event, _numbered(step.data), target)
    if isinstance(outcome, Refused):
        return outcome.why
    definition = target.field(step.field) if target is not None else None
    if definition is None or step.field == DELETED:
        return None
    if definition.autogenerate and step.new is None:
        return GENERATED
    why = why_unfit(definition, step.new)
    return why and f"it {why}."


def expect_unchanged(source: Reader, proposed: Proposal) -> None:
    """Make sure that nobody has changed since what the proposal sets back.

    Raises:
        ProblemError: if somebody has.
    """
    steps = proposed.steps
    deletes = {(step.collection, step.item_id) for step in steps if step.type == "delete"}
    touched = {
        (step.collection, step.item_id, name)
        for step in steps
        for name in (DELETED, *(() if _is_sum(step) else (step.field,)))
    }
    now = source.status().seq
    for page in source.log(proposed.head, now) if now > proposed.head else ():
        for event in page:
            item = event.collection, event.item_id
            if item in deletes or any((*item, name) in touched for name in _changed_by(event)):
                raise ProblemError(
                    why=f"{event.item_id} in {event.collection} was changed meanwhile (seq {event.seq})."
                    " Nothing was appended. Run the command again."
                )


def _is_sum(step: Step) -> bool:
    """Whether it adds to a value, whatever that is now."""
    return isinstance(step.data, dict) and any(map(modifier_of, step.data))


def _changed_by(event: Recorded) -> Iterator[str]:
    """The fields that an event changes."""
    if event.type != "update" or not isinstance(event.data, dict):
        yield DELETED
    else:
        yield from map(field_of, event.data)


def carry_out(proposed: Proposal, append_group: Append) -> Iterator[list[Recorded]]:
    """Append the events of a proposal, one group after the other; each is recorded before the next one is sent.

    All have the same `together`, by which they can be taken back at once. An item's events stay in one group if it
    has room for them.

    Args:
        proposed: what to append.
        append_group: appends a group, and waits until it is recorded.

    Raises:
        As `append_group` does; the groups before that stay recorded.
    """
    for group in _groups(proposed.items):
        yield append_group(
            [
                NewEvent(
                    step.type,
                    step.collection,
                    step.item_id,
                    _numbered(step.data),
                    reason=proposed.reason,
                    together=proposed.together,
                    files=[again(file) for file in _files_of(step.data)],
                )
                for step in group
            ]
        )


def _files_of(data: Json) -> list[File]:
    """The files of events that an event is to bring back: it gets them as its own."""
    return [file for value in data.values() for file in files_in(value)] if isinstance(data, dict) else []


def _numbered(data: Json) -> Json:
    """The data with the numbers of its files in place of them."""
    numbers = iter(range(len(_files_of(data))))

    def of(value: Json) -> Json:
        if isinstance(value, list):
            return [of(each) for each in value]
        return next(numbers) if isinstance(value, File) else value

    return {name: of(value) for name, value in data.items()} if isinstance(data, dict) else data


def _groups(items: Sequence[Sequence[Step]]) -> Iterator[list[Step]]:
    group: list[Step] = []
    for steps in items:
        if group and len(group) + len(steps) > MAX_GROUP:
            yield group
            group = []
        group += steps
        while len(group) > MAX_GROUP:
            yield group[:MAX_GROUP]
            group = group[MAX_GROUP:]
    if group:
        yield group


def patient_append(connection: Connection, source: Reader) -> Append:
    """Appends a group, and waits as long as a worker is at work.

    The function that it returns raises what `append` raises, and
        UnrecordedError: if the group is pending, and nothing at all is recorded for a while.
    """

    def append_group(events: Sequence[NewEvent]) -> list[Recorded]:
        flag, status = threading.Event(), source.status()
        while True:
            before = status.seq, status.rejected
            try:
                return append(
                    connection, events, flag, timer=time.monotonic, within=MISSED_AFTER, look_every=LOOK_EVERY
                )
            except StillPendingError:
                status = source.status()
                if not status.held and before == (status.seq, status.rejected):
                    raise UnrecordedError(ids=[event.id for event in events], seconds=MISSED_AFTER) from None

    return append_group
