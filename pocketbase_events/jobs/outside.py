"""Records outside of the log that rows relate to. The log can't bring them back: losing them is not a difference."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pocketbase_events.core.fold import MAX_SEQS, Difference, Item, Row, Unfit, UnfitKind, difference
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.schema import FieldDefinition, Target
from pocketbase_events.core.values import is_empty
from pocketbase_events.pb.source import Source

GONE = "relates to records that are gone"
LACKING = "relates to records that rows lack"


class Outside:
    """Which records of collections that are not attached are gone.

    Args:
        source: reads the records. If it may not see all, relations that rows lack are listed, but are not differences.
        attached: all attached collections.
    """

    def __init__(self, source: Source, attached: Iterable[Target]) -> None:
        self._source = source
        self._inside = {target.collection_id for target in attached}
        self._gone: dict[tuple[str, str], bool] = {}  # by collection and record; filled as they are looked up
        self.absent: dict[str, set[str]] = {}  # by collection: rows that can't exist, which is not a difference
        self._is_blind = False  # whether records may be hidden from the source
        # Seqs of relations to missing records, and of those that rows lack, by collection and field.
        self._met: dict[tuple[str, str], set[int]] = {}
        self._lacking: dict[tuple[str, str], set[int]] = {}

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
            self._is_blind = self._is_blind or gone is None
            self._gone |= {(collection_id, key): key in (gone or set()) for key in ids}

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
        for name in self._lacked(target, item, fields):
            self._lacking.setdefault((target.collection, name), set()).add(item.seq_of(name))
            del fields[name]
        return replace(each, fields=fields) if fields else None

    def why_blocked(self, target: Target, item: Item) -> str | None:
        """Why a row can't be inserted: a relation that is required and gone; None if there is none."""
        for field, value in self._relations(target, item):
            if field.required and self._is_lost(field, value) and is_empty(field, self._left(field, value)):
                return f'"{field.name}" (seq {item.seq_of(field.name)}) {GONE}, and it is required'
        return None

    def told(self) -> list[Unfit]:
        """The relations that were met so far to records that are missing, or that rows lack."""
        return [*_told("outside", GONE, self._met), *_told("unseen", LACKING, self._lacking)]

    def _lacked(self, target: Target, item: Item, fields: Mapping[str, tuple[Json, Json]]) -> list[str]:
        """Those of the differing fields that only lack ids, as if PocketBase had taken out those of deleted records."""
        if not self._is_blind:
            return []
        relations = {field.name for field, _ in self._relations(target, item)}
        ids = {name: (_ids(logged), _ids(live)) for name, (logged, live) in fields.items() if name in relations}
        return [name for name, (logged, live) in ids.items() if live == [key for key in logged if key in live]]

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


def _told(kind: UnfitKind, why: str, found: Mapping[tuple[str, str], set[int]]) -> Iterator[Unfit]:
    for (collection, name), seqs in found.items():
        yield Unfit(collection, name, kind, why, sorted(seqs)[:MAX_SEQS], len(seqs))


def _ids(value: Json) -> list[str]:
    """The ids in a relation's value; what is not a text can't be one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]
