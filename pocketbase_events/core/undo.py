"""The events that take other events back, or make an item what it was. Pure: nothing is appended here."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pocketbase_events.core.events import EventType, Recorded
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.modifiers import INVERSE, Modifier, field_of, modified, modifier_of
from pocketbase_events.core.schema import DELETED
from pocketbase_events.core.values import equal, is_number


@dataclass(frozen=True, slots=True)
class Step:
    """An event to append, and what it changes: `field` (`deleted` for a delete or a restore), from `old` to `new`."""

    type: EventType
    collection: str
    item_id: str
    data: Json
    field: str
    old: Json
    new: Json


@dataclass(frozen=True, slots=True)
class Conflict:
    """The event `seq` can't simply be taken back: `later_seq` changed the same `field` again."""

    seq: int
    field: str
    later_seq: int


@dataclass(slots=True)
class Plan:
    """The events to append, in order, and those that would lose a later change."""

    steps: list[Step] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class State:
    """An item at one moment, by field; `exists` is false before its create."""

    exists: bool
    deleted: bool
    fields: Mapping[str, Json]


ABSENT = State(exists=False, deleted=False, fields={})


@dataclass(frozen=True, slots=True)
class _Change:
    """What one event changed of one field (`deleted` for a create, a delete and a restore)."""

    seq: int
    field: str
    old: Json
    new: Json
    creates: bool = False
    modifier: Modifier | None = None
    operand: Json = None

    @property
    def adds(self) -> bool:
        """Whether it added to a number, or subtracted from it."""
        return self.modifier is not None and is_number(self.operand)


def after(state: State, event: Recorded) -> State:
    """The item after one more of its events."""
    given = event.data if isinstance(event.data, dict) else {}
    if event.type == "create":
        return State(exists=True, deleted=False, fields={key: given[key] for key in given if key != "id"})
    if event.type == "delete":
        return State(state.exists, deleted=True, fields=state.fields)
    if DELETED in given:
        return State(state.exists, deleted=bool(given[DELETED]), fields=state.fields)
    return State(state.exists, state.deleted, {**state.fields, **dict(_updated(state.fields, given))})


def undo(history: Sequence[Recorded], seqs: Collection[int], *, force: bool) -> Plan:
    """Take back those events of one item that have one of these seqs.

    A create is taken back by a delete, a delete by a restore, an update by the value before it, and a modifier of a
    number by its inverse. An event is a conflict if another one has changed the same field since.

    Args:
        history: every recorded event of the item, in order.
        seqs: of the events to take back.
        force: take back conflicting events as well.
    """
    changes, now = _changes(history)
    created = next((change for change in reversed(changes) if change.creates and change.seq in seqs), None)
    if created is not None:
        return _undo_create(history[0], created, [each for each in changes if each.seq not in seqs], now, force=force)
    plan = Plan()
    wanted: dict[str, Json] = {}
    inverses: list[Step] = []
    deletion = _last_deletion(changes, seqs)
    names = dict.fromkeys(change.field for change in changes if change.seq in seqs)
    for name in sorted(names, key=lambda name: name != DELETED):
        touching = [change for change in changes if change.field == name]
        back, conflicts = _takeable(touching, seqs)
        if now.deleted and name != DELETED and wanted.get(DELETED, True):
            hidden = (each.seq for each in touching if each.seq in seqs and each.seq < deletion)
            conflicts = [
                *(Conflict(seq, name, deletion) for seq in hidden),
                *(conflict for conflict in conflicts if conflict.seq > deletion),
            ]
            back = [change for change in back if change.seq > deletion]
        plan.conflicts += conflicts
        if force and conflicts:
            back = [change for change in touching if change.seq in seqs]
        if back and _by_inverse(back, touching, now.fields.get(name)):
            inverses += _inverses(history[0], reversed(back), now.fields.get(name))
        elif back:
            wanted[name] = back[0].old
    plan.steps += _steps(history[0], now, wanted, inverses)
    return plan


def revert(item: Recorded, now: State, then: State) -> list[Step]:
    """The events that make an item what it was: `item` is any event of it."""
    if not then.exists:
        return [_delete(item, deleted=True)] if now.exists and not now.deleted else []
    names = {**now.fields, **then.fields}
    wanted = {name: then.fields.get(name) for name in names if not equal(now.fields.get(name), then.fields.get(name))}
    if now.deleted != then.deleted:
        wanted[DELETED] = then.deleted
    return _steps(item, now, wanted, [])


