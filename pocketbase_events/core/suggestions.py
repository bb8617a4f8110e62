"""Which field holds now what the log says of one that is gone: it was renamed, most likely. Pure."""

from collections.abc import Iterable, Mapping

from pocketbase_events.core.fold import Difference, Item
from pocketbase_events.core.schema import FieldDefinition, Target
from pocketbase_events.core.values import is_empty, same, why_unfit


def renames_suggested(
    target: Target, items: Mapping[str, Item], differences: Iterable[Difference]
) -> list[tuple[str, str]]:
    """Fields that are gone, each with the one field in which all rows have its values.

    Args:
        target: the collection.
        items: what the log says of its rows.
        differences: how its rows differ from that.
    """
    differing = {each.id: each for each in differences if each.collection == target.collection}
    gone = dict.fromkeys(name for item in items.values() for name in item.fields if name not in target.by_name)
    found: list[tuple[str, str]] = []
    for name in gone:
        fields = [field.name for field in target.settable if _holds(field, name, items, differing)]
        if len(fields) == 1:
            found.append((name, fields[0]))
    return found


def _holds(field: FieldDefinition, gone: str, items: Mapping[str, Item], differing: Mapping[str, Difference]) -> bool:
    """Whether the field has what the log says of the one that is gone, in all rows in which no event has set it."""
    agreeing = 0
    for item_id, item in items.items():
        each = differing.get(item_id)
        if gone not in item.fields or field.name in item.fields or (each is not None and each.kind != "changed"):
            continue
        live = each.fields[field.name][1] if each is not None and field.name in each.fields else None
        logged = item.fields[gone]
        if field.autogenerate or why_unfit(field, logged) is not None or not same(field, logged, live):
            return False
        agreeing += not is_empty(field, live)
    return agreeing > 0
