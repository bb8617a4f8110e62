"""The rows that the log implies, and how they differ from the rows that are there."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pocketbase_events.core.events import EMPTY, Recorded
from pocketbase_events.core.files import with_files
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.modifiers import modified, modifier_of
from pocketbase_events.core.renames import as_named_now
from pocketbase_events.core.schema import DELETED, SEQ, FieldDefinition, Target
from pocketbase_events.core.values import as_stored, identical, is_empty, same, to_pocketbase, why_unfit

MAX_SEQS = 5  # named in a sentence

Row = Mapping[str, Json]  # a row as PocketBase's API shows it
Kind = Literal["missing", "changed", "extra"]
# A field that is gone; one that events can't set; one that refuses the value; one that relates to what is gone.
UnfitKind = Literal["gone", "closed", "refused", "outside", "unseen"]


@dataclass(slots=True)
class Item:
    """What the log says of one row: the values that events gave, and the seq of the event that created it.

    `changed` is the seq of the last event about it.
    """

    seq: int
    fields: dict[str, Json]
    deleted: bool = False
    later: dict[str, int] | None = None  # the seq of the last update, by field
    changed: int = 0
    adopted: bool = False  # the row existed before the log, and no event has changed it since

    @property
    def versions(self) -> tuple[int, ...]:
        """What the row's `seq` may be: 0 as well for a row that was adopted."""
        return (self.changed, 0) if self.adopted else (self.changed,)

    def seq_of(self, field: str) -> int:
        """The seq of the event that gave the field its value."""
        return (self.later or {}).get(field, self.seq)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the log says; `fields` has (log's value, row's value) for what was changed."""

    collection: str
    id: str
    kind: Kind
    fields: Mapping[str, tuple[Json, Json]]


class UnfitField(NamedTuple):
    """A field of an item that today's schema can't hold, and why."""

    name: str
    kind: UnfitKind
    why: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """Values that today's schema can't hold, of one field, for one reason."""

    collection: str
    field: str
    kind: UnfitKind
    why: str
    seqs: Sequence[int]  # of the first events that gave such a value
    count: int


class Fold:
    """The log, folded into rows: those of the collections in `targets`.

    A target of None folds without a schema, each value as its event gave it, under the name that it gave.
    """

    def __init__(self, targets: Mapping[str, Target | None]) -> None:
        self.rows: dict[str, dict[str, Item]] = {name: {} for name in targets}
        self.head = EMPTY
        self.orphans: list[int] = []  # seqs of events about items that no event created; a sound log has none
        self._generated = {
            name: {field.name for field in target.fields if field.autogenerate} if target else set()
            for name, target in targets.items()
        }
        self._targets = targets
        self._renames = {name: target.renamed for name, target in targets.items() if target and target.renamed}

    def apply(self, events: Iterable[Recorded]) -> None:
        """Go on with the next events."""
        for recorded in events:
            self.head = recorded.head
            rows = self.rows.get(recorded.collection)
            if rows is None:
                continue
            event = as_named_now(recorded, self._renames.get(recorded.collection, ())) if self._renames else recorded
            event = with_files(event, self._targets[event.collection]) if event.file_hashes else event
            item = rows.get(event.item_id)
            if event.type == "create":
                rows[event.item_id] = Item(event.seq, self._created(event), changed=event.seq, adopted=event.adopted)
            elif item is None:
                self.orphans.append(event.seq)
            else:
                _change(item, event)

    def _created(self, event: Recorded) -> dict[str, Json]:
        """The values that a create gives. What it leaves to PocketBase to generate is as if never set."""
        generated = self._generated[event.collection]
        return {
            sys.intern(name): value
            for name, value in given_by(event).items()
            if name not in generated or value not in (None, "")
        }


def _change(item: Item, event: Recorded) -> None:
    """Apply an update or a delete to an item."""
    item.changed, item.adopted = event.seq, item.adopted and event.adopted
    if event.type == "delete":
        item.deleted = True
        return
    item.later = item.later or {}
    for name, value in updates_of(event, item.fields).items():
        if name == DELETED:
            item.deleted = bool(value)
        else:
            item.fields[sys.intern(name)] = value
        item.later[sys.intern(name)] = event.seq


def updates_of(event: Recorded, fields: Mapping[str, Json]) -> dict[str, Json]:
    """The values that an update gives to an item with these fields: modifiers are carried out."""
    updated: dict[str, Json] = {}
    for key, operand in given_by(event).items():
        modifier = modifier_of(key)
        if modifier is None:
            updated[key] = operand
        else:
            updated[modifier.field] = modified(fields.get(modifier.field), modifier.operation, operand)
    return updated


def given_by(event: Recorded) -> dict[str, Json]:
    """The values that a create or an update gives."""
    given = dict(event.data) if isinstance(event.data, dict) else {}
    if event.type == "create":
        given.pop("id", None)
    return given


def changes_of(event: Recorded, before: Item | None) -> dict[str, tuple[Json, Json]]:
    """What an event changes: by field, the value before it and after it."""
    if event.type == "delete":
        return {DELETED: (False, True)}
    if event.type == "create" or before is None:
        return {name: (None, value) for name, value in given_by(event).items()}
    old = {**before.fields, DELETED: before.deleted}
    return {name: (old.get(name), value) for name, value in updates_of(event, before.fields).items()}


def difference(target: Target, item_id: str, item: Item | None, row: Row | None) -> Difference | None:
    """How a row differs from what the log says of it; None when it doesn't.

    Not compared are fields that no event can set, what PocketBase generated and no event set, and values that
    today's schema can't hold (`unfit` tells those).
    """
    if item is None and row is None:
        return None
    if item is None or row is None:
        return Difference(target.collection, item_id, "extra" if item is None else "missing", {})
    fields: dict[str, tuple[Json, Json]]
    fields = {} if bool(row.get(DELETED)) == item.deleted else {DELETED: (item.deleted, bool(row.get(DELETED)))}
    for field in target.settable:
        logged, live = item.fields.get(field.name), row.get(field.name)
        if identical(logged, live) or (field.autogenerate and field.name not in item.fields):
            continue
        if why_unfit(field, logged) is None and not same(field, logged, live):
            fields[field.name] = (as_stored(field, logged), live)
    if target.versioned and row.get(SEQ) not in item.versions:
        fields[SEQ] = (item.changed, row.get(SEQ))
    return Difference(target.collection, item_id, "changed", fields) if fields else None


def row_fields(target: Target, item: Item) -> dict[str, Json]:
    """The fields of a row as PocketBase is to store them, those that are gone or can't be set left out."""
    known = {field.name: field for field in target.settable}
    fields = {
        name: to_pocketbase(known[name], value)
        for name, value in item.fields.items()
        if name in known and not _is_no_file(known[name], value)
    }
    if target.versioned:
        fields[SEQ] = item.changed
    return {**fields, DELETED: True} if item.deleted else fields


