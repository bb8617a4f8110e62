"""Taking recorded events back, by events that do the opposite."""

from collections.abc import Collection, Mapping, Sequence

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.undo import Conflict, Step, undo
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.named_now import log_as_named_now
from pocketbase_events.jobs.take_back import Proposal, proposal
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.api import Reader

EVENTS_A_REQUEST = 100  # that can be read in the time in which PocketBase answers another request
MAX_REASON = 1000  # characters
NAMED = 10  # seqs, if a reason has no room for all

ItemKey = tuple[str, str]  # its collection and its id


def propose_undo(source: Reader, seqs: Collection[int], together: str = "", *, force: bool, watch: Watch) -> Proposal:
    """The events that take back those with these seqs, or those that were appended together.

    Args:
        source: PocketBase, seen by whoever may read the log.
        seqs: of recorded events.
        together: what events have in common, instead of seqs.
        force: take back as well what was changed again since.
        watch: shows progress.

    Raises:
        WrongUsageError: if the log has no such event.
        ReplicaError: if the log is another one's replica.
    """
    head = source.status().sound().ordinary().seq
    known = sorted(seq for seq in {*seqs} if seq <= head)
    events = source.together(together, head) if together else source.recorded(known)
    _expect_all(events, seqs, together)
    wanted: dict[ItemKey, set[int]] = {}
    for event in reversed(events):
        wanted.setdefault((event.collection, event.item_id), set()).add(event.seq)
    histories = _histories(source, wanted, head, watch)
    items: list[list[Step]] = []
    conflicts: list[Conflict] = []
    for item, own in wanted.items():
        plan = undo(histories[item], own, force=force)
        items.append(plan.steps)
        conflicts += plan.conflicts
    left = set() if force else {conflict.seq for conflict in conflicts}
    reason = _reason([event.seq for event in events if event.seq not in left])
    conflicts.sort(key=lambda conflict: conflict.seq)
    return proposal(items, reason, source.targets(), head, conflicts=conflicts, forced=force)


def _expect_all(events: Sequence[Recorded], seqs: Collection[int], together: str) -> None:
    missing = sorted({*seqs} - {event.seq for event in events})
    if together and not events:
        raise WrongUsageError(why=f"The log has no events that were appended together as {together}.")
    if not together and missing:
        raise WrongUsageError(why=f"The log has no event with seq {', '.join(map(str, missing[:NAMED]))}.")


def _histories(
    source: Reader, wanted: Mapping[ItemKey, object], head: int, watch: Watch
) -> dict[ItemKey, list[Recorded]]:
    """Every recorded event of these items. A collection's log is read in one go if that takes fewer requests."""
    found: dict[ItemKey, list[Recorded]] = {item: [] for item in wanted}
    for collection in dict.fromkeys(name for name, _ in wanted):
        ids = [item_id for name, item_id in wanted if name == collection]
        ways = [None] if len(ids) * EVENTS_A_REQUEST > head else ids
        for way in ways:
            for page in watch(log_as_named_now(source, head, collection, way), "reading the log", 0):
                for event in page:
                    if (event.collection, event.item_id) in found:
                        found[event.collection, event.item_id].append(event)
    return found


def _reason(seqs: Sequence[int]) -> str:
    whole = f"undo of seq {', '.join(map(str, seqs))}"
    if len(whole) <= MAX_REASON:
        return whole
    return f"undo of seq {', '.join(map(str, seqs[:NAMED]))} and {len(seqs) - NAMED} more"
