"""Putting rows that were there before the log under it: an event for each, recorded without touching the row."""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from pocketbase_events.core.batch import append_request
from pocketbase_events.core.fold import Fold, Row, difference
from pocketbase_events.core.json_text import Json, Unreadable, UnreadableJsonError, read_json
from pocketbase_events.core.schema import DELETED, Target
from pocketbase_events.core.values import same
from pocketbase_events.errors import BatchTooLargeError, ProblemError
from pocketbase_events.jobs.attach import attach, freeze, thaw
from pocketbase_events.jobs.record import settle, worker
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.admin import Admin
from pocketbase_events.pb.connect import gateway, superuser_gateway
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.settings import Settings

AT_ONCE = 250  # rows whose events are appended in one transaction; each may need two


@dataclass(frozen=True, slots=True)
class Adopted:
    """What adopting a collection did.

    Attributes:
        rows: how many rows were adopted.
        gone: the ids of items that the log has and the collection has not.
        looked_into: as `attach` returns it.
    """

    rows: int
    gone: list[str]
    looked_into: set[str]


def adopt(
    settings: Settings, admin: Admin, name: str, rules: dict[str, str], *, lock: bool | None, watch: Watch
) -> Adopted:
    """Attach a collection with the rows that it has: record a create event for each.

    Until that is done nobody writes the rows, and no event about them is admitted. Interrupted, run it again:
    rows that the log explains are left alone.

    Raises:
        WrongUsageError: if the collection can't be attached or a rule is wrong; nothing is changed then.
        ProblemError: if a row holds what no event can; superusers may write the rows again then.
        TroubleError: if PocketBase can't answer now.
    """
    with gateway(settings) as seen, superuser_gateway(settings) as superuser:
        seen.token()  # without a worker the collection would stay frozen
        target = freeze(admin, name, rules, lock=lock)
        rows, gone = 0, list[str]()
        if target is not None:
            try:
                rows, gone = _record_rows(seen, superuser, target, watch)
            except ProblemError:
                thaw(admin, name)
                raise
        return Adopted(rows, gone, attach(admin, name, rules, lock=lock, adopted=True))


def _record_rows(seen: Gateway, superuser: Gateway, target: Target, watch: Watch) -> tuple[int, list[str]]:
    """Append a create event for each row that the log does not explain, and record it.

    Returns how many, and the ids of items that the log has and the collection has not.
    """
    recorder, never = worker(seen), threading.Event()
    settle(recorder, never)
    name = target.collection
    fold = Fold({name: target})
    for events in seen.log(0, seen.status().sound().seq, collection=name):
        fold.apply(events)
    items, adopted = fold.rows[name], 0
    gone = set(items)
    for page in watch(superuser.rows(target), f"adopting {name}", 0):
        rows = {str(row["id"]): row for row in page}
        gone -= rows.keys()
        unexplained = [row for key, row in rows.items() if difference(target, key, items.get(key), row) is not None]
        for some in _append(superuser, target, unexplained):
            settle(recorder, never)
            adopted += some
    return adopted, sorted(gone)


def _append(superuser: Gateway, target: Target, rows: Sequence[Row]) -> Iterator[int]:
    """Append the events of the rows, in as few transactions as PocketBase admits; says of how many rows each time."""
    at_once = AT_ONCE
    while rows:
        some = rows[:at_once]
        requests = [append_request(**event) for row in some for event in _events_of(target, row)]
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


def _events_of(target: Target, row: Row) -> Iterator[dict[str, Json]]:
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
    yield {**event, "id": uuid4().hex[-15:], "type": "create", "data": data}
    if row.get(DELETED):
        yield {**event, "id": uuid4().hex[-15:], "type": "delete", "data": None}


def _refuse_unreadable(value: Json) -> None:
    """Make sure that all of a value could be read.

    Raises:
        UnreadableJsonError: when not.
    """
    if isinstance(value, Unreadable):
        raise UnreadableJsonError(f"{value}.")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_unreadable(inner)
