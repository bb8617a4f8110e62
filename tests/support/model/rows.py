"""A small model of log and rows, made of dicts alone: what the pages say."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pocketbase_events.jobs.targets import RULES

ANYONE = dict.fromkeys(RULES, "")
MISFIT = object()  # what a field is never given
GENERATED = object()  # what PocketBase made up: seen first, and known from then on
DATES = {
    "": "",
    "2026-01-31": "2026-01-31 00:00:00.000Z",
    "2026-01-31T09:30:00+02:00": "2026-01-31 07:30:00.000Z",
    "2026-12-31 23:30:00.123999-05:30": "2027-01-01 05:00:00.123Z",
    "0900-01-01 00:00:00Z": "0900-01-01 00:00:00.000Z",
}
GOOD = {"email": ["a@example.com"], "url": ["https://example.com/?a=1&b=2#c"]}
LISTED = '["a"]'  # a text that PocketBase would read as a list
CLEARED: dict[str, Any] = {"number": 0, "bool": False, "json": None}


@dataclass(frozen=True)
class Field:
    """A field that an event may set, as its definition in PocketBase says."""

    name: str
    type: str
    required: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    relates_to: str = ""  # "left" or "right"

    @property
    def multiple(self) -> bool:
        return bool(self.options.get("maxSelect", 1) > 1)

    @property
    def generated(self) -> bool:
        return "autogeneratePattern" in self.options

    def kept(self, value: Any) -> Any:
        """What a row holds once it was given this value; MISFIT where no field of this type is given such a one."""
        if self.multiple:
            chosen = [] if value is None else [value] if isinstance(value, str) else value
            if isinstance(chosen, list) and all(isinstance(each, str) for each in chosen):
                return list(dict.fromkeys(each for each in chosen if each))
            return MISFIT
        if value is None:
            return CLEARED.get(self.type, "")
        if self.type == "date":
            return DATES.get(value, MISFIT) if isinstance(value, str) else MISFIT
        is_list = self.type in ("select", "relation") and value == LISTED
        fits = {"json": True, "bool": isinstance(value, bool), "number": is_number(value)}
        return value if fits.get(self.type, isinstance(value, str) and not is_list) else MISFIT

    def admits(self, value: Any, related: Iterable[str]) -> bool:
        """Whether PocketBase's own validation lets a row hold this."""
        nothing = value in (None, "", [], {}) if self.type == "json" else value == self.kept(None)
        if nothing or value is GENERATED:
            return value is GENERATED or not self.required
        options, admitted = self.options, True
        match self.type:
            case "text":
                admitted = len(value) <= options.get("max", 5000)
            case "number":
                whole = not options.get("onlyInt") or (value == int(value) and abs(value) < 2**63)
                admitted = whole and value <= options.get("max", value)
            case "email" | "url":
                admitted = value in GOOD[self.type]
            case "select" | "relation":
                chosen = set(value if self.multiple else [value])
                admitted = chosen <= set(options.get("values", related)) and len(chosen) <= options["maxSelect"]
        return bool(admitted)


@dataclass
class Item:
    """What the log says of an item."""

    given: dict[str, Any]
    deleted: bool = False
    changed: int = 0  # the seq of the last event about it
    adopted: bool = False  # the row was there before, and no event has changed it since


@dataclass
class Appended:
    """An event as it was appended."""

    id: str
    type: str
    collection: str
    item_id: str
    data: Any
    actor: str
    position: int