def unfit(target: Target, rows: Mapping[str, Item]) -> list[Unfit]:
    """What the log says of a collection and today's schema can't hold."""
    found: dict[UnfitField, list[int]] = {}
    for item in rows.values():
        for field in unfit_fields(target, item):
            found.setdefault(field, []).append(item.seq_of(field.name))
    return [Unfit(target.collection, *field, sorted(seqs)[:MAX_SEQS], len(seqs)) for field, seqs in found.items()]


def _is_no_file(field: FieldDefinition, value: Json) -> bool:
    """Whether it is what an event gave to a field that was none for files then."""
    return field.type == "file" and why_unfit(field, value) is not None


def _closed(field: FieldDefinition) -> str:
    if field.computed:
        return "it is computed"
    return "it is hidden" if field.hidden else f"its type is {field.type}"


def unfit_fields(target: Target, item: Item) -> Iterator[UnfitField]:
    """The fields of an item that today's schema can't hold.

    A row is written without fields that are gone or closed; a value that its field refuses blocks an insert.
    """
    for name, value in item.fields.items():
        field = target.field(name)
        if field is None:
            yield UnfitField(name, "gone", "is gone")
        elif target.why_not_settable(field) is not None:
            yield UnfitField(name, "closed", f"can't be set by an event any more ({_closed(field)})")
        elif _is_no_file(field, value):
            yield UnfitField(name, "closed", "is a file field now, and the log has no file for it")
        elif (why_not := why_unfit(field, value)) is not None:
            yield UnfitField(name, "refused", why_not)
    for field in target.required:
        is_generated = field.autogenerate and field.name not in item.fields
        if not is_generated and is_empty(field, item.fields.get(field.name)):
            yield UnfitField(field.name, "refused", "is required now, and the log has no value for it")