def _updated(fields: Mapping[str, Json], given: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for key, value in given.items():
        modifier = modifier_of(key)
        if modifier is None:
            yield key, value
        else:
            yield modifier.field, modified(fields.get(modifier.field), modifier.operation, value)


def _undo_create(item: Recorded, created: _Change, others: Sequence[_Change], now: State, *, force: bool) -> Plan:
    since = [change.seq for change in others if change.seq > created.seq]
    plan = Plan(conflicts=[Conflict(created.seq, DELETED, since[0])] if since else [])
    if not now.deleted and (force or not since):
        plan.steps.append(_delete(item, deleted=True))
    return plan


def _changes(history: Sequence[Recorded]) -> tuple[list[_Change], State]:
    """What the events changed, in order, and the item after them."""
    found: list[_Change] = []
    state = ABSENT
    for event in history:
        before, state = state, after(state, event)
        found += _changed(event, before, state)
    return found, state


def _changed(event: Recorded, before: State, state: State) -> Iterator[_Change]:
    given = event.data if isinstance(event.data, dict) else {}
    if event.type == "create":
        yield _Change(event.seq, DELETED, old=True, new=False, creates=True)
        for name in {**before.fields, **state.fields}:
            yield _Change(event.seq, name, before.fields.get(name), state.fields.get(name))
    elif event.type == "delete" or DELETED in given:
        yield _Change(event.seq, DELETED, before.deleted, state.deleted)
    else:
        for key, operand in given.items():
            modifier, name = modifier_of(key), field_of(key)
            old, new = before.fields.get(name), state.fields.get(name)
            yield _Change(event.seq, name, old, new, modifier=modifier, operand=operand)


def _last_deletion(changes: Sequence[_Change], seqs: Collection[int]) -> int:
    """The seq of the last event that deleted the item and is not taken back; 0 if there is none."""
    deletions = (change.seq for change in changes if change.field == DELETED and change.new and change.seq not in seqs)
    return max(deletions, default=0)


def _takeable(touching: Sequence[_Change], seqs: Collection[int]) -> tuple[list[_Change], list[Conflict]]:
    """Those changes of a field that can be taken back, in order, and the conflicts of the others.

    Sums may be taken back in any order, so later sums don't stand in the way of one.
    """
    taken: list[_Change] = []
    conflicts: list[Conflict] = []
    for place, change in enumerate(touching):
        if change.seq not in seqs:
            continue
        later = touching[place + 1 :]
        blocking = next((each for each in later if each.seq not in seqs), None)
        if blocking is None or all(each.adds for each in (change, *later)):
            taken.append(change)
        else:
            conflicts.append(Conflict(change.seq, change.field, blocking.seq))
    return taken, conflicts


def _by_inverse(back: Sequence[_Change], touching: Sequence[_Change], now: Json) -> bool:
    """Whether inverse modifiers take these changes back; the value before them does better if sums are inexact."""
    if not all(change.adds for change in back):
        return False
    if any(change.seq > back[0].seq and change not in back for change in touching):
        return True
    for change in reversed(back):
        now = _inverted(now, change)
    return bool(now == (back[0].old or 0))


def _inverted(value: Json, change: _Change) -> Json:
    return modified(value, INVERSE[change.modifier.operation], change.operand) if change.modifier else value


def _inverses(item: Recorded, back: Iterator[_Change], value: Json) -> Iterator[Step]:
    for change in back:
        if change.modifier is not None:
            sign = "-" if change.modifier.operation == "add" else "+"
            old, value = value, _inverted(value, change)
            data = {f"{change.field}{sign}": change.operand}
            yield Step("update", item.collection, item.item_id, data, change.field, old, value)


def _steps(item: Recorded, now: State, wanted: Mapping[str, Json], inverses: Sequence[Step]) -> list[Step]:
    """The events that give the item these values. A deleted item is restored for it, and deleted again."""
    updates = [
        Step("update", item.collection, item.item_id, {name: value}, name, now.fields.get(name), value)
        for name, value in wanted.items()
        if name != DELETED
    ]
    updates += inverses
    deleted = bool(wanted.get(DELETED, now.deleted))
    restores = [_delete(item, deleted=False)] if now.deleted and (updates or not deleted) else []
    deletes = [_delete(item, deleted=True)] if deleted and (restores or not now.deleted) else []
    return [*restores, *updates, *deletes]


def _delete(item: Recorded, *, deleted: bool) -> Step:
    """The event that deletes the item, or restores it."""
    type_: EventType = "delete" if deleted else "update"
    data = None if deleted else {DELETED: False}
    return Step(type_, item.collection, item.item_id, data, DELETED, not deleted, deleted)
