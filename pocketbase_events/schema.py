"""Which fields a collection has, and what an event may put into each."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from pocketbase_events.events import Json

WORKER = '@request.auth.collectionName = "event_workers"'
ROW_CREATE_RULE = WORKER
ROW_UPDATE_RULE = f"{WORKER} && deleted = false"
MAX_ID = 1000  # bytes of an item id; PocketBase takes addresses of 2,000 in a batch
DELETED = "deleted"  # the bool field that marks a row as deleted

# A subset of what PocketBase reads as a date (types/datetime.go, spf13/cast); other texts become "" there.
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
# What no record id may hold (core/field_text.go), and control characters, which no address can name.
_FORBIDDEN_IN_ID = re.compile(r"""[./\\|"'`<>:?*%$ \x00-\x1f\x7f]""")


class FieldDefinition(BaseModel):
    """One field of a collection, as PocketBase's `_collections.fields` describes it."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    name: str
    type: str
    hidden: bool = False
    required: bool = False
    max_select: int = Field(default=0, alias="maxSelect")
    autogenerate: str = Field(default="", alias="autogeneratePattern")

    @property
    def multiple(self) -> bool:
        """Whether it holds a list (select and relation fields only)."""
        return self.max_select > 1


class Target(BaseModel):
    """An attached collection: its live field definitions and what its unique indexes say."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    collection: str
    collection_id: str = ""
    version: str
    fields: tuple[FieldDefinition, ...]
    indexes: tuple[str, ...] | None = None
    row_create_rule: str = ""
    row_update_rule: str = ""

    def field(self, name: str) -> FieldDefinition | None:
        """The field of that name, None when there is none."""
        return next((field for field in self.fields if field.name == name), None)

    def in_unique_index(self, name: str) -> bool:
        """Whether a unique index mentions the field."""
        return any(
            re.search(r"\bunique\b", index, re.IGNORECASE) and re.search(rf"\b{re.escape(name)}\b", index)
            for index in self.indexes or ()
        )

    @property
    def writable(self) -> bool:
        """Whether the collection's own rules are those that `attach` gave it, which let the worker write."""
        return (self.row_create_rule, self.row_update_rule) == (ROW_CREATE_RULE, ROW_UPDATE_RULE)

    @property
    def settable(self) -> list[str]:
        """The names of the fields that an event may set."""
        return [field.name for field in self.fields if why_not_settable(field) is None]


def why_not_settable(field: FieldDefinition) -> str | None:
    """Why no event may set the field; None when one may."""
    if field.name == "id":
        return '"id" is given by item_id and never changes. Leave it out of data.'
    if field.name == DELETED:
        return f'"{DELETED}" can\'t be set by an event. Append an event of type delete instead.'
    if field.hidden:
        return f'"{field.name}" is a hidden field, which an event can\'t set. Leave it out of data.'
    if field.type not in _FITS:
        return f'"{field.name}" is a field of type {field.type}, which an event can\'t set. Leave it out of data.'
    return None


def why_not_fitting(field: FieldDefinition, value: Json) -> str | None:
    """Why PocketBase would not store exactly this value in the field; None when it would. Null clears any field."""
    fits, wanted = _FITS[field.type]
    if value is None or fits(field, value):
        return None
    return f'"{field.name}" takes {wanted(field)}, not {describe(value)}. Send that, or null to clear the field.'


def why_no_id(item_id: str) -> str | None:
    """Why no row can have this id; None when one can (the collection may still ask for more)."""
    if len(item_id.encode()) > MAX_ID:
        return f"item_id is longer than {MAX_ID} bytes, more than PocketBase can address in a batch. Make it shorter."
    bad = _FORBIDDEN_IN_ID.search(item_id)
    if bad is None:
        return None
    return (
        f"item_id {quote(item_id)} holds the character {quote(bad[0])}, which no id may hold."
        " Use letters and digits (15 of a-z and 0-9 unless the collection says otherwise)."
    )


def to_pocketbase(field: FieldDefinition, value: Json) -> Json:
    """The value in the form in which PocketBase stores it unchanged.

    A json field would read a text that looks like JSON (core/field_json.go), one of several choices a text
    that looks like a list (list.ToUniqueStringSlice).
    """
    if not isinstance(value, str):
        return value
    if field.type == "json":
        return json.dumps(value)
    if field.multiple:
        return [value] if value else []
    return value


def quote(text: str) -> str:
    """The text in double quotes, cut to 80 characters, odd ones escaped."""
    return json.dumps(text if len(text) <= 80 else text[:79] + "…", ensure_ascii=False)  # noqa: PLR2004


def describe(value: Json) -> str:
    """A JSON value in words, for a sentence in an error."""
    match value:
        case bool():
            return json.dumps(value)
        case int() | float():
            return f"the number {json.dumps(value)}"
        case str():
            return f"the text {quote(value)}"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "nothing"


def _is_text(_: FieldDefinition, value: Json) -> bool:
    return isinstance(value, str)


def _is_number(_: FieldDefinition, value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bool(_: FieldDefinition, value: Json) -> bool:
    return isinstance(value, bool)


def _is_date(_: FieldDefinition, value: Json) -> bool:
    if value == "":
        return True
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", value))
        in_utc = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return in_utc.year > 1  # the first moment of year 1 is no date to PocketBase


def _is_choice(field: FieldDefinition, value: Json) -> bool:
    if isinstance(value, list):
        return field.multiple and all(isinstance(item, str) for item in value)
    return isinstance(value, str) and (field.multiple or not _is_list_of_texts(value))


def _is_list_of_texts(text: str) -> bool:
    """Whether PocketBase would read the text as a list, of which a single choice keeps the last."""
    try:
        items = json.loads(text) if "[" in text else None
    except (ValueError, RecursionError):
        return False
    return isinstance(items, list)


def _is_json(_: FieldDefinition, __: Json) -> bool:
    return True


def _is_point(field: FieldDefinition, value: Json) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"lon", "lat"}
        and all(_is_number(field, number) for number in value.values())
    )


def _always(text: str) -> Callable[[FieldDefinition], str]:
    return lambda _: text


def _choice(field: FieldDefinition) -> str:
    return "a list of texts" if field.multiple else "a text"


# type of field -> does a value fit, and what fits in words
_FITS: dict[str, tuple[Callable[[FieldDefinition, Json], bool], Callable[[FieldDefinition], str]]] = {
    "text": (_is_text, _always("a text")),
    "editor": (_is_text, _always("a text")),
    "email": (_is_text, _always("a text")),
    "url": (_is_text, _always("a text")),
    "number": (_is_number, _always("a number")),
    "bool": (_is_bool, _always("true or false")),
    "date": (_is_date, _always('a date such as "2026-01-31 09:30:00.000Z"')),
    "select": (_is_choice, _choice),
    "relation": (_is_choice, _choice),
    "json": (_is_json, _always("any JSON value")),
    "geoPoint": (_is_point, _always('an object with the numbers "lon" and "lat"')),
}
