"""What an event does to a row, and the fewest writes that carry out several events."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pocketbase_events.core.events import EventType, Pending
from pocketbase_events.core.files import File, given_files, names_to_remove, why_no_files, why_unused
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.modifiers import (
    Modifier,
    field_of,
    modifier_of,
    why_no_file_modifier,
    why_not_modifying,
)
from pocketbase_events.core.schema import DELETED, FieldDefinition, Target, quote, why_no_id
from pocketbase_events.core.values import describe, is_welcome, to_pocketbase, why_not_fitting

MAX_NAMES = 20  # field names listed in a sentence


@dataclass(frozen=True, slots=True)
class Refused:
    """The event can't be applied; `why` tells its author the reason and what to do."""

    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one event does to one row: `fields` in the form that PocketBase stores unchanged.

    `expected_seq` is the version of the row that the event asks for, 0 if it asks for none. `group` numbers the group
    of the event within its transaction, 0 if it is alone.
    """

    type: EventType
    collection: str
    item_id: str
    fields: Mapping[str, Json]
    expected_seq: int = 0
    group: int = 0


@dataclass(slots=True)
class Write:
    """One write to one row, and the events that it carries out, by their index in the transaction."""

    inserts: bool
    collection: str
    item_id: str
    fields: dict[str, Json]
    events: list[int] = field(default_factory=list)
    first_of_row: bool = True
    removes: bool = False
    expected_seq: int = 0
    group: int = 0  # of all its events; 0 if they are of several, or of none


def project(event: Pending, data: Json, target: Target | None) -> Change | Refused:
    """What the event does to its row, judged by its content and the collection's schema alone.

    PocketBase decides whether the item exists and whether the row is valid.
    """
    if target is None:
        return Refused(
            f"The collection {quote(event.collection)} is not attached to the log. Check its name,"
            " or ask the operator to run: pocketbase-events attach"
        )
    unread = event.fetched.unread if event.fetched else ""
    why = unread or why_no_id(event.item_id) or _SHAPES[event.type](event, data) or _why_no_expectation(event, target)
    fields = why or _fields(event, data, target)
    if isinstance(fields, str):
        return Refused(fields)
    return Change(event.type, event.collection, event.item_id, fields, event.expected_seq)


def _fields(event: Pending, data: Json, target: Target) -> dict[str, Json] | str:
    """What the event sets, in PocketBase's form; a sentence if it can't."""
    given = dict(data or {})
    unused = why_unused(event, _about_files(given, target)) if event.files else None
    if unused is not None:
        return unused
    if event.type == "delete":
        return {DELETED: True}
    if event.type == "create":
        given.pop("id", None)
    if event.type == "update" and given.get(DELETED) is False:  # which restores the item
        return given
    fields: dict[str, Json] = {}
    for key, value in given.items():
        modifier = modifier_of(key) if event.type == "update" else None
        name = modifier.field if modifier else key
        definition = target.field(name)
        why = _why_unknown(name, target) if definition is None else _why_not(target, definition, modifier, value)
        if definition is None or why is not None:
            return why or ""
        stored = _files(event, definition, modifier, value) if definition.type == "file" else value
        if definition.type == "file" and isinstance(stored, str) and not isinstance(stored, File):
            return stored
        fields[key] = to_pocketbase(definition, stored)
    return fields


def _about_files(given: Mapping[str, Json], target: Target) -> Iterator[Json]:
    """The values of file fields in an event's data."""
    for key, value in given.items():
        definition = target.field(field_of(key))
        if definition is not None and definition.type == "file":
            yield value


def _files(event: Pending, definition: FieldDefinition, modifier: Modifier | None, value: Json) -> Json:
    """The files that a field is given, in PocketBase's form, or the names that it loses; a sentence if it can't."""
    if modifier is None or modifier.operation != "subtract":
        return why_no_files(event, definition, value) or given_files(event, definition, value)
    rows = event.fetched.held if event.fetched else None
    return names_to_remove(definition, value, None if rows is None else rows.get(definition.name, ()))


