"""A replica: its create rule of `events`, which says whose replica it is, and the writes that its events need. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pocketbase_events.core.access import why_unwritable
from pocketbase_events.core.events import Head, Pending, Recorded, chain_hash
from pocketbase_events.core.groups import recorded_groups
from pocketbase_events.core.projection import Change, Refused, Write, merge, project
from pocketbase_events.core.renames import as_named_now
from pocketbase_events.core.schema import WORKER, Target
from pocketbase_events.core.transaction import numbered

WITH_FILES = "it has files, which a stream does not carry. An export does."
_RULE = f"{WORKER} && @request.body.relayed = true"
_WORDS = "// A replica of the stream {stream} at {url} : appends are closed. To open them: replica --promote\n"
_ORIGIN = re.compile(re.escape(_WORDS).replace(r"\{stream\}", r"(?P<stream>\S+)").replace(r"\{url\}", r"(?P<url>\S+)"))


class Origin(NamedTuple):
    """The stream that a replica follows, and the NATS servers that have it."""

    url: str
    stream: str

    def __str__(self) -> str:
        return f"the stream {self.stream} at {self.url}"


@dataclass(frozen=True, slots=True)
class Inapplicable:
    """The event of this seq does nothing that a row here could take, and why."""

    seq: int
    why: str


def replica_rule(origin: Origin) -> str:
    """The create rule of `events` that admits nobody but the replica of this stream."""
    return _WORDS.format(**origin._asdict()) + _RULE


def origin_of(rule: str | None) -> Origin | None:
    """Whose replica it is that has this create rule of `events`; None if it is none."""
    found = _ORIGIN.match(rule or "")
    return Origin(found["url"], found["stream"]) if found else None


def why_not_next(event: Recorded, head: Head) -> str | None:
    """Why an event can't follow a log that ends with `head`; None if it does."""
    if event.seq != head.seq + 1:
        return f"seq {event.seq} comes after {head.seq}."
    try:
        is_linked = chain_hash(event.hashed, head.hash) == event.hash
    except ValueError:
        is_linked = False
    return None if is_linked else f"the hash of seq {event.seq} does not follow from its content and the event before."


def whole_groups(events: Sequence[Recorded], ends: Mapping[int, int], most: int) -> Sequence[Recorded]:
    """The first events, `most` if no group is cut by that, without a group that goes on behind them.

    `ends` has the seq of the last event of its group, by an event's seq. The first group comes whole in any case.
    """
    end = 0
    for members in recorded_groups(events):
        last = members[-1].seq
        goes_on = last == events[-1].seq and ends.get(last, 0) > last
        if goes_on or (end and end + len(members) > most):
            break
        end += len(members)
    return events[:end]


def writes_of(events: Sequence[Recorded], targets: Mapping[str, Target]) -> list[Write] | Inapplicable:
    """The writes that events need which were recorded elsewhere, as their primary has made them."""
    changes: list[Change] = []
    for number, members in enumerate(recorded_groups(events), 1):
        for event in members:
            if event.file_hashes:
                return Inapplicable(event.seq, WITH_FILES)
            target = targets.get(event.collection)
            named = as_named_now(event, target.renamed or ()) if target else event
            change = project(_as_pending(named), named.data, target)
            why = change.why if isinstance(change, Refused) else target and why_unwritable(target)
            if isinstance(change, Refused) or why:
                return Inapplicable(event.seq, str(why))
            changes.append(replace(change, group=number) if event.together else change)
    return numbered(merge(changes, targets), events, targets)


def _as_pending(event: Recorded) -> Pending:
    """The event as it was when its primary judged it; which version of the row it expected is settled."""
    return Pending(event.id, event.type, event.collection, event.item_id, event.actor, "", False, "")
