"""Making the rows equal to the log, while clients append and read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pocketbase_events.core.fold import Difference, Fold, row_fields, unfit_fields
from pocketbase_events.core.projection import Write
from pocketbase_events.core.schema import DELETED
from pocketbase_events.core.transaction import Committed, Outcome, RowRefused
from pocketbase_events.core.values import to_pocketbase
from pocketbase_events.errors import BatchTooLargeError, ProblemError, TroubleError, WrongUsageError
from pocketbase_events.jobs.check import AT_ONCE, Drift, catch_up, compare
from pocketbase_events.jobs.hold import Holding
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Source

ATTEMPTS = 20  # to go on after somebody else came between
NEEDS_SUPERUSER = (
    "Rows to remove, and rows that are marked as deleted, can only be written by a superuser: set"
    " POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD. Nothing was changed."
)

Key = tuple[str, str]  # collection, id


@dataclass(slots=True)
class Tally:
    """What became of the rows of one collection."""

    inserted: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did; `refused` has the sentence for each row that could not be written."""

    seq: int
    collections: dict[str, Tally]
    refused: dict[Key, str] = field(default_factory=dict)


class Rebuild:
    """Writes what the drift says, row by row compared again with the log under a hold.

    Args:
        source: what reads the rows and what was recorded since.
        held: the hold, taken by the caller.
        superuser: PocketBase seen as a superuser, where one is at hand.
        drift: what was found before the hold; its fold goes on from there.
        removing: the extra rows that may be removed.
    """

    def __init__(
        self, source: Source, held: Holding, superuser: Gateway | None, drift: Drift, removing: Iterable[Key]
    ) -> None:
        self._source = source
        self._held = held
        self._superuser = superuser
        self._drift = drift
        self._fold = drift.fold
        self._removing = set(removing)
        self._related = _related(drift) if self._removing else {}
        self._at_once = AT_ONCE
        self._clearing = False
        self._done = Rebuilt(0, {name: Tally() for name in drift.targets})

    def run(self, watch: Callable[[int], None]) -> Rebuilt:
        """Write everything. `watch` is told of so many rows that are done. The hold must be in force.

        Raises:
            TroubleError: when PocketBase can't answer now, or others come between again and again. What was
                written is right, and the next run completes the rest.
        """
        catch_up(self._source, self._fold, self._held.head.seq)
        # What is to go may stand in the way of what is to come (a unique value), so it goes first.
        self._write([(each.collection, each.id) for each in self._drift.differences if each.kind == "extra"], watch)
        rest = [(each.collection, each.id) for each in self._drift.differences if each.kind != "extra"]
        self._write(sorted(rest, key=self._created), watch)
        # A row may relate to one that comes after it, and be accepted now that this one is there. Or two rows have
        # each other's unique value: then all of them give theirs up first, in the same transaction.
        for self._clearing in (False, True):
            before = None
            while self._done.refused and before != len(self._done.refused):
                before = len(self._done.refused)
                again, self._done.refused = sorted(self._done.refused, key=self._created), {}
                self._write(again, lambda _: None, relating_last=True)
        return self.ended()

    def ended(self) -> Rebuilt:
        """What has been done so far."""
        self._done.seq = self._fold.head.seq
        for name, tally in self._done.collections.items():
            refused = sum(key[0] == name and key[1] in self._fold.rows[name] for key in self._done.refused)
            tally.unchanged = len(self._fold.rows[name]) - tally.inserted - tally.updated - refused
        return self._done

    def _created(self, key: Key) -> int:
        """When the item of a row was created, as a seq."""
        item = self._fold.rows[key[0]].get(key[1])
        return item.seq if item else 0

    def _write(self, keys: Sequence[Key], watch: Callable[[int], None], *, relating_last: bool = False) -> None:
        waiting, attempts = list(keys), 0
        while waiting:
            some = waiting[: self._at_once]
            try:
                done = self._write_some(some, relating_last=relating_last)
            except BatchTooLargeError as error:
                self._at_once = error.half(len(some))
                continue
            if done:
                waiting, attempts = waiting[len(some) :], 0
                watch(len(some))
                continue
            # Something is no longer what it was: our hold was lost, or a row was changed by hand. Look again.
            attempts += 1
            if attempts > ATTEMPTS:
                raise TroubleError(why="others wrote between again and again. What is done is right; run it again.")
            self._held.take()
            catch_up(self._source, self._fold, self._held.head.seq)

    def _write_some(self, keys: Sequence[Key], *, relating_last: bool) -> bool:
        """Write what is still to be written of these rows; False when it has to be looked at again."""
        ours: list[tuple[Difference, list[Write]]] = []
        others: list[tuple[Difference, list[Write]]] = []
        differences = sorted(self._differences(keys), key=lambda each: self._created((each.collection, each.id)))
        for each in differences:
            if each.kind == "extra" and (each.collection, each.id) not in self._removing:
                continue
            blocked = self._why_blocked(each)
            if blocked is not None:
                self._done.refused[each.collection, each.id] = blocked
                continue
            rows = others if _is_for_superuser(each, self._fold) else ours
            rows.append((each, self._writes(each, relating_last=relating_last)))
        if others and self._superuser is None:
            raise WrongUsageError(why=NEEDS_SUPERUSER)
        return self._send(ours, self._held.write) and self._send(others, self._write_as_superuser)

    def _differences(self, keys: Sequence[Key]) -> Iterator[Difference]:
        """How these rows differ now."""
        for name, group in groupby(sorted(keys), key=lambda key: key[0]):
            yield from compare(self._source, self._fold, self._drift.targets[name], [item_id for _, item_id in group])

    def _why_blocked(self, each: Difference) -> str | None:
        """Why the row can't be inserted whole, or not be removed, as far as schema and log tell; None when it can."""
        if each.kind == "extra" and each.id in self._related.get(each.collection, {}):
            return f"{self._related[each.collection][each.id]} relates to it. Append events that relate to another one."
        if each.kind != "missing":
            return None
        item = self._fold.rows[each.collection][each.id]
        found = unfit_fields(self._drift.targets[each.collection], item, blocking=True)
        reasons = [f'"{name}" (seq {item.seq_of(name)}) {why}' for name, why in found]
        return "; ".join(reasons) or None

    def _writes(self, each: Difference, *, relating_last: bool) -> list[Write]:
        """The writes that make a row what the log says."""
        target, name, item_id = self._drift.targets[each.collection], each.collection, each.id
        if each.kind == "extra":
            return [Write(inserts=False, collection=name, item_id=item_id, fields={}, removes=True)]
        item = self._fold.rows[name][item_id]
        if each.kind == "changed":
            given = {
                key: to_pocketbase(target.by_name[key], item.fields.get(key)) for key in each.fields if key != DELETED
            }
            fields = {**given, DELETED: item.deleted} if DELETED in each.fields else given
            unique = [key for key in given if self._clearing and target.in_unique_index(key)]
            steps = [dict.fromkeys(unique), fields] if unique else [fields]
            return [Write(inserts=False, collection=name, item_id=item_id, fields=step) for step in steps]
        fields = row_fields(target, item)
        # PocketBase would generate what a create leaves empty, and could not relate to what is not there yet.
        late = {key: value for key, value in fields.items() if self._is_late(name, key, value, relating_last)}
        if late and item.deleted:
            late[DELETED] = True  # from then on the row changes no more
        first = {key: value for key, value in fields.items() if key not in late}
        writes = [Write(inserts=True, collection=name, item_id=item_id, fields=first)]
        if late:
            writes.append(Write(inserts=False, collection=name, item_id=item_id, fields=late))
        return writes

    def _is_late(self, collection: str, name: str, value: object, relating_last: bool) -> bool:
        definition = self._drift.targets[collection].by_name[name]
        if definition.autogenerate and value in (None, ""):
            return True
        return relating_last and definition.type == "relation" and not definition.required

    def _send(self, rows: list[tuple[Difference, list[Write]]], send: Callable[[Sequence[Write]], Outcome]) -> bool:
        """Write the rows, those that PocketBase refuses left out; False when it has to be looked at again."""
        while rows:
            clearing = [each[0] for row, each in rows if row.kind == "changed" and len(each) > 1]
            rest = [write for row, each in rows for write in (each[-1:] if row.kind == "changed" else each)]
            # Inserts come first, so that what follows them may relate to any of them.
            writes = [*clearing, *sorted(rest, key=lambda write: not write.inserts)]
            outcome = send(writes)
            if isinstance(outcome, Committed):
                for each, _ in rows:
                    self._count(each)
                return True
            if not isinstance(outcome, RowRefused):
                return False
            key = (outcome.write.collection, outcome.write.item_id)
            self._done.refused[key] = self._told(outcome)
            rows = [(each, writes) for each, writes in rows if (each.collection, each.id) != key]
        return True

    def _told(self, outcome: RowRefused) -> str:
        """Why PocketBase refused a row, and which events gave it what was refused."""
        why = outcome.why or "PocketBase refused the row and gave no reason."
        item = self._fold.rows[outcome.write.collection].get(outcome.write.item_id)
        if item is None:
            return why
        blamed = [f'"{name}" is from seq {item.seq_of(name)}' for name in item.fields if f"{name}: " in why]
        return f"{why} (created by seq {item.seq}{''.join(f', {each}' for each in blamed)})"

    def _write_as_superuser(self, writes: Sequence[Write]) -> Outcome:
        """The hold is renewed first, since a superuser's transaction looks at no head."""
        renewed = self._held.write(())
        if self._superuser is None:
            raise ProblemError(why=NEEDS_SUPERUSER)
        return self._superuser.write_rows(writes) if renewed == Committed() else renewed

    def _count(self, each: Difference) -> None:
        tally = self._done.collections[each.collection]
        match each.kind:
            case "missing":
                tally.inserted += 1
            case "changed":
                tally.updated += 1
            case "extra":
                tally.removed += 1