def merge(changes: Iterable[Change | None], targets: Mapping[str, Target], *, merging: bool = True) -> list[Write]:
    """The writes that carry out the changes, in order; changes are merged if that makes no difference.

    Merging must change neither the log, nor the rows, nor which events PocketBase accepts. So a value joins an
    earlier write of its row only if no check of PocketBase depends on the order (unique indexes, relations), and
    if that write would be valid without it:
    - it replaces a value that PocketBase is certain to accept, or
    - the write is a create that leaves out this optional field, or
    - an earlier write of the row has already shown the rest of the row to be valid.

    The events of a group are recorded or rejected as one, so their changes of a row are judged by their end: they are
    always merged if they can be.

    A change that is None writes nothing.
    """
    writes: list[Write] = []
    latest: dict[tuple[str, str], Write] = {}
    for index, change in enumerate(changes):
        if change is None:
            continue
        row = (change.collection, change.item_id)
        before = latest.get(row)
        if before is not None and _one_write(change, before, targets[change.collection], merging=merging):
            before.fields.update(change.fields)
            before.events.append(index)
            before.expected_seq = before.expected_seq or change.expected_seq
            before.group = before.group if before.group == change.group else 0
            continue
        write = Write(
            inserts=change.type == "create",
            collection=change.collection,
            item_id=change.item_id,
            fields=dict(change.fields),
            events=[index],
            first_of_row=before is None,
            expected_seq=change.expected_seq,
            group=change.group,
        )
        latest[row] = write
        writes.append(write)
    return writes


def _one_write(change: Change, before: Write, target: Target, *, merging: bool) -> bool:
    """Whether the change joins the write: within a group if it can at all, else if that makes no difference."""
    restores = change.fields.get(DELETED) is False
    if change.type == "create" or restores or DELETED in before.fields:
        return False
    if change.group and change.group == before.group:
        return _joins_group(change, before)
    return merging and not change.expected_seq and _joins(change, before, target)


def _joins_group(change: Change, before: Write) -> bool:
    """Whether the change of the same group joins the write. A group is judged by its end, so only clashes part them.

    `expected_seq` is the version before the group, for each of its events.
    """
    if {field_of(key) for key in change.fields if modifier_of(key)} & {field_of(key) for key in before.fields}:
        return False
    if any(modifier_of(key) and field_of(key) in change.fields for key in before.fields):
        return False
    if not change.expected_seq:
        return True
    return not before.inserts and before.first_of_row and before.expected_seq in (0, change.expected_seq)


def _joins(change: Change, before: Write, target: Target) -> bool:
    if any(map(modifier_of, before.fields)):
        return False
    definitions = [target.field(name) for name in change.fields]  # a modifier is not a field: it never joins
    return all(
        definition is not None
        and definition.type != "relation"
        and not target.in_unique_index(definition.name)
        and _valid_without(definition, before)
        for definition in definitions
    )


def _valid_without(definition: FieldDefinition, before: Write) -> bool:
    """Whether the earlier write would be valid without the later value of this field."""
    if definition.name in before.fields:
        return is_welcome(definition, before.fields[definition.name])
    return _optional(definition) if before.inserts else not before.first_of_row


def _optional(definition: FieldDefinition) -> bool:
    """Whether a create may leave the field out, and leaves it empty then."""
    return not definition.required and not definition.autogenerate


def _why_wrong_create(event: Pending, data: Json) -> str | None:
    if data is None:
        return None
    if not isinstance(data, dict):
        return (
            "A create takes an object with the fields of the new item as its data, or nothing;"
            f" this is {describe(data)}."
        )
    if "id" in data and data["id"] != event.item_id:
        return f"data gives the id {describe(data['id'])}, but item_id is {quote(event.item_id)}. Leave id out of data."
    return None


def _why_wrong_update(_: Pending, data: Json) -> str | None:
    if not isinstance(data, dict):
        return f"An update takes an object with one field and its new value as its data; this is {describe(data)}."
    if len(data) != 1:
        return f"An update sets exactly one field; this data has {len(data)}. Append one event for each field."
    return None


def _why_wrong_delete(_: Pending, data: Json) -> str | None:
    if data is None or data == {}:
        return None
    return f"A delete takes no data; this is {describe(data)}. Leave data empty."


_SHAPES = {"create": _why_wrong_create, "update": _why_wrong_update, "delete": _why_wrong_delete}


def _why_unknown(name: str, target: Target) -> str:
    known = ", ".join(field.name for field in target.settable[:MAX_NAMES]) or "none that an event can set"
    more = ", …" if len(target.settable) > MAX_NAMES else ""
    return f"{target.collection} has no field {quote(name)}. Its fields are: {known}{more}."


def _why_not(target: Target, definition: FieldDefinition, modifier: Modifier | None, value: Json) -> str | None:
    if definition.type == "file":
        return target.why_not_settable(definition) or why_no_file_modifier(definition, modifier, value)
    if modifier is None:
        return target.why_not_settable(definition) or why_not_fitting(definition, value)
    return target.why_not_settable(definition) or why_not_modifying(definition, modifier.operation, value)


def _why_no_expectation(event: Pending, target: Target) -> str | None:
    """Why the event can't ask for a version of its row; None if it can, or doesn't."""
    if not event.expected_seq:
        return None
    if event.type == "create":
        return "A create has no version to expect. Leave expected_seq out."
    if not target.versioned:
        return f"The rows of {target.collection} carry no seq to compare with. Leave expected_seq out."
    return None
