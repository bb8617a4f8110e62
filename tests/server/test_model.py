"""A small model of log and rows, made of dicts alone, beside the real thing: the two never part."""

import itertools
import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support import Server, check_log, create, live_rows, start_copy
from support import item_id as nth
from typer.testing import CliRunner

from pocketbase_events.cli import app
from pocketbase_events.core.transaction import Outcome, Transaction
from pocketbase_events.errors import ProblemError, TroubleError, WrongUsageError
from pocketbase_events.jobs import setup
from pocketbase_events.jobs.check import find
from pocketbase_events.jobs.hold import Holding, holding
from pocketbase_events.jobs.rebuild import Rebuild
from pocketbase_events.jobs.record.worker import Step, Worker
from pocketbase_events.jobs.status import retry
from pocketbase_events.jobs.verify import verify
from pocketbase_events.pb.accounts import superuser_token
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.database import Database
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Page

NEVER = threading.Event()
ANYONE = dict.fromkeys(setup.RULES, "")
MISFIT = object()  # what a field is never given
GENERATED = object()  # what PocketBase made up: seen first, and known from then on


# -- the model: what the README says, in dicts -----------------------------------------------------------------

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
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_list = self.type in ("select", "relation") and value == LISTED
        fits = {"json": True, "bool": isinstance(value, bool), "number": is_number}
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
        return {**row, **generated, "deleted": deleted}

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
            changed = {name: value for name, value in wanted.items() if canonical(value) != canonical(row[name])}
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

    def record(self, event: Appended) -> None:
        """Let the log say what an event says."""
        given = dict(event.data or {})
        given.pop("id", None)
        if event.type == "create":
            for name in [name for name in given if self.fields[name].generated and given[name] in (None, "")]:
                del given[name]
            self.log[event.item_id] = Item(given)
        elif event.item_id in self.log:
            item = self.log[event.item_id]
            item.given.update(given)
            item.deleted = item.deleted or event.type == "delete"


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

    def take(self, event: Appended) -> bool:
        """Record or reject an event; whether it was recorded."""
        collection = self.named(event.collection)
        row = None if collection is None else self.after(collection, event)
        if collection is None or row is None or not self.admits(collection, event.item_id, row):
            self.rejected.append(event)
            return False
        collection.rows[event.item_id] = row
        collection.record(event)
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
            can_be = row is not None and not row["deleted"] and len(given) == (event.type == "update")
        if not can_be or not given.keys() <= collection.fields.keys():
            return None
        kept = {name: collection.fields[name].kept(value) for name, value in given.items()}
        if MISFIT in kept.values():
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


# -- what is appended ------------------------------------------------------------------------------------------

LEFT = (
    Field("title", "text", required=True, options={"max": 12}),
    Field("note", "text"),
    Field("body", "editor"),
    Field("qty", "number"),
    Field("rank", "number", options={"onlyInt": True, "max": 10}),
    Field("done", "bool"),
    Field("due", "date"),
    Field("one", "select", options={"maxSelect": 1, "values": ["a", "b", "[c]"]}),
    Field("many", "select", options={"maxSelect": 2, "values": ["a", "b", "[c]"]}),
    Field("mail", "email"),
    Field("link", "url"),
    Field("meta", "json"),
    Field("code", "text", options={"max": 3}),
    Field("slug", "text"),
    Field("auto", "text", options={"autogeneratePattern": "[a-z]{6}"}),
    Field("friend", "relation", options={"maxSelect": 1}, relates_to="right"),
    Field("friends", "relation", options={"maxSelect": 2}, relates_to="left"),
)
RIGHT = (
    Field("name", "text"),
    Field("agreed", "bool", required=True),
    Field("kind", "select", required=True, options={"maxSelect": 2, "values": ["a", "b"]}),
    Field("age", "number"),
    Field("meta", "json"),
    Field("boss", "relation", options={"maxSelect": 1}, relates_to="right"),
)
FIELDS = {"left": LEFT, "right": RIGHT}
BASE: dict[str, dict[str, Any]] = {"left": {"title": "x"}, "right": {"agreed": True, "kind": "a"}}
UNIQUE: dict[str, tuple[Callable[[Mapping[str, Any]], Any], ...]] = {
    "left": (
        lambda row: row["code"] or None,
        lambda row: row["slug"] or None if not row["deleted"] else None,
    ),
    "right": (),
}
INDEXES = {
    "left": [
        "CREATE UNIQUE INDEX `idx_code_{name}` ON `{name}` (`code`) WHERE `code` != ''",
        "CREATE UNIQUE INDEX `idx_slug_{name}` ON `{name}` (`slug`) WHERE `slug` != '' AND `deleted` = FALSE",
    ],
    "right": [],
}
UNSETTABLE: list[dict[str, Any]] = [
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "photo", "type": "file", "maxSelect": 1, "maxSize": 1000},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "deleted", "type": "bool"},
]
CHANGING = {"left": ("note", "qty", "done", "meta", "body"), "right": ("name", "age", "meta")}  # by schema edits
SPARE = ("memo", "extra")  # names that fields may come to have
LOOSE_ID: dict[str, Any] = {
    "name": "id", "type": "text", "primaryKey": True, "required": True, "system": True, "min": 1, "max": 40,
    "pattern": "^.+$", "autogeneratePattern": "[a-z0-9]{15}",
}  # fmt: skip
ID_PATTERNS = {"left": "[a-z0-9]{15}", "right": r"""[^./\\|"'`<>:?*%$\s\x00-\x1f\x7f]{1,40}"""}
IDS = {
    "left": [f"item{number:011d}" for number in range(4)],
    "right": ["a", "A", "a#b", "é", "e\u0301", "&=+;", "[a]"],
}
ODD_IDS = [
    "SHORT", "ITEM00000000001", "item00000000000#x", "item00000000000?x=1", "item00000000000/", "../item00000000000",
    "item00000000000 ", "item0000000000\0", "%69tem00000000000", "a%62", "a'b", 'a"b', "a\\b", "a/b", "a?b", "..",
    "x" * 41, "x" * 1200, "😀" * 300, "a\u2028b\u200b", "*", "$", "a:b", "none",
]  # fmt: skip

