"""What happened to an item, and the rows as they were."""

from collections.abc import Iterator
from typing import Any

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Fold, changes_of
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.schema import DELETED
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.named_now import log_as_named_now
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.source import Source


def history(source: Source, collection: str, item_id: str) -> Iterator[dict[str, Any]]:
    """Every recorded event of an item, with what it changed: by field, the value before and after.

    Raises:
        WrongUsageError: if the collection is neither attached nor in the log.
    """
    fold = Fold({collection: None})
    for event in _events(source, collection, item_id, _last(source)):
        changes = changes_of(event, fold.rows[collection].get(item_id))
        yield {
            "seq": event.seq,
            "timestamp": event.timestamp,
            "type": event.type,
            "actor": event.actor,
            "changes": {name: list(values) for name, values in changes.items()},
            "reason": event.reason,
            "together": event.together,
        }
        fold.apply([event])
    _refuse_unknown(source, collection, fold)


def rows_at(
    source: Source, collection: str, item_id: str | None, at: int | str | None, watch: Watch
) -> list[dict[str, Json]]:
    """The rows of a collection, or the one named, as the log has them at a seq or a timestamp (None: now).

    Each has its id, the fields that events gave it, and `deleted`.

    Raises:
        WrongUsageError: if the collection is neither attached nor in the log.
    """
    last = _last(source)
    to = min(at, last) if isinstance(at, int) else last
    fold = Fold({collection: None})
    for page in watch(log_as_named_now(source, to, collection, item_id), "reading the log", 0):
        fold.apply(event for event in page if not isinstance(at, str) or event.timestamp <= at)
        if isinstance(at, str) and page and page[-1].timestamp > at:
            break
    _refuse_unknown(source, collection, fold)
    return [{"id": key, **item.fields, DELETED: item.deleted} for key, item in fold.rows[collection].items()]


def _last(source: Source) -> int:
    return source.status().seq


def _events(source: Source, collection: str, item_id: str, to: int) -> Iterator[Recorded]:
    for page in log_as_named_now(source, to, collection, item_id):
        yield from page


def _refuse_unknown(source: Source, collection: str, fold: Fold) -> None:
    """Tell a name that is nowhere from a collection or an item without events."""
    if fold.rows[collection] or collection in source.targets():
        return
    if not any(page for page in source.log(0, _last(source), collection=collection)):
        raise WrongUsageError(why=f"{collection} is not attached, and the log has no event of it. Check the name.")
