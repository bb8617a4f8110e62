"""Making rows what they were at a moment, by events that set back what differs."""

from collections.abc import Collection, Iterator, Sequence

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.undo import ABSENT, State, after, revert
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.named_now import log_as_named_now
from pocketbase_events.jobs.take_back import Proposal, proposal
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.api import Reader


def propose_revert(
    source: Reader, collection: str, item_ids: Sequence[str], to: int | str, *, watch: Watch
) -> Proposal:
    """The events that make the rows of a collection, or those named, what they were at a seq or a timestamp.

    Raises:
        WrongUsageError: if the log has no event of the collection, or of an item.
    """
    head = source.status().sound().ordinary().seq
    now: dict[str, State] = {}
    then: dict[str, State] = {}  # of the items that were changed since
    last: dict[str, Recorded] = {}  # event of each of these items
    for event in _events(source, collection, item_ids, head, watch):
        state = now.get(event.item_id, ABSENT)
        if event.timestamp > to if isinstance(to, str) else event.seq > to:
            then.setdefault(event.item_id, state)
            last[event.item_id] = event
        now[event.item_id] = after(state, event)
    targets = source.targets()
    _expect_known(collection, item_ids, now, is_attached=collection in targets)
    newest_first = sorted(last.values(), key=lambda event: -event.seq)
    items = [revert(event, now[event.item_id], then[event.item_id]) for event in newest_first]
    return proposal(items, f"revert to {f'seq {to}' if isinstance(to, int) else to}", targets, head)


def _events(source: Reader, collection: str, item_ids: Sequence[str], head: int, watch: Watch) -> Iterator[Recorded]:
    for item_id in dict.fromkeys(item_ids) or [None]:
        for page in watch(log_as_named_now(source, head, collection, item_id), "reading the log", 0):
            yield from page


def _expect_known(collection: str, item_ids: Sequence[str], known: Collection[str], *, is_attached: bool) -> None:
    unknown = [item_id for item_id in item_ids if item_id not in known]
    if unknown:
        raise WrongUsageError(why=f"The log has no event of {', '.join(unknown)} in {collection}. Check the names.")
    if not known and not is_attached:
        raise WrongUsageError(why=f"{collection} is not attached, and the log has no event of it. Check the name.")