@dataclass
class Collection:
    """A collection: its fields, its rows, what the log says of them, and who may write them."""

    name: str
    id_pattern: str
    fields: dict[str, Field]
    unique: Sequence[Callable[[Mapping[str, Any]], Any]]  # what no two rows have in common, None aside
    attached: bool = True
    locked: bool = True
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: dict[str, Item] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Whether superusers, too, are kept from writing rows."""
        return self.attached and self.locked

    def row(self, given: Mapping[str, Any], deleted: bool = False) -> dict[str, Any]:
        """A new row that was given these values; what they leave out is empty, or generated."""
        row = {name: each.kept(given.get(name)) for name, each in self.fields.items()}
        generated = {name: GENERATED for name, each in self.fields.items() if each.generated and row[name] == ""}
        return {**row, **generated, "deleted": deleted, "seq": 0}

    def modified(self, row: Mapping[str, Any], key: str, value: Any) -> Any:
        """What an update with this key makes of the field; MISFIT if the key is a modifier that does not fit."""
        name = key.strip("+-")
        if name == key or name not in self.fields:
            return value
        each = self.fields[name]
        if each.multiple:
            fits = value is not None and each.kept(value) is not MISFIT
        else:
            fits = each.type == "number" and not key.startswith("+") and is_number(value)
        return modified(row[name], key, value) if fits else MISFIT

    def is_id(self, item_id: str) -> bool:
        """Whether a new row may have this id."""
        taken = any(item_id.lower() == other.lower() for other in self.rows)
        return re.fullmatch(self.id_pattern, item_id) is not None and not taken

    def differences(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Which rows are not what the log says: by id, the kind, and what the log says of what was changed."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for item_id in self.rows.keys() | self.log.keys():
            item, row = self.log.get(item_id), self.rows.get(item_id)
            if item is None or row is None:
                found[item_id] = ("extra" if item is None else "missing", {})
                continue
            wanted = self.wanted(item)
            changed = {name: value for name, value in wanted.items() if not is_held(row, name, value)}
            if row["seq"] != item.changed and not (item.adopted and row["seq"] == 0):
                changed["seq"] = item.changed
            if changed:
                found[item_id] = ("changed", changed)
        return found

    def wanted(self, item: Item) -> dict[str, Any]:
        """What the log says that a row holds, as far as its fields can hold it and it says anything at all."""
        wanted = {
            name: each.kept(item.given.get(name))
            for name, each in self.fields.items()
            if not each.generated or name in item.given
        }
        return {**{name: value for name, value in wanted.items() if value is not MISFIT}, "deleted": item.deleted}

    def record(self, event: Appended, seq: int) -> None:
        """Let the log say what an event says."""
        given = dict(event.data or {})
        given.pop("id", None)
        if event.type == "create":
            for name in [name for name in given if self.fields[name].generated and given[name] in (None, "")]:
                del given[name]
            self.log[event.item_id] = Item(given, changed=seq)
        elif event.item_id in self.log:
            item = self.log[event.item_id]
            item.changed, item.adopted = seq, False
            item.deleted = event.type == "delete" or (item.deleted and "deleted" not in given)
            for key in given.keys() - {"deleted"}:
                name = key.strip("+-")
                item.given[name] = given[key] if name == key else modified(item.given.get(name), key, given[key])


@dataclass
class Model:
    """All that is known: two collections, and the events that wait."""

    collections: dict[str, Collection]  # "left" and "right"
    pending: list[Appended] = field(default_factory=list)
    rejected: list[Appended] = field(default_factory=list)
    recorded: list[Appended] = field(default_factory=list)

    def named(self, name: str) -> Collection | None:
        """The attached collection of that name."""
        return next((each for each in self.collections.values() if each.attached and each.name == name), None)

    def related(self, definition: Field) -> Iterable[str]:
        return self.collections[definition.relates_to].rows if definition.relates_to else ()

    def admits(self, collection: Collection, item_id: str, row: Mapping[str, Any]) -> bool:
        """Whether PocketBase lets a row be like this, beside the others that are there."""
        others = [other for key, other in collection.rows.items() if key != item_id]
        return all(each.admits(row[name], self.related(each)) for name, each in collection.fields.items()) and not any(
            unique(row) is not None and unique(row) == unique(other) for unique in collection.unique for other in others
        )

    def take(self, event: Appended, seq: int) -> bool:
        """Record an event with this seq, or reject it; whether it was recorded."""
        collection = self.named(event.collection)
        row = None if collection is None else self.after(collection, event)
        if collection is None or row is None or not self.admits(collection, event.item_id, row):
            self.rejected.append(event)
            return False
        collection.rows[event.item_id] = {**row, "seq": seq}
        collection.record(event, seq)
        self.recorded.append(event)
        return True

    @staticmethod
    def after(collection: Collection, event: Appended) -> dict[str, Any] | None:
        """The row after an event, as far as the event and the row itself tell; None where the event can't be."""
        row = collection.rows.get(event.item_id)
        given = {} if event.data is None else event.data
        if not isinstance(given, dict):
            return None
        if event.type == "create":
            can_be = given.get("id", event.item_id) == event.item_id and collection.is_id(event.item_id)
            given = {name: value for name, value in given.items() if name != "id"}
        else:
            restores = given.get("deleted") is False
            can_be = row is not None and row["deleted"] is restores and len(given) == (event.type == "update")
            if can_be and row is not None and restores:
                return {**row, "deleted": False}
            if can_be and row is not None:
                given = {key.strip("+-"): collection.modified(row, key, value) for key, value in given.items()}
        if not can_be or not given.keys() <= collection.fields.keys():
            return None
        kept = {name: collection.fields[name].kept(value) for name, value in given.items()}
        if any(value is MISFIT for value in kept.values()):
            return None
        return collection.row(given) if row is None else {**row, **kept, "deleted": event.type == "delete"}

    def removed(self, collection: Collection, item_id: str) -> None:
        """A row is gone, and with it what related to it."""
        del collection.rows[item_id]
        for each, definition, key, value in self.relating(collection, item_id):
            each.rows[key][definition.name] = [one for one in value if one != item_id] if definition.multiple else ""

    def is_related(self, collection: Collection, item_id: str) -> bool:
        """Whether the log says of some item that it relates to this one."""
        return any(
            item_id in (value if isinstance(value, list) else [value])
            for each in self.collections.values()
            for definition in each.fields.values()
            if definition.relates_to and self.collections[definition.relates_to] is collection
            for item in each.log.values()
            for value in [item.given.get(definition.name)]
        )

    def relating(self, collection: Collection, item_id: str) -> list[tuple[Collection, Field, str, Any]]:
        """Which rows hold that they relate to a row, and in which field."""
        return [
            (each, definition, key, row[definition.name])
            for each in self.collections.values()
            for definition in each.fields.values()
            if definition.relates_to and self.collections[definition.relates_to] is collection
            for key, row in each.rows.items()
            if item_id in (row[definition.name] if definition.multiple else [row[definition.name]])
        ]


def is_held(row: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether a row holds a value. What PocketBase made up just now is none that an event gave."""
    return row[name] is not GENERATED and canonical(row[name]) == canonical(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def modified(before: Any, key: str, operand: Any) -> Any:
    """What a modifier that fits makes of a value."""
    if is_number(operand):
        start = float(before) if is_number(before) else 0.0  # doubles, as PocketBase adds them
        return start - operand if key.endswith("-") else start + operand
    held, given = ([] if each is None else [each] if isinstance(each, str) else each for each in (before, operand))
    if key.endswith("-"):
        return [each for each in held if each not in given]
    both = [*given, *held] if key.startswith("+") else [*held, *given]
    return list(dict.fromkeys(each for each in both if each))


def canonical(value: Any) -> str:
    """What two equal JSON values have in common: 1 is 1.0, and no bool."""
    return json.dumps(plain(value), sort_keys=True)


def plain(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int() | float():
            return int(value) if abs(value) < 2**53 and value == int(value) else float(value)
        case list():
            return [plain(each) for each in value]
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case _:
            return value
