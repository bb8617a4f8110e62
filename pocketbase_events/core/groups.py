"""Groups: pending events that belong together are recorded whole or rejected whole."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from pocketbase_events.core.events import Pending, Recorded

MAX_GROUP = 100  # events
TOO_LARGE = "At most {most} events may be appended together; this group has {size}. Append them in several groups."
WITH_ANOTHER = "Rejected together with the event {id}, which was rejected: {why}"


def groups_of(events: Sequence[Pending]) -> Iterator[Sequence[Pending]]:
    """The events as groups, in order: neighbours with the same `together` and actor; any other event is one alone."""
    for (together, _), members in groupby(events, key=lambda event: (event.together, event.actor)):
        if together:
            yield list(members)
        else:
            yield from ([member] for member in members)


def recorded_groups(events: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
    """Recorded events as groups, in order: neighbours with the same `together`, actor and time of recording."""
    for (together, *_), members in groupby(events, key=lambda event: (event.together, event.actor, event.timestamp)):
        if together:
            yield list(members)
        else:
            yield from ([member] for member in members)


def first_groups(events: Sequence[Pending], most: int) -> tuple[Sequence[Pending], Sequence[Pending]]:
    """The first events, `most` if no group is cut by that, and the rest. The first group comes whole in any case."""
    end = 0
    for members in groups_of(events):
        if end and end + len(members) > most:
            break
        end += len(members)
        if end >= most:
            break
    return events[:end], events[end:]


def without_last_group(events: Sequence[Pending]) -> Sequence[Pending]:
    """The events of a look without a group at its end, of which the look may not have shown everything.

    A group that fills the whole look is far too large to be recorded: what was seen of it may be rejected.
    """
    if not events or not events[-1].together:
        return events
    *whole, last = groups_of(events)
    return events[: len(events) - len(last)] if whole else events


def rejected_together(members: Sequence[Pending], why: dict[str, str]) -> dict[str, str]:
    """A sentence for every member of a group of which some are rejected: `why`, by record id."""
    first = next(member.id for member in members if member.id in why)
    with_it = WITH_ANOTHER.format(id=first, why=why[first])
    return {member.id: why.get(member.id, with_it) for member in members}


def is_rejected_with_another(why: str) -> bool:
    """Whether an event was rejected with this sentence because of another one of its group."""
    return why.startswith(WITH_ANOTHER.split("{", maxsplit=1)[0])
