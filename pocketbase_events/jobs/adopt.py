"""Putting rows that were there before the log under it: an event for each, recorded without touching the row."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from pocketbase_events.core.batch import append_request
from pocketbase_events.core.fold import Fold, Row, difference
from pocketbase_events.core.json_text import Json, Unreadable, UnreadableJsonError, read_json
from pocketbase_events.core.schema import DELETED, Target
from pocketbase_events.core.values import same
from pocketbase_events.errors import BatchTooLargeError, ProblemError
from pocketbase_events.jobs.check import Watch
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Source

AT_ONCE = 250  # rows whose events are appended in one transaction; each may need two


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many rows were adopted, and the ids of items that the log has and the collection has not."""

    rows: int
    gone: list[str]


def adopt(
    source: Source,
    superuser: Gateway,
    target: Target,
    settle: Callable[[], None],
    new_id: Callable[[], UUID],
    watch: Watch,
) -> Adopted:
    """Append a create event for each row that the log does not explain, and have it recorded.

    The rows must not change meanwhile: nobody may write them, and no event may be about them, until the
    collection is attached. Interrupted, it may be done again: `settle`, which returns once nothing is pending,
    is called first, and what the log explains then is left alone.

    Raises:
        ProblemError: when a row holds what no event can.
        TroubleError: when PocketBase can't answer now.
    """
    settle()
    name = target.collection
    fold = Fold({name: target})
    for events in source.log(0, source.status().sound().seq, collection=name):
        fold.apply(events)
    items, adopted = fold.rows[name], 0
    gone = set(items)
    for page in watch(source.rows(target), f"adopting {name}", 0):
        rows = {str(row["id"]): row for row in page}
        gone -= rows.keys()
        unexplained = [row for key, row in rows.items() if difference(target, key, items.get(key), row) is not None]
        for some in _append(superuser, target, unexplained, new_id):
            settle()
            adopted += some
    return Adopted(adopted, sorted(gone))


def _append(superuser: Gateway, target: Target, rows: Sequence[Row], new_id: Callable[[], UUID]) -> Iterator[int]:
    """Append the events of the rows, in as few transactions as PocketBase admits; says of how many rows each time."""
    at_once = AT_ONCE
    while rows:
        some = rows[:at_once]
        requests = [append_request(**event) for row in some for event in _events_of(target, row, new_id)]
        try:
            why = superuser.append(requests)
        except BatchTooLargeError as error:
            if len(some) == 1:
                raise ProblemError(
                    why=f"The row {some[0]['id']} of {target.collection} is larger than PocketBase's batch API takes"
                    " (Batch max body size). Make it smaller, or raise the limit, then run attach --adopt again."
                ) from None
            at_once = error.half(len(some))
            continue
        if why is not None:
            raise ProblemError(why=f"PocketBase refused the events of the rows from {some[0]['id']} on: {why}")
        yield len(some)
        rows = rows[len(some) :]


def _events_of(target: Target, row: Row, new_id: Callable[[], UUID]) -> Iterator[dict[str, Json]]:
    """The events that a row comes to: its create and, where it is marked as deleted, its delete."""
    data = {field.name: row.get(field.name) for field in target.settable if not same(field, row.get(field.name), None)}
    try:
        _refuse_unreadable(data)
        read_json(json.dumps(data))
    except UnreadableJsonError as error:
        raise ProblemError(
            why=f"The row {row['id']} of {target.collection} holds what no event can: {error} Change the row, then"
            " run attach --adopt again."
        ) from None
    event = {"collection": target.collection, "item_id": row["id"], "actor": "", "adopted": True}
    yield {**event, "id": new_id().hex[-15:], "type": "create", "data": data}
    if row.get(DELETED):
        yield {**event, "id": new_id().hex[-15:], "type": "delete", "data": None}


def _refuse_unreadable(value: Json) -> None:
    """Make sure that all of a value could be read.

    Raises:
        UnreadableJsonError: when not.
    """
    if isinstance(value, Unreadable):
        raise UnreadableJsonError(f"{value}.")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_unreadable(inner)