Event = tuple[str, str, Any]  # its type, item and data

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=14)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts | st.sampled_from(["true", "[1]", '"x"', "", "null", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "editor": texts,
    "number": st.sampled_from([0, 1, 3, 10, 11, 2.5, -0.0, 1e300, 5e-324, 9007199254740991]) | numbers,
    "bool": st.booleans(),
    "date": st.sampled_from([*DATES, "tomorrow", "2026-02-30 00:00:00Z", "0001-01-01"]),
    "email": st.sampled_from([*GOOD["email"], "", "no address"]),
    "url": st.sampled_from([*GOOD["url"], "", "no address"]),
    "json": json_values,
}
UNKNOWN = ["secret", "photo", "created", "deleted", "nofield", "qty+", "title:autogenerate", "id", ""]
misfits = st.sampled_from([5, True, "x", ["a"], [1], {"a": 1}, LISTED, [], 1.5])


def ids_of(which: str) -> st.SearchStrategy[str]:
    return st.sampled_from(IDS[which])


@st.composite
def value_for(draw: st.DrawFn, definition: Field) -> Any:
    """A value that the field may hold, as a rule; now and then null or one of another type."""
    chance = draw(st.integers(0, 19))
    if chance >= 18:
        return None if chance == 18 else draw(misfits)
    match definition.type:
        case "select":
            good = st.sampled_from(["a", "b", "[c]", "z", ""])
        case "relation":
            good = st.sampled_from([*IDS[definition.relates_to] * 2, "", "nobody000000000", LISTED])
        case "text" if definition.name in ("code", "slug"):
            good = st.sampled_from(["", "1", "2", "A", "a", "1234"])
        case _:
            good = BY_TYPE[definition.type]
    return draw(st.lists(good, max_size=3) if definition.multiple and draw(st.booleans()) else good)


@st.composite
def value_of(draw: st.DrawFn, which: str) -> tuple[str, Any]:
    """A field and what to give it; now and then it is none that an event may set."""
    chance = draw(st.integers(0, 19))
    if chance == 19:
        return draw(st.sampled_from(UNKNOWN)), draw(st.sampled_from(["x", True]))
    if chance >= 17:
        return draw(st.sampled_from(SPARE)), draw(texts | numbers | st.booleans() | json_values)
    definition = draw(st.sampled_from(FIELDS[which]))
    return definition.name, draw(value_for(definition))


@st.composite
def event_for(draw: st.DrawFn, which: str, item: str | None = None) -> tuple[str, str, Any]:
    """Type, item and data of an event; now and then they are such as no event has."""
    type_ = draw(st.sampled_from(["create"] * 4 + ["update"] * 5 + ["delete"]))
    odd = draw(st.integers(0, 19))
    item_id = item or draw(st.sampled_from(ODD_IDS) if odd == 19 else ids_of(which))
    if odd == 18:
        return type_, item_id, draw(st.sampled_from([None, {}, [], [1], 0, True, "x", {"title": "a", "qty": 1}]))
    if type_ == "delete":
        return type_, item_id, draw(st.sampled_from([None, {}]))
    if type_ == "update":
        return type_, item_id, dict([draw(value_of(which))])
    more = {"id": item_id} if odd > 15 else {}
    return type_, item_id, {**BASE[which], **dict(draw(st.lists(value_of(which), max_size=3))), **more}


def events_for(which: str) -> st.SearchStrategy[list[Event]]:
    """Events about items of a collection, or about one of them."""
    about_one = ids_of(which).flatmap(lambda item: st.lists(event_for(which, item), min_size=3, max_size=8))
    return st.lists(event_for(which), min_size=1, max_size=6) | about_one


sides = st.sampled_from(["left", "right"])
places = st.integers(0, 50)  # which one of those that there are
operations = st.sampled_from(
    ["check", "rebuild", "rebuild, and remove nothing", "rebuild the left", "nothing", "nothing"]
)
whoever = st.sampled_from(["first", "second", "both", "some", "nobody", "nobody"])  # who records


# -- the real thing --------------------------------------------------------------------------------------------


class World:
    """A PocketBase for all examples, and everybody who comes to it."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._template, self._folder = template, folder
        self._open = ExitStack()
        self._numbers = itertools.count(1)
        self.clean = False  # the last example left it as it should be

    def close(self) -> None:
        self._open.close()

    def enter(self) -> int:
        """The number of the next example, which finds a PocketBase that is sound."""
        number = next(self._numbers)
        if not self.clean:
            self._renew(number)
        self.clean = False
        return number

    def _renew(self, number: int) -> None:
        self._open.close()
        start = contextmanager(start_copy)(self._template, self._folder / str(number))
        self.server: Server = self._open.enter_context(start)
        setup.detach(self.server.admin(), "items")
        self.root, self.guest, self.admin = self.server.superuser(), self.server.guest(), self.server.admin()
        self.workers = [self.server.worker(), self.server.worker()]
        self.gateway = self.server.gateway()
        known = self.server.settings()
        connection = Connection(self.server.url, lambda: superuser_token(known))
        self.superuser = Gateway(self._open.enter_context(closing(connection)))
        self.lockable = self.admin.has_sql()

    def rows(self, collection: Collection) -> dict[str, dict[str, Any]]:
        """The rows as they are, those fields only that the model knows."""
        names = (*collection.fields, "deleted")
        return {row["id"]: {name: row[name] for name in names} for row in self.root.records(collection.name)}

    def fates(self) -> dict[str, tuple[int, str]]:
        """By id of an event, its seq and its error."""
        return {row[0]: (row[1], row[2]) for row in self.select("SELECT id, seq, error FROM events")}

    def select(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(self.server.database()) as database:
            return database.execute(query, values).fetchall()

    def write(self, statement: str, *values: Any) -> None:
        """Write the database file, past PocketBase."""
        with closing(self.server.database()) as database, database:
            database.execute(statement, values)

    def create(self, number: int) -> dict[str, Collection]:
        """Two attached collections of this example's own."""
        names = {which: f"{which}{number}" for which in FIELDS}
        for which, name in names.items():
            fields = [definition(each) for each in FIELDS[which] if not each.relates_to]
            fields += UNSETTABLE if which == "left" else [LOOSE_ID]
            indexes = [sql.format(name=name) for sql in INDEXES[which] if "deleted" not in sql]
            body = {"name": name, "type": "base", "fields": fields, "indexes": indexes}
            answer = self.root("POST", "/api/collections", json=body)
            assert answer.ok, answer.text
        there = {which: self.root("GET", f"/api/collections/{name}").json() for which, name in names.items()}
        for which, name in names.items():
            relations = [
                {**definition(each), "collectionId": there[each.relates_to]["id"]}
                for each in FIELDS[which]
                if each.relates_to
            ]
            indexes = [sql.format(name=name) for sql in INDEXES[which]]
            body = {"fields": [*there[which]["fields"], *relations], "indexes": indexes}
            answer = self.root("PATCH", f"/api/collections/{name}", json=body)
            assert answer.ok, answer.text
            setup.attach(self.admin, name, ANYONE, lock=None)
        return {
            which: Collection(
                names[which],
                ID_PATTERNS[which],
                {each.name: each for each in FIELDS[which]},
                UNIQUE[which],
                locked=self.lockable,
            )
            for which in FIELDS
        }


def definition(each: Field) -> dict[str, Any]:
    return {"name": each.name, "type": each.type, "required": each.required, **each.options}


def quiet(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
    del what, total
    yield from pages


class LogAndRows(RuleBasedStateMachine):
    """Everything that clients, workers, superusers and operators do, in any order."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.number = world.enter()
        self.model = Model(world.create(self.number))
        self.positions = itertools.count(1)
        self.seq = world.gateway.status().seq
        self.restarts = 0

    def teardown(self) -> None:
        """Everything is recorded, sound and explained; then the example's collections go."""
        if sys.exc_info()[0] is not None:
            return  # it failed; the next example begins anew
        self.record("first")
        self.look()
        assert verify(self.world.superuser, quiet).problems == []
        for each in self.model.collections.values():
            if each.attached:
                setup.detach(self.world.admin, each.name)
        names = [each.name for each in self.model.collections.values()]
        for name in names:
            collection = self.world.root("GET", f"/api/collections/{name}").json()
            alone = [one for one in collection["fields"] if one["type"] != "relation"]
            assert self.world.root("PATCH", f"/api/collections/{name}", json={"fields": alone}).ok
        for name in names:
            assert self.world.root("DELETE", f"/api/collections/{name}").status_code == 204
        self.world.clean = True

    @initialize(
        most=st.sampled_from([3, 7, 1000]),
        lock=st.booleans(),
        left=events_for("left"),
        right=events_for("right"),
    )
    def begin(self, most: int, lock: bool, left: list[Event], right: list[Event]) -> None:
        """A limit of the batch API, and some items, whose rows superusers may write or not."""
        batch = {"enabled": True, "maxRequests": most, "timeout": 3}
        assert self.world.root("PATCH", "/api/settings", json={"batch": batch}).ok
        for which, more in (("right", right), ("left", left)):
            self.attach_again_with_or_without_lock(which, lock)
            items: list[Event] = [("create", item_id, BASE[which]) for item_id in IDS[which][:2]]
            self.append_to(which, [*items, *more], then="first")

    # -- clients append, workers record --

    @rule(events=events_for("left"), then=whoever)
    def append_to_the_left(self, events: list[Event], then: str) -> None:
        self.append_to("left", events, then)

    @rule(events=events_for("right"), then=whoever)
    def append_to_the_right(self, events: list[Event], then: str) -> None:
        self.append_to("right", events, then)

    def append_to(self, which: str, events: list[Event], then: str) -> None:
        for event in events:
            self.append_as_guest(which, event)
        self.record(then)

    def append_as_guest(self, which: str, event: Event) -> None:
        collection = self.model.collections[which]
        status = self.append(self.world.guest, collection.name, event)
        if collection.attached:
            assert status == 200
        elif any(each.attached for each in self.model.collections.values()):
            assert status == 400
        else:
            assert status == 403

    @rule(
        event=event_for("left") | event_for("right"),
        name=st.sampled_from(["left", "right", "users", "events", "nope", "Left", "left ", 'left" || 1 = 1 || "']),
        actor=texts,
    )
    def append_as_superuser(self, event: Event, name: str, actor: str) -> None:
        for each in self.model.collections.values():
            name = each.name if each.name.rstrip("0123456789") == name else name
        assert self.append(self.world.root, name, event, actor) == 200

    def append(self, client: Any, collection: str, event: Event, actor: str = "") -> int:
        type_, item_id, data = event
        position = next(self.positions)
        appended = Appended(f"{self.number:07d}{position:08d}", type_, collection, item_id, data, actor, position)
        body = {key: value for key, value in vars(appended).items() if key != "position"}
        status = client("POST", "/api/collections/events/records", json=body).status_code
        if status == 200:
            self.model.pending.append(appended)
        return int(status)

    @rule(place=places, event=event_for("left"))
    def append_with_an_id_that_is_taken(self, place: int, event: Event) -> None:
        known = [*self.model.recorded, *self.model.rejected, *self.model.pending]
        if known:
            type_, item_id, data = event
            body = {"id": known[place % len(known)].id, "type": type_, "item_id": item_id, "data": data}
            body["collection"] = self.model.collections["left"].name
            assert self.world.guest("POST", "/api/collections/events/records", json=body).status_code in (400, 403)

    @rule(by=whoever)
    def record(self, by: str) -> None:
        """One of two workers records everything, and the other one's idea of the head is old; or both at once."""
        first, second = self.world.workers
        match by:
            case "first":
                self.to_the_end(first)
            case "second":
                self.to_the_end(second)
            case "both":
                self.at_once()
            case "some":
                third = Worker(self.world.gateway, lambda: datetime.now(UTC), uuid4, time.monotonic)
                third._batch = 2  # noqa: SLF001 - so that it takes no more at a time
                third.run_once()
        self.observe()
        assert self.model.pending == [] or by in ("some", "nobody")

    def at_once(self) -> None:
        failed: list[BaseException] = []

        def work(worker: Worker) -> None:
            try:
                self.to_the_end(worker, TroubleError)  # as `run` does
            except BaseException as error:  # noqa: BLE001 - told below
                failed.append(error)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in self.world.workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []

    def to_the_end(self, worker: Worker, *tolerated: type[Exception]) -> None:
        step = None
        for _ in range(200):
            with suppress(*tolerated):
                step = worker.run_to_end(NEVER)
            if step is Step.IDLE:
                return
        raise AssertionError(step)

    def observe(self) -> None:
        """What became of the events, and of the rows, is what the model says."""
        fates = self.world.fates()
        waiting = [event for event in self.model.pending if fates[event.id] == (0, "")]
        done = self.model.pending[: len(self.model.pending) - len(waiting)]
        assert self.model.pending == done + waiting, "processed in the order of insertion"
        self.model.pending = waiting
        for event in done:
            recorded = self.model.take(event)
            seq, error = fates[event.id]
            assert (seq > 0, seq == 0) == (recorded, error != ""), (event, seq, error)
            if recorded:
                self.seq += 1
                assert seq == self.seq, event
            else:
                assert " " in error.strip(), "a sentence"
                assert "\n" not in error
        assert check_log(self.world.server, retried=True).seq == self.seq
        self.check_content(done)
        self.check_rows()

    def check_content(self, done: Iterable[Appended]) -> None:
        """The log holds of an event what was appended."""
        names = ("type", "collection", "item_id", "actor")
        for event in done:
            found = self.world.select(f"SELECT data, {', '.join(names)} FROM events WHERE id = ?", event.id)
            data = found[0][0]  # a lone number is one to SQLite, too
            assert found[0][1:] == tuple(getattr(event, name) for name in names)
            assert canonical(json.loads(data) if isinstance(data, str) else data) == canonical(event.data)

    def check_rows(self) -> None:
        for each in self.model.collections.values():
            rows = self.world.rows(each)
            assert rows.keys() == each.rows.keys()
            for key, row in each.rows.items():
                for name in [name for name, value in row.items() if value is GENERATED]:
                    assert re.fullmatch("[a-z]{6}", rows[key][name])
                    row[name] = rows[key][name]
                assert canonical(rows[key]) == canonical(row), (each.name, key)

    # -- superusers do what they may --

    @rule(place=places)
    def retry_a_rejected_event(self, place: int) -> None:
        if not self.model.rejected:
            return
        event = self.model.rejected.pop(place % len(self.model.rejected))
        assert retry(self.world.admin, [event.id], everything=False) == [event.id]
        self.model.pending = sorted([*self.model.pending, event], key=lambda each: each.position)

    @rule(place=places)
    def remove_an_event_that_is_not_recorded(self, place: int) -> None:
        events = [*self.model.pending, *self.model.rejected]
        if events:
            event = events[place % len(events)]
            assert self.world.root("DELETE", f"/api/collections/events/records/{event.id}").status_code == 204
            (self.model.pending if event in self.model.pending else self.model.rejected).remove(event)

    @rule(place=places, change=st.sampled_from([None, {"seq": 0}, {"data": {"a": 1}}, {"error": "x"}]))
    def tamper_with_a_recorded_event(self, place: int, change: dict[str, Any] | None) -> None:
        if not (self.model.recorded and self.world.lockable):
            return
        event = self.model.recorded[place % len(self.model.recorded)]
        path = f"/api/collections/events/records/{event.id}"
        method = "DELETE" if change is None else "PATCH"
        assert self.world.root(method, path, json=change or {}).status_code == 400
        assert check_log(self.world.server, retried=True).seq == self.seq

    @rule(which=sides, lock=st.sampled_from([False, False, True]))
    def attach_again_with_or_without_lock(self, which: str, lock: bool) -> None:
        collection = self.model.collections[which]
        if collection.attached:
            setup.attach(self.world.admin, collection.name, {}, lock=lock)
            collection.locked = lock and self.world.lockable

    @rule(which=sides, lock=st.sampled_from([False, False, True]))
    def detach_or_adopt(self, which: str, lock: bool) -> None:
        collection = self.model.collections[which]
        if collection.attached:
            setup.detach(self.world.admin, collection.name)
            collection.attached = False
        else:
            self.adopt(collection, lock)

    def adopt(self, collection: Collection, lock: bool) -> None:
        if collection.rows:
            with pytest.raises(WrongUsageError, match="has rows already"):
                setup.attach(self.world.admin, collection.name, ANYONE, lock=None)
        arguments = ["attach", collection.name, "--allow", "", "--adopt", "--lock" if lock else "--no-lock"]
        done = CliRunner().invoke(app, arguments, env=self.world.server.environment)
        assert (done.exit_code, done.exception) == (0, None), done.output
        adopted = self.world.select(
            "SELECT type, item_id, data, seq FROM events WHERE adopted AND seq > ? ORDER BY seq", self.seq
        )
        self.seq += len(adopted)
        self.settle_before_adoption()
        expected: list[list[Any]] = []
        for item_id, (kind, _) in sorted(collection.differences().items()):
            if kind == "missing":
                continue
            row = collection.rows[item_id]
            nothing = {name: each.kept(None) for name, each in collection.fields.items()}
            data = {name: row[name] for name in nothing if canonical(row[name]) != canonical(nothing[name])}
            expected.append(["create", item_id, data])
            collection.log[item_id] = Item(data, deleted=row["deleted"])
            if row["deleted"]:
                expected.append(["delete", item_id, None])
        found = [[type_, item_id, json.loads(data or "null")] for type_, item_id, data, _ in adopted]
        assert canonical(found) == canonical(expected)
        collection.attached, collection.locked = True, lock and self.world.lockable
        self.check_rows()

    def settle_before_adoption(self) -> None:
        """What was pending was recorded before the first adopted event."""
        adopted = self.seq
        fates = self.world.fates()
        count = 0
        for event in self.model.pending:
            recorded = self.model.take(event)
            seq, error = fates[event.id]
            assert (seq > 0, seq == 0) == (recorded, error != ""), (event, seq, error)
            count += recorded
        self.model.pending = []
        self.seq = adopted + count
        assert check_log(self.world.server, retried=True).seq == self.seq

    # -- superusers do what they should not --

    @rule(which=sides, place=places, how=st.sampled_from(["mark", "remove", "remove"]), then=operations)
    def mark_or_remove_a_row_behind_the_log(self, which: str, place: int, how: str, then: str) -> None:
        collection = self.model.collections[which]
        if not collection.rows:
            return
        item_id = sorted(collection.rows)[place % len(collection.rows)]
        if how == "remove":
            relating = self.model.relating(collection, item_id)
            allowed = not any(each.closed for each, *_ in relating if each is not collection)
            if self.done_by_hand("DELETE", collection, item_id, {}, allowed=allowed):
                self.model.removed(collection, item_id)
        else:
            self.change_by_hand(collection, item_id, {"deleted": not collection.rows[item_id]["deleted"]})
        self.operate(then)

    @rule(
        side=sides.flatmap(lambda which: st.tuples(st.just(which), st.lists(value_of(which), min_size=1))),
        place=places,
        then=operations,
    )
    def change_or_insert_a_row_behind_the_log(
        self, side: tuple[str, list[tuple[str, Any]]], place: int, then: str
    ) -> None:
        which, values = side
        collection = self.model.collections[which]
        given = {name: value for name, value in values if self.keeps(collection, name, value)}
        item_id = IDS[which][place % len(IDS[which])]
        if item_id in collection.rows:
            self.change_by_hand(collection, item_id, given)
        else:
            given = {**BASE[which], **given}
            new = collection.row(given)
            allowed = collection.is_id(item_id) and self.model.admits(collection, item_id, new)
            if self.done_by_hand("POST", collection, "", {**given, "id": item_id}, allowed=allowed):
                collection.rows[item_id] = new
        self.operate(then)

    @staticmethod
    def keeps(collection: Collection, name: str, value: Any) -> bool:
        """Whether PocketBase keeps such a value as it is, whoever writes it."""
        if name not in collection.fields or collection.fields[name].generated:
            return False
        each = collection.fields[name]
        is_text = each.type == "json" and isinstance(value, str)
        return each.kept(value) is not MISFIT and not is_text and (not each.multiple or isinstance(value, list))

    def change_by_hand(self, collection: Collection, item_id: str, given: dict[str, Any]) -> None:
        kept = {name: collection.fields[name].kept(value) for name, value in given.items() if name != "deleted"}
        new = {**collection.rows[item_id], **given, **kept}
        allowed = self.model.admits(collection, item_id, new)
        if self.done_by_hand("PATCH", collection, item_id, given, allowed=allowed):
            collection.rows[item_id] = new

    def done_by_hand(
        self, method: str, collection: Collection, item_id: str, body: dict[str, Any], *, allowed: bool
    ) -> bool:
        """Whether a superuser may write a row; who may not is refused."""
        path = f"/api/collections/{collection.name}/records"
        answer = self.world.root(method, f"{path}/{quote(item_id, safe='')}" if item_id else path, json=body)
        assert answer.ok == (allowed and not collection.closed), answer.text
        assert answer.ok or answer.status_code == 400
        return bool(answer.ok)

    @rule(place=places, how=st.sampled_from(["spoil", "remove"]), then=operations)
    def edit_a_row_in_the_file(self, place: int, how: str, then: str) -> None:
        """Past every check of PocketBase's: the row may be one that it would refuse."""
        collection = self.model.collections["left"]
        if collection.closed or not collection.rows:
            return
        item_id = sorted(collection.rows)[place % len(collection.rows)]
        if how == "spoil":
            self.world.write(f"UPDATE `{collection.name}` SET title = '' WHERE id = ?", item_id)
            collection.rows[item_id]["title"] = ""
        else:
            self.world.write(f"DELETE FROM `{collection.name}` WHERE id = ?", item_id)
            del collection.rows[item_id]
        self.operate(then)

    # -- the schema --

    @rule(which=sides, name=st.sampled_from(SPARE), type_=st.sampled_from(["text", "number", "bool", "json"]))
    def add_a_field(self, which: str, name: str, type_: str) -> None:
        collection = self.model.collections[which]
        if name not in collection.fields:
            self.edit_fields(collection, lambda fields: fields.append({"name": name, "type": type_}))
            collection.fields[name] = Field(name, type_)
            for row in collection.rows.values():
                row[name] = collection.fields[name].kept(None)

    @rule(which=sides, how=st.sampled_from(["remove", "rename", "rename", "require"]), place=places, other=places)
    def edit_a_field(self, which: str, how: str, place: int, other: int) -> None:
        collection = self.model.collections[which]
        names = (*CHANGING[which], *SPARE)
        there = [name for name in names if name in collection.fields]
        free = [name for name in names if name not in collection.fields]
        if not there or (how == "rename" and not free):
            return
        name = there[place % len(there)]
        if how == "remove":
            self.edit_fields(collection, lambda fields: fields.remove(named(fields, name)))
            del collection.fields[name]
            for row in collection.rows.values():
                del row[name]
        elif how == "rename":
            new = free[other % len(free)]
            self.edit_fields(collection, lambda fields: named(fields, name).update(name=new))
            collection.fields[new] = replace(collection.fields.pop(name), name=new)
            for row in collection.rows.values():
                row[new] = row.pop(name)
        else:
            required = not collection.fields[name].required
            self.edit_fields(collection, lambda fields: named(fields, name).update(required=required))
            collection.fields[name] = replace(collection.fields[name], required=required)

    @rule(name=st.sampled_from(["one", "many"]))
    def let_a_field_hold_one_choice_or_several(self, name: str) -> None:
        """PocketBase rewrites the rows, which the lock forbids."""
        collection = self.model.collections["left"]
        most = 1 if collection.fields[name].multiple else 2
        allowed = not (collection.closed and collection.rows)
        self.edit_fields(collection, lambda fields: named(fields, name).update(maxSelect=most), allowed=allowed)
        if allowed:
            options = {**collection.fields[name].options, "maxSelect": most}
            collection.fields[name] = replace(collection.fields[name], options=options)
            for row in collection.rows.values():
                value = row[name]
                row[name] = ([value] if value else []) if most > 1 else (value or [""])[-1]

    def edit_fields(
        self, collection: Collection, edit: Callable[[list[dict[str, Any]]], Any], *, allowed: bool = True
    ) -> None:
        path = f"/api/collections/{collection.name}"
        fields = self.world.root("GET", path).json()["fields"]
        edit(fields)
        answer = self.world.root("PATCH", path, json={"fields": fields})
        assert answer.ok == allowed, answer.text

    # -- operators --

    @rule(what=operations)
    def operate(self, what: str) -> None:
        match what:
            case "check":
                self.look()
            case "rebuild":
                self.rebuild(None, removing=True)
            case "rebuild, and remove nothing":
                self.rebuild(None, removing=False)
            case "rebuild the left":
                self.rebuild("left", removing=True)
        self.check_rows()

    def look(self) -> None:
        """`check` names what the model says, whether it reads the API or the file."""
        self.check_rows()
        expected = {
            (each.name, key): kind
            for each in self.model.collections.values()
            if each.attached
            for key, (kind, _) in each.differences().items()
        }
        with closing(Database(self.world.server.data)) as database:
            for source in (self.world.superuser, database):
                found = find(source, [], quiet).differences
                assert {(each.collection, each.id): each.kind for each in found} == expected
                for each in found:
                    collection = self.model.named(each.collection)
                    assert collection is not None
                    changed = collection.differences()[each.id][1]
                    assert canonical({name: logged for name, (logged, _) in each.fields.items()}) == canonical(changed)

    def rebuild(self, which: str | None, removing: bool) -> None:
        chosen = {
            each.name: each for key, each in self.model.collections.items() if each.attached and which in (key, None)
        }
        if not chosen:
            return
        drift = find(self.world.superuser, list(chosen), quiet)
        extra = [(each.collection, each.id) for each in drift.differences if each.kind == "extra" and removing]
        held = Holding(self.world.gateway, "model", timer=time.monotonic, sleep=lambda _: None)
        with holding(held):
            done = Rebuild(self.world.superuser, held, self.world.superuser, drift, extra).run(lambda _: None)
        assert done.seq == self.seq
        self.rebuilt(chosen, done.refused, removing=removing)
        self.look()

    def rebuilt(
        self, chosen: Mapping[str, Collection], refused: Mapping[tuple[str, str], str], *, removing: bool
    ) -> None:
        """Every row is what the log says, or as it was, and then the rebuild told why."""
        wanted = {(name, key): self.new_row(chosen[name], key) for name, key in refused if key in chosen[name].log}
        for each in chosen.values():
            for key, (kind, changed) in each.differences().items():
                if (each.name, key) not in refused:
                    self.repair(each, key, kind, changed, removing=removing)
        # What removals took from rows that relate to them was given back.
        for each in chosen.values():
            for key, (kind, changed) in each.differences().items():
                if (each.name, key) not in refused and kind == "changed":
                    each.rows[key].update(changed)
        self.check_rows()
        for (name, key), why in refused.items():
            assert not self.could_be(chosen[name], key, wanted.get((name, key))), why

    def repair(self, each: Collection, item_id: str, kind: str, changed: dict[str, Any], *, removing: bool) -> None:
        if kind == "missing":
            each.rows[item_id] = self.new_row(each, item_id)
        elif kind == "changed":
            each.rows[item_id].update(changed)
        elif removing:
            self.model.removed(each, item_id)

    def could_be(self, each: Collection, item_id: str, row: dict[str, Any] | None) -> bool:
        """Whether the row could be like this, or, where it is None, be gone."""
        if row is None:
            return not self.model.is_related(each, item_id)
        has_place = item_id in each.rows or each.is_id(item_id)
        return has_place and MISFIT not in row.values() and self.model.admits(each, item_id, row)

    @staticmethod
    def new_row(collection: Collection, item_id: str) -> dict[str, Any]:
        """What a rebuild is to make of an item."""
        item = collection.log[item_id]
        generated = {
            name: value for name, value in item.given.items() if name in collection.fields and value in ("", None)
        }
        emptied = {name: "" for name in generated if collection.fields[name].generated}
        row = collection.rows.get(item_id) or collection.row(
            {n: v for n, v in item.given.items() if n in collection.fields}
        )
        return {**row, **collection.wanted(item), **emptied}

    @precondition(lambda self: self.restarts < 2)
    @rule(how=st.sampled_from([signal.SIGTERM, signal.SIGKILL]))
    def restart_pocketbase(self, how: signal.Signals) -> None:
        self.restarts += 1
        self.world.server.stop(how)
        self.world.server.start()


def named(fields: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in fields if each["name"] == name)


@pytest.fixture
def world(installed_template: Path, tmp_path: Path) -> Iterator[World]:
    found = World(installed_template, tmp_path)
    try:
        yield found
    finally:
        found.close()


def test_log_and_rows_are_what_a_model_says_whatever_is_done(world: World, caplog_events: list[Any]) -> None:
    del caplog_events  # nobody reads them here

    class Example(LogAndRows):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(
        Example,
        settings=settings(
            max_examples=6, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


# -- what the model led to -------------------------------------------------------------------------------------


def test_a_worker_that_finds_each_rejection_made_already_is_in_no_trouble(server: Server) -> None:
    server.guest().append_all(*({"type": "update", "item_id": f"none{n:011d}", "data": {"no": 1}} for n in range(400)))
    faster, slower = server.worker(), server.worker()
    gateway = slower._gateway  # noqa: SLF001 - another worker comes in between, again and again
    transact = gateway.transact

    def transact_late(transaction: Transaction) -> Outcome:
        faster.run_once()
        return transact(transaction)

    gateway.transact = transact_late  # type: ignore[method-assign]
    while slower.run_to_end(NEVER) is not Step.IDLE:
        pass
    assert slower.tally.rejected + faster.tally.rejected == 400
    check_log(server)


@pytest.mark.parametrize("column", ["note", "NOTE", "[Note]"])
def test_an_event_that_comes_first_has_the_unique_value_however_the_index_spells_its_field(
    server: Server, column: str
) -> None:
    indexes = [f"CREATE UNIQUE INDEX `idx_note` ON `items` ({column}) WHERE `title` = 'x'"]
    assert server.superuser()("PATCH", "/api/collections/items", json={"indexes": indexes}).ok
    guest = server.guest()
    guest.append("create", nth(1), {"title": "x"})
    first = guest.append("create", nth(2), {"title": "x", "note": "a"})
    late = guest.append("update", nth(1), {"note": "a"})
    server.worker().run_to_end(NEVER)
    assert server.superuser().record("events", first["id"])["error"] == ""
    assert "note: " in server.superuser().record("events", late["id"])["error"]
    assert live_rows(server, ("note",)) == {nth(1): {"note": ""}, nth(2): {"note": "a"}}


def seconds(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    for _ in range(20):
        work()
    return time.monotonic() - started


def test_reading_a_short_log_keeps_nobody_waiting(server: Server) -> None:
    # PocketBase answers who asks for what is not there again and again up to half a second late.
    server.guest().append_all(create(1), create(2))
    server.worker().run_to_end(NEVER)
    gateway = server.gateway()
    assert [event.seq for page in gateway.log(0, 2) for event in page] == [1, 2]
    assert seconds(lambda: list(gateway.log(0, 2))) < 1


def test_looking_for_rows_that_are_missing_keeps_nobody_waiting(server: Server) -> None:
    server.create_collection("notes", [{"name": "body", "type": "text"}])
    server.attach("notes")
    gateway = server.gateway()
    target = gateway.targets()["notes"]
    assert gateway.rows_by_id(target, [nth(1)]) == {}
    assert seconds(lambda: gateway.rows_by_id(target, [nth(1)])) < 1


def test_rejected_events_are_retried_whatever_the_limits_of_the_batch_api(server: Server) -> None:
    server.guest().append_all(*({"type": "update", "item_id": nth(n), "data": {"no": 1}} for n in range(30)))
    server.worker().run_to_end(NEVER)
    batch = {"enabled": True, "maxRequests": 10, "timeout": 3}
    assert server.superuser()("PATCH", "/api/settings", json={"batch": batch}).ok
    assert len(retry(server.admin(), [], everything=True)) == 30


def test_a_retry_tells_that_the_batch_api_is_off(server: Server) -> None:
    server.guest().append("update", nth(1), {"no": 1})
    server.worker().run_to_end(NEVER)
    batch = {"enabled": False, "maxRequests": 0, "timeout": 0}
    assert server.superuser()("PATCH", "/api/settings", json={"batch": batch}).ok
    with pytest.raises(ProblemError, match="Batch requests are not allowed"):
        retry(server.admin(), [], everything=True)
