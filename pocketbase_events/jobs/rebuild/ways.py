"""The ways to write a row that differs: each gives the writes for one pass of a rebuild."""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from pocketbase_events.core.fold import Difference, Item, row_fields
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.projection import Write
from pocketbase_events.core.schema import DELETED, SEQ, Target
from pocketbase_events.core.values import to_pocketbase


class Stage(IntEnum):
    """When a write happens within its transaction."""

    CLEAR = 1  # give up values that another row needs
    INSERT = 2
    UPDATE = 3  # after the inserts, since it may relate to any of the new rows


class Step(NamedTuple):
    """A write, and when it happens within its transaction."""

    stage: Stage
    write: Write


Way = Callable[[Target, Item | None, Difference], list[Step]]


def whole(target: Target, item: Item | None, each: Difference) -> list[Step]:
    """Remove, update or insert the row as it is."""
    if item is None:
        return [Step(Stage.UPDATE, Write(False, each.collection, each.id, {}, removes=True))]
    if each.kind == "changed":
        return [_update(each, _changed_fields(target, item, each))]
    return _insert(each, item, row_fields(target, item), late=_emptied(target, item))


def relating_later(target: Target, item: Item | None, each: Difference) -> list[Step]:
    """Insert the row without its optional relations, then set them. Other differences as in `whole`."""
    if item is None or each.kind != "missing":
        return whole(target, item, each)
    relations = {field.name for field in target.settable if field.type == "relation" and not field.required}
    return _insert(each, item, row_fields(target, item), late=_emptied(target, item) | relations)


def numbering(_: Target, item: Item | None, each: Difference) -> list[Step]:
    """Give the row the seq of the last event that changed it. Other differences stay."""
    if item is None or SEQ not in each.fields:
        return []
    return [_update(each, {SEQ: item.changed})]


def exchanging(target: Target, item: Item | None, each: Difference) -> list[Step]:
    """Clear changed values that must be unique, then set them. Other differences as in `relating_later`."""
    if item is None or each.kind != "changed":
        return relating_later(target, item, each)
    fields = _changed_fields(target, item, each)
    unique = [name for name in fields if name != DELETED and target.in_unique_index(name)]
    cleared = Write(False, each.collection, each.id, dict.fromkeys(unique))
    return [*([Step(Stage.CLEAR, cleared)] if unique else []), _update(each, fields)]


def _insert(each: Difference, item: Item, fields: dict[str, Json], *, late: set[str]) -> list[Step]:
    """Insert the row, and set the late fields afterwards."""
    later = {name: value for name, value in fields.items() if name in late}
    if later and item.deleted:
        later[DELETED] = True  # a row that is deleted changes no more
    first = {name: value for name, value in fields.items() if name not in later}
    insert = Step(Stage.INSERT, Write(True, each.collection, each.id, first))
    return [insert, _update(each, later)] if later else [insert]


def _update(each: Difference, fields: dict[str, Json]) -> Step:
    return Step(Stage.UPDATE, Write(False, each.collection, each.id, fields))


def _changed_fields(target: Target, item: Item, each: Difference) -> dict[str, Json]:
    """The fields that differ, with the log's values."""
    ours: dict[str, Json] = {DELETED: item.deleted, **({SEQ: item.changed} if target.versioned else {})}
    return {
        name: ours[name] if name in ours else to_pocketbase(target.by_name[name], item.fields.get(name))
        for name in each.fields
    }


def _emptied(target: Target, item: Item) -> set[str]:
    """The generated fields that an event emptied: PocketBase fills them at each insert."""
    return {name for name, value in row_fields(target, item).items() if _is_emptied(target, name, value)}


def _is_emptied(target: Target, name: str, value: Json) -> bool:
    field = target.by_name[name]
    return bool(field.autogenerate) and value in (None, "")
