"""A log that is folded, and a row that is compared with it."""

from typing import Any

from hypothesis import strategies as st

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Fold, Item, difference
from pocketbase_events.core.schema import FieldDefinition, Target

ID = "item00000000001"
SETTABLE = (
    FieldDefinition(name="text", type="text"),
    FieldDefinition(name="editor", type="editor"),
    FieldDefinition(name="email", type="email"),
    FieldDefinition(name="url", type="url"),
    FieldDefinition(name="number", type="number"),
    FieldDefinition(name="bool", type="bool"),
    FieldDefinition(name="date", type="date"),
    FieldDefinition(name="one", type="select", maxSelect=1, values=("a", "b", "1")),
    FieldDefinition(name="many", type="select", maxSelect=3, values=("a", "b", "1")),
    FieldDefinition(name="friend", type="relation", maxSelect=1, collectionId="pbc_1"),
    FieldDefinition(name="friends", type="relation", maxSelect=3, collectionId="pbc_1"),
    FieldDefinition(name="json", type="json"),
    FieldDefinition(name="place", type="geoPoint"),
    FieldDefinition(name="auto", type="text", autogeneratePattern="[a-z]{5}"),
)
OTHERS = (
    FieldDefinition(name="id", type="text"),
    FieldDefinition(name="secret", type="text", hidden=True),
    FieldDefinition(name="photo", type="file"),
    FieldDefinition(name="key", type="password"),
    FieldDefinition(name="created", type="autodate"),
    FieldDefinition(name="deleted", type="bool"),
)
TARGET = Target(collection="items", version="1", fields=(*OTHERS, *SETTABLE))
EMPTY_ROW: dict[str, Any] = {
    "id": ID, "text": "", "editor": "", "email": "", "url": "", "number": 0, "bool": False, "date": "", "one": "",
    "many": [], "friend": "", "friends": [], "json": None, "place": {"lon": 0, "lat": 0}, "auto": "k4x2p",
    "photo": "", "created": "2026-01-01 00:00:00.000Z", "deleted": False,
}  # fmt: skip


def field(name: str) -> FieldDefinition:
    found = TARGET.field(name)
    assert found is not None
    return found


def event(seq: int, type_: str, data: Any, item_id: str = ID, collection: str = "items") -> Recorded:
    return Recorded(
        id=f"r{seq}", seq=seq, event_id=f"e{seq}", timestamp="2026-01-01 00:00:00.000Z", type=type_,  # type: ignore[arg-type]
        collection=collection, item_id=item_id, data=data, actor="", hash=f"h{seq}",
    )  # fmt: skip


def folded(*events: tuple[str, Any], target: Target | None = TARGET) -> Fold:
    """The fold of these events of one item: its create first, where a type is not given otherwise."""
    fold = Fold({"items": target})
    fold.apply(event(seq, type_, data) for seq, (type_, data) in enumerate(events, 1))
    return fold


def item(*events: tuple[str, Any]) -> Item:
    return folded(*events).rows["items"][ID]


def told(logged: Item | None, target: Target = TARGET, /, **row: Any) -> dict[str, Any] | None:
    """The fields in which a row, empty but for what is given, differs from the log; None when in none."""
    found = difference(target, ID, logged, {**EMPTY_ROW, **row})
    return None if found is None else dict(found.fields)


def edited(name: str, **changes: Any) -> Target:
    """The target after a schema edit of one field."""
    fields = [each.model_copy(update=changes) if each.name == name else each for each in TARGET.fields]
    return Target(collection="items", version="2", fields=tuple(fields))


def without(name: str) -> Target:
    fields = [each for each in TARGET.fields if each.name != name]
    return Target(collection="items", version="2", fields=tuple(fields))


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
json_values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
