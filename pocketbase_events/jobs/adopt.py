"""Putting rows that were there before the log under it: an event for each, recorded without touching the row."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from pocketbase_events.core.batch import MAX_CHARS, RAISE_LIMIT, append_requests
from pocketbase_events.core.files import MAX_FILES, Upload, original_of
from pocketbase_events.core.fold import Fold, Item, Row, difference
from pocketbase_events.core.json_text import Json, Unreadable, UnreadableJsonError, read_json
from pocketbase_events.core.schema import DELETED, Target
from pocketbase_events.core.values import as_list, same
from pocketbase_events.errors import BatchTooLargeError, ProblemError
from pocketbase_events.jobs.attach import carry_out, keep
from pocketbase_events.jobs.attach_plan import Plan
from pocketbase_events.jobs.detach import detach
from pocketbase_events.jobs.lock import lock_rows
from pocketbase_events.jobs.record import settle, worker
from pocketbase_events.jobs.targets import installation
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.admin import Admin
from pocketbase_events.pb.batch import Failed
from pocketbase_events.pb.gateway import Gateway

# Rows whose events are appended in one transaction, by how PocketBase can be told; each may need two.
AT_ONCE, ONE_BY_ONE = 1000, 250
LARGE = 250_000  # characters of data, above which we ask PocketBase whether it takes them: it admits 1 MiB or more


@dataclass(frozen=True, slots=True)
class Adopted:
    """What adopting a collection did.

    Attributes:
        rows: how many rows were adopted.
        gone: the ids of items that the log has and the collection has not.
    """

    rows: int
    gone: list[str]


def adopt(admin: Admin, seen: Gateway, superuser: Gateway, plan: Plan, watch: Watch) -> Adopted:
    """Attach a collection with the rows that it has: record a create event for each.

    Until that is done nobody writes the rows, and no event about them is admitted. Interrupted, run it again:
    rows that the log explains are left alone. `seen` is PocketBase, seen as the worker.

    Raises:
        WrongUsageError: if PocketBase refuses a rule; nothing is changed then.
        ReplicaError: if the log is another one's replica.
        ProblemError: if a row holds what no event can; nothing is changed then, or if it was written only just now, the
            collection is detached again.
        TroubleError: if PocketBase can't answer now.
    """
    if plan.is_attached:
        carry_out(admin, plan)
        return Adopted(0, [])
    seen.token()  # without a worker the collection would stay closed
    seen.status().ordinary()
    _look_for_unfit(seen, superuser, _target_of(plan), watch)
    frozen = freeze(admin, plan)
    try:
        adopted = _record_rows(seen, superuser, _target_of(frozen), watch)
    except ProblemError:
        detach(admin, plan.name)
        raise
    carry_out(admin, frozen, adopted=True)
    return adopted


def freeze(admin: Admin, plan: Plan) -> Plan:
    """Keep everybody from writing the rows and from appending events, until `carry_out` is given what this returns."""
    frozen = keep(admin, plan, closed=True)
    if plan.lock:
        lock_rows(admin, plan.collection, lock=True)
    return replace(frozen, collection=installation(admin).named(plan.name))


def _target_of(plan: Plan) -> Target:
    facts = {"collection": plan.name, "collection_id": plan.collection["id"], "version": ""}
    said = {"computed": plan.computed, "renamed": plan.renamed}
    return Target.model_validate({**facts, "fields": plan.collection["fields"], **said})


def _look_for_unfit(seen: Gateway, superuser: Gateway, target: Target, watch: Watch) -> None:
    """Make sure that events can carry every row that the log does not explain, before anything is changed.

    Raises:
        ProblemError: if they can't carry one.
    """
    items: Mapping[str, Item] | None = None  # read if it matters
    for page in watch(superuser.rows(target), f"looking at {target.collection}", 0):
        for row in page:
            try:
                _check_fits(superuser, target, row)
            except ProblemError as error:
                items = _items(seen, target) if items is None else items
                if _is_unexplained(target, row, items):
                    raise ProblemError(why=f"{error} Nothing was changed.") from None


def _check_fits(superuser: Gateway, target: Target, row: Row) -> None:
    requests = append_requests(list(_events_of(target, row, files=False)), at_once=False)
    if len(json.dumps(requests)) < LARGE:
        return
    try:
        why = superuser.why_not_appended(requests)
    except BatchTooLargeError:
        raise _too_large(target, row) from None
    if why is not None:
        raise _refused(target, row, why)


def _items(seen: Gateway, target: Target) -> Mapping[str, Item]:
    """The rows of the collection, by id, as the log has them."""
    fold = Fold({target.collection: target})
    for events in seen.log(0, seen.status().sound().seq, collection=target.collection):
        fold.apply(events)
    return fold.rows[target.collection]


def _is_unexplained(target: Target, row: Row, items: Mapping[str, Item]) -> bool:
    key = str(row["id"])
    return difference(target, key, items.get(key), row) is not None


def _record_rows(seen: Gateway, superuser: Gateway, target: Target, watch: Watch) -> Adopted:
    """Append a create event for each row that the log does not explain, and record it."""
    recorder, never, adopted = worker(seen), threading.Event(), 0
    with ThreadPoolExecutor(1) as beside:  # events are recorded while those of the next rows are made and appended
        recording = beside.submit(settle, recorder, never)
        recording.result()
        items = _items(seen, target)
        gone = set(items)
        for page in watch(superuser.rows(target), f"adopting {target.collection}", 0):
            gone -= {str(row["id"]) for row in page}
            unexplained = [row for row in page if _is_unexplained(target, row, items)]
            for some in _append(superuser, target, unexplained):
                recording.result()
                recording = beside.submit(settle, recorder, never)
                adopted += some
        recording.result()
    return Adopted(adopted, sorted(gone))


def _append(superuser: Gateway, target: Target, rows: Sequence[Row]) -> Iterator[int]:
    """Append the events of the rows, in as few transactions as PocketBase admits; says of how many rows each time."""
    at_once = superuser.status().appending
    most = AT_ONCE if at_once else ONE_BY_ONE
    while rows:
        some = _first(target, rows, most)
        appended = [(row, event) for row in some for event in _events_of(target, row)]
        try:
            refused = _send([event for _, event in appended], superuser, at_once=at_once)
        except BatchTooLargeError as error:
            if len(some) == 1:
                raise _too_large(target, some[0]) from None
            most = error.half(len(some))
            continue
        if refused is not None:
            raise _refused(target, appended[refused.index][0], refused.why)
        yield len(some)
        rows = rows[len(some) :]


def _send(events: Sequence[Mapping[str, Any]], superuser: Gateway, *, at_once: bool) -> Failed | None:
    """Append these in one transaction. None, or the first one that PocketBase refused."""
    is_small = sum(len(str(event["data"])) for event in events) <= MAX_CHARS
    at_once = at_once and is_small and not any(event.get("files") for event in events)
    if at_once and superuser.append(append_requests(events, at_once=True)) is None:
        return None
    # One by one, PocketBase says which event it refuses, and why.
    return superuser.append(append_requests(events, at_once=False))


def _first(target: Target, rows: Sequence[Row], most: int) -> Sequence[Row]:
    """The first rows, at most so many; none follows one that has files, which take their time and room."""
    place = next((place for place, row in enumerate(rows[:most], 1) if any(_files_of(target, row))), most)
    return rows[:place]


def _files_of(target: Target, row: Row) -> Iterator[tuple[str, list[str]]]:
    """The file fields of a row that are not empty, each with its names."""
    for field in target.settable if target.holds_files else ():
        names = [str(name) for name in as_list(row.get(field.name)) if name]
        if field.type == "file" and names:
            yield field.name, names


def _too_large(target: Target, row: Row) -> ProblemError:
    return ProblemError(
        why=f"The row {row['id']} of {target.collection} is larger than PocketBase's batch API takes (Batch max body"
        " size). Make it smaller, or raise the limit, then run attach --adopt again."
    )


def _refused(target: Target, row: Row, why: str) -> ProblemError:
    what_to_do = f"{RAISE_LIMIT}, or make the row smaller" if why.startswith("data: ") else "Mend that"
    return ProblemError(
        why=f"PocketBase refused the event of the row {row['id']} of {target.collection}: {why} {what_to_do}, then run"
        " attach --adopt again."
    )


def _events_of(target: Target, row: Row, *, files: bool = True) -> Iterator[dict[str, Any]]:
    """The events that explain a row: a create, more if it has many files, and, if it is marked as deleted, a delete.

    Without `files`, the events are as they are but for their files.
    """
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
    given, more = _with_numbers(target, row, data)
    yield {**event, **_own(), "type": "create", "data": given[0], **({"files": given[1]} if files else {})}
    for key, uploads in more:
        changed = {key: list(range(len(uploads))) if key.endswith("+") else 0}
        yield {**event, **_own(), "type": "update", "data": changed, **({"files": uploads} if files else {})}
    if row.get(DELETED):
        yield {**event, **_own(), "type": "delete", "data": None}


def _own() -> dict[str, Json]:
    return {"id": uuid4().hex[-15:]}


_More = list[tuple[str, list[Upload]]]


def _with_numbers(
    target: Target, row: Row, data: Mapping[str, Json]
) -> tuple[tuple[dict[str, Json], list[Upload]], _More]:
    """The data of a row's create with numbers of files, these files, and those for which it has no room, by key."""
    given, uploads = dict(data), list[Upload]()
    more: _More = []
    for field, names in _files_of(target, row):
        ours, first = [original_of(target.collection_id, str(row["id"]), name) for name in names], len(uploads)
        is_list, room = target.by_name[field].multiple, MAX_FILES - first
        given[field] = list(range(first, first + len(ours[:room]))) if is_list else first if room else None
        uploads += ours[:room]
        key = f"{field}+" if is_list else field
        more += [(key, ours[start : start + MAX_FILES]) for start in range(room, len(ours), MAX_FILES)]
    return (given, uploads), more


def _refuse_unreadable(value: Json) -> None:
    """Make sure that all of a value could be read.

    Raises:
        UnreadableJsonError: when not.
    """
    if isinstance(value, Unreadable):
        raise UnreadableJsonError(f"{value}.")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_unreadable(inner)
