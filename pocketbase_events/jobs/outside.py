"""Records outside of the log that rows relate to. The log can't bring them back: losing them is not a difference."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pocketbase_events.core.fold import MAX_SEQS, Difference, Item, Row, Unfit, difference
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.schema import FieldDefinition, Target
from pocketbase_events.core.values import is_empty
from pocketbase_events.pb.source import Source

GONE = "relates to records that are gone"


class Outside:
    """Which records of collections that are not attached are gone.

    Args:
        source: sees the records; if it is not sure that it does, none counts as gone.
        attached: all attached collections.
    """

    def __init__(self, source: Source, attached: Iterable[Target]) -> None:
        self._source = source
        self._inside = {target.collection_id for target in attached}
        self._gone: dict[tuple[str, str], bool] = {}  # by collection and record; filled as they are looked up
        self.absent: dict[str, set[str]] = {}  # by collection: rows that can't exist, which is not a difference
        self._met: dict[tuple[str, str], set[int]] = {}  # seqs of such relations, by collection and field

    def governed(self, target: Target, item: Item) -> Item:
        """The item without relations to records that are gone; `look` comes first."""
        lost = {field.name: value for field, value in self._relations(target, item) if self._is_lost(field, value)}
        if not lost:
            return item
        fields = dict(item.fields)
        for name, value in lost.items():
            self._met.setdefault((target.collection, name), set()).add(item.seq_of(name))
            fields[name] = self._left(target.by_name[name], value)
        return replace(item, fields=fields)

    def look(self, target: Target, items: Iterable[Item]) -> None:
        """Find out which records these items relate to are gone."""
        wanted: dict[str, set[str]] = {}
        for item in items:
            for field, value in self._relations(target, item):
                unknown = {key for key in _ids(value) if (field.relates_to, key) not in self._gone}
                wanted.setdefault(field.relates_to, set()).update(unknown)
        for collection_id, ids in wanted.items():
            gone = self._source.gone(collection_id, sorted(ids)) if ids else set()
            self._gone |= {(collection_id, key): key in gone for key in ids}

    def matters(self, target: Target, each: Difference, item: Item | None, row: Row | None) -> Difference | None:
        """The difference without relations to records that are gone; None if nothing is left of it."""
        if item is None:
            return each
        governed = self.governed(target, item)
        if row is None and item.deleted and self.why_blocked(target, item):
            self.absent.setdefault(target.collection, set()).add(each.id)
            return None
        if row is None:
            return each
        left = difference(target, each.id, governed, row)
        fields = {name: values for name, values in (left.fields if left else {}).items() if name in each.fields}
        return replace(each, fields=fields) if fields else None

    def why_blocked(self, target: Target, item: Item) -> str | None:
        """Why a row can't be inserted: a relation that is required and gone; None if there is none."""
        for field, value in self._relations(target, item):
            if field.required and self._is_lost(field, value) and is_empty(field, self._left(field, value)):
                return f'"{field.name}" (seq {item.seq_of(field.name)}) {GONE}, and it is required'
        return None

    def told(self) -> list[Unfit]:
        """The relations to missing records that were met so far."""
        return [
            Unfit(collection, name, "outside", GONE, sorted(seqs)[:MAX_SEQS], len(seqs))
            for (collection, name), seqs in self._met.items()
        ]

    def _relations(self, target: Target, item: Item) -> Iterator[tuple[FieldDefinition, Json]]:
        """The fields of an item that relate to collections outside of the log, and their values."""
        for field in target.settable:
            if field.type == "relation" and field.relates_to not in self._inside and field.name in item.fields:
                yield field, item.fields[field.name]

    def _is_lost(self, field: FieldDefinition, value: Json) -> bool:
        return any(self._gone.get((field.relates_to, key), False) for key in _ids(value))

    def _left(self, field: FieldDefinition, value: Json) -> Json:
        """The value without ids of records that are gone."""
        left = [key for key in _ids(value) if not self._gone.get((field.relates_to, key), False)]
        return left if field.multiple else "".join(left[:1])


def _ids(value: Json) -> list[str]:
    """The ids in a relation's value; what is not a text can't be one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]