def needs_superuser(drift: Drift, *, removing: bool) -> bool:
    """Whether a rebuild has to write what the worker's account can't."""
    return any(_is_for_superuser(each, drift.fold) for each in drift.differences if removing or each.kind != "extra")


def _is_for_superuser(each: Difference, fold: Fold) -> bool:
    """Whether the worker's own rules keep it from writing this: a row that is marked as deleted, or a removal."""
    if each.kind == "changed":
        return fold.rows[each.collection][each.id].deleted != (DELETED in each.fields)
    return each.kind == "extra"


def _related(drift: Drift) -> dict[str, dict[str, str]]:
    """By collection and id: an item that relates to that row, as the log has it."""
    names = {target.collection_id: name for name, target in drift.targets.items()}
    found: dict[str, dict[str, str]] = {name: {} for name in drift.targets}
    for target in drift.relating.values():
        for definition in target.settable:
            name = names.get(definition.relates_to) if definition.type == "relation" else None
            if name is None:
                continue
            for item_id, item in drift.fold.rows[target.collection].items():
                value = item.fields.get(definition.name)
                for related in value if isinstance(value, list) else [value]:
                    by = f"{target.collection} {item_id} (seq {item.seq_of(definition.name)})"
                    found[name].setdefault(str(related), by)
    return found
