"""The fields of the model's collections, and events for them, sensible or not."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from support.model.rows import DATES, GOOD, LISTED, Field

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
ID_PATTERNS = {"left": "[a-z0-9]{15}", "right": r"""[^./\\|"'`<>:?*%$ \x00-\x1f\x7f]{1,40}"""}
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
def modifier_for(draw: st.DrawFn, which: str) -> tuple[str, Any]:
    """A modifier of a field that takes some, and its operand."""
    definition = draw(st.sampled_from([each for each in FIELDS[which] if each.type == "number" or each.multiple]))
    if definition.type == "number":
        return definition.name + draw(st.sampled_from("+-")), draw(st.sampled_from([1, 2.5, -3, 0.1]))
    key = draw(st.sampled_from(["{}+", "+{}", "{}-"])).format(definition.name)
    return key, draw(value_for(definition))


@st.composite
def value_of(draw: st.DrawFn, which: str) -> tuple[str, Any]:
    """A field and what to give it; now and then it is none that an event may set."""
    chance = draw(st.integers(0, 19))
    if chance == 19:
        return draw(st.sampled_from(UNKNOWN)), draw(st.sampled_from(["x", True]))
    if chance >= 15:
        return draw(modifier_for(which))
    if chance == 14:
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
        restores = draw(st.integers(0, 4)) == 4
        return type_, item_id, {"deleted": False} if restores else dict([draw(value_of(which))])
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
