"""Find the rows that are not what the log says, while both go on changing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from pocketbase_events.core.access import why_gone, why_not_attached, why_unreadable
from pocketbase_events.core.fold import Difference, Fold, Item, Kind, Row, difference
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.schema import Target
from pocketbase_events.errors import ProblemError, TroubleError, WrongUsageError
from pocketbase_events.jobs.file_contents import FileContents
from pocketbase_events.jobs.outside import Outside
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.source import Source

AT_ONCE = 100  # rows looked at again at a time, so that little happens to them in the meantime
ROUNDS = 100  # of looking again at rows that change while they are looked at


@dataclass(slots=True)
class Drift:
    """The log folded up to some seq, and every row that was not what it says."""

    targets: dict[str, Target]
    relating: dict[str, Target]  # attached collections with a relation to one of these; folded as well
    fold: Fold
    rows: dict[str, int]  # live ones, by collection
    differences: list[Difference]
    outside: Outside
    contents: FileContents | None = None  # compares what files hold; None compares their names only

    def counts(self, name: str) -> dict[Kind, int]:
        """How many rows of one collection differ, by kind."""
        kinds = [each.kind for each in self.differences if each.collection == name]
        return {kind: kinds.count(kind) for kind in get_args(Kind)}


def find_drift(source: Source, names: Sequence[str], watch: Watch, *, files: bool = False) -> Drift:
    """Compare the rows of the named collections with the log; those of all attached collections if none is named.

    With `files`, what their files hold is compared as well, which reads all of it.

    Raises:
        WrongUsageError: when a name is not that of an attached collection.
        ContradictionError: when the log contradicts itself.
        ProblemError: when rows may be hidden from the worker.
    """
    targets = chosen(source, names)
    attached = source.targets()
    relating = _relating(attached, targets)
    fold = Fold({**relating, **targets})
    status = source.status().sound()
    for page in watch(source.log(0, status.seq), "reading the log", status.seq):
        fold.apply(page)
    contents = FileContents(source) if files else None
    drift = Drift(targets, relating, fold, {}, [], Outside(source, attached.values()), contents)
    for name, target in targets.items():
        suspects = _suspects(drift, source, target, watch)
        for start in range(0, len(suspects), AT_ONCE):
            drift.differences += settled(source, drift, target, suspects[start : start + AT_ONCE])
        counts = drift.counts(name)
        absent = counts["missing"] + len(drift.outside.absent.get(name, ()))
        drift.rows[name] = len(fold.rows[name]) - absent + counts["extra"]
    return drift


def chosen(source: Source, names: Sequence[str]) -> dict[str, Target]:
    """The attached collections of these names; all if none is named.

    Raises:
        WrongUsageError: when a name is not that of an attached collection.
        ProblemError: when a collection is gone, or its rows may be hidden from the worker.
    """
    targets, attached = source.targets(), source.attached()
    unknown = [name for name in names if name not in attached]
    if unknown:
        raise WrongUsageError(why=why_not_attached(unknown))
    gone = [name for name in names or attached if name not in targets]
    if gone:
        raise ProblemError(why=why_gone(gone[0]))
    targets = {name: target for name, target in targets.items() if not names or name in names}
    unreadable = next(filter(None, map(why_unreadable, targets.values())), None)
    if unreadable is not None:
        raise ProblemError(why=unreadable)
    return targets


def refuse_other(source: Source, gateway: Source) -> None:
    """Make sure that the two read one and the same log.

    Raises:
        WrongUsageError: when they don't.
    """
    head = source.status().head
    there = [event for page in gateway.log(head.seq - 1, head.seq) for event in page]
    if head.seq and [event.head for event in there] != [head]:
        raise WrongUsageError(why="The folder's log is not that of the PocketBase at POCKETBASE_URL. Check --dir.")


def catch_up(source: Source, fold: Fold, to: int) -> set[tuple[str, str]]:
    """Fold what was recorded since, up to the seq `to`; returns the items that those events are about.

    Raises:
        TroubleError: when the log went back meanwhile.
    """
    if to < fold.head.seq:
        raise TroubleError(why="the log went back while it was read: a backup was restored. Run it again.")
    touched = set()
    for page in source.log(fold.head.seq, to) if to > fold.head.seq else ():
        fold.apply(page)
        touched |= {(event.collection, event.item_id) for event in page}
    return touched


def compare(source: Source, drift: Drift, target: Target, ids: Sequence[str]) -> list[Difference]:
    """How these rows, read now, differ from the fold."""
    rows, items = source.rows_by_id(target, ids), drift.fold.rows[target.collection]
    found = [difference(target, item_id, items.get(item_id), rows.get(item_id)) for item_id in ids]
    differing = [each for each in found if each is not None]
    drift.outside.look(target, [items[each.id] for each in differing if each.id in items])
    mattering = (drift.outside.matters(target, each, items.get(each.id), rows.get(each.id)) for each in differing)
    told = {each.id: each for each in mattering if each is not None}
    for item_id in ids if drift.contents is not None else ():
        fields = _of_contents(drift, target, items.get(item_id), rows.get(item_id))
        if fields:
            before = told.get(item_id) or Difference(target.collection, item_id, "changed", {})
            told[item_id] = replace(before, fields={**fields, **before.fields})
    return list(told.values())


def _of_contents(drift: Drift, target: Target, item: Item | None, row: Row | None) -> dict[str, tuple[Json, Json]]:
    """The fields of a row whose files hold something else than the log says, if that is compared."""
    if drift.contents is None or item is None or row is None:
        return {}
    return drift.contents.differing(target, item, row)


def settled(source: Source, drift: Drift, target: Target, ids: Sequence[str]) -> list[Difference]:
    """The rows that really differ: a difference counts if nothing was recorded about its row while it was compared."""
    found: list[Difference] = []
    for _ in range(ROUNDS):
        catch_up(source, drift.fold, source.status().seq)
        differences = compare(source, drift, target, ids)
        touched = catch_up(source, drift.fold, source.status().seq)
        found += [each for each in differences if (target.collection, each.id) not in touched]
        ids = [item_id for item_id in ids if (target.collection, item_id) in touched]
        if not ids:
            return found
    raise TroubleError(why=f"rows of {target.collection} change faster than they can be compared. Try again.")


def _relating(attached: dict[str, Target], targets: dict[str, Target]) -> dict[str, Target]:
    """The attached collections with a relation to one of these."""
    ids = {target.collection_id for target in targets.values()}
    return {
        name: target
        for name, target in attached.items()
        if any(field.type == "relation" and field.relates_to in ids for field in target.fields)
    }


def _suspects(drift: Drift, source: Source, target: Target, watch: Watch) -> list[str]:
    """The ids of rows that differ from the fold, or only seem to because they were read later."""
    items = drift.fold.rows[target.collection]
    unseen = set(items)
    suspects = []
    for page in watch(source.rows(target), f"comparing {target.collection}", len(items)):
        for row in page:
            item_id = str(row["id"])
            unseen.discard(item_id)
            item = items.get(item_id)
            if difference(target, item_id, item, row) is not None or _of_contents(drift, target, item, row):
                suspects.append(item_id)
    return [*suspects, *sorted(unseen)]
