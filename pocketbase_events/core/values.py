"""Values of fields: which ones fit, how PocketBase stores them, and when two of them are the same."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import rfc8785

from pocketbase_events.core.files import File, same_files
from pocketbase_events.core.json_text import Json, Unreadable
from pocketbase_events.core.schema import FieldDefinition, quote

MAX_TEXT = 5000  # characters in a text field without a limit of its own (core/field_text.go)
TOO_DEEP = Unreadable("(nested too deeply to be read)")

# A subset of the dates that PocketBase reads (types/datetime.go, spf13/cast). It turns other texts into "".
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d([ T]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?", re.ASCII
)
_ZEROS: dict[str, Json] = {"number": 0, "bool": False, "json": None, "geoPoint": {"lon": 0, "lat": 0}}


def why_not_fitting(field: FieldDefinition, value: Json) -> str | None:
    """Why PocketBase would not store exactly this value in the field; None if it would. Null clears any field."""
    fits, wanted = _FITS[field.type]
    if value is None or fits(field, value):
        return None
    return f'"{field.name}" takes {wanted(field)}, not {describe(value)}. Send that, or null to clear the field.'


def to_pocketbase(field: FieldDefinition, value: Json) -> Json:
    """The value in the form that PocketBase stores unchanged.

    PocketBase parses a text that looks like JSON in a json field (core/field_json.go), and one that looks like a
    list in a field with several choices (list.ToUniqueStringSlice).
    """
    if not isinstance(value, str):
        return value
    if field.type == "json":
        return json.dumps(value, ensure_ascii=False)
    if field.multiple:
        return [value] if value else []
    return value


def as_stored(field: FieldDefinition, value: Json) -> Json:
    """The value as PocketBase shows it once stored: null becomes the type's empty value, dates are in UTC.

    Source: each field's PrepareValue (core/field_*.go).
    """
    if field.multiple:
        items = as_list(value)
        if not all(isinstance(item, str) for item in items):
            return value
        return list(dict.fromkeys(item for item in items if item != ""))
    if value is None:
        return _ZEROS.get(field.type, "")
    if field.type == "date":
        return _in_utc(value) or value
    if field.type == "geoPoint" and isinstance(value, dict):
        return {name: value.get(name, 0) for name in ("lon", "lat")}
    return value


def as_list(value: Json) -> list[Json]:
    """The values of a field that holds several: a single value is a list of one, null an empty list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def is_number(value: Json) -> bool:
    """Whether it is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def identical(one: Json, other: Json) -> bool:
    """Whether the two are equal scalars of one type. False decides nothing: use `same`."""
    return one == other and type(one) is type(other) and not isinstance(one, list | dict)


def equal(one: Json, other: Json) -> bool:
    """Whether the two are one JSON value: true is not 1, but 1.0 is."""
    return identical(one, other) or _canonical(one) == _canonical(other)


def same(field: FieldDefinition, one: Json, other: Json) -> bool:
    """Whether PocketBase stores the two values, both of which fit the field, as one and the same.

    Of files, one may be the log's and the other the row's copy of it.
    """
    if field.type == "file":
        return same_files(as_list(one), as_list(other))
    one, other = as_stored(field, one), as_stored(field, other)
    return _canonical(one) == _canonical(other) if field.type == "json" else bool(one == other)


def is_empty(field: FieldDefinition, value: Json) -> bool:
    """Whether a required field refuses the value as empty."""
    stored = as_stored(field, value)
    return stored in (None, "", [], {}) or same(field, stored, None)


def is_welcome(field: FieldDefinition, value: Json) -> bool:
    """Whether PocketBase is certain to accept a fitting value, whatever else the row holds. For plain fields only.

    Source: ValidateValue in core/field_text.go, field_number.go and field_bool.go.
    """
    stored = as_stored(field, value)
    if field.required and (not stored or (isinstance(stored, str) and stored.isspace())):
        return False
    if field.type == "text":
        bounded = field.pattern or field.autogenerate or field.least
        return not bounded and len(stored) <= (field.most or MAX_TEXT)
    if field.type == "number":
        return not field.only_whole and field.least is None and field.most is None
    return field.type == "bool"


def why_unfit(field: FieldDefinition, value: Json) -> str | None:
    """Why the field, as defined today, can't hold a value that an event once gave it; None if it can."""
    fits, wanted = _FITS[field.type]
    if value is None:
        return None
    if not fits(field, value):
        return f"takes {wanted(field)} now"
    if field.type == "select":
        choices = value if isinstance(value, list) else [value]
        withdrawn = [choice for choice in choices if choice and choice not in field.values]
        return f"no longer has the choice {quote(withdrawn[0])}" if withdrawn else None
    return None


def _canonical(value: Json) -> object:
    """A form that equal JSON values share."""
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError):
        return repr(value)


def _in_utc(text: str) -> str | None:
    """A date in PocketBase's own form, cut off to milliseconds; None if we don't read it as a date."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    fraction = re.search(r"\.(\d+)", text)
    try:
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text))
        in_utc = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{in_utc.replace(tzinfo=None).isoformat(' ')}.{(fraction[1] if fraction else '')[:3]:0<3}Z"


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
    return is_number(value)


def _is_bool(_: FieldDefinition, value: Json) -> bool:
    return isinstance(value, bool)


def _is_date(_: FieldDefinition, value: Json) -> bool:
    in_utc = "" if value == "" else _in_utc(value)
    return in_utc is not None and not in_utc.startswith("0001")  # PocketBase may not read a moment of year 1 as a date


def _is_choice(field: FieldDefinition, value: Json) -> bool:
    if isinstance(value, list):
        return field.multiple and all(isinstance(item, str) for item in value)
    return isinstance(value, str) and (field.multiple or not _is_list_of_texts(value))


def _is_file(field: FieldDefinition, value: Json) -> bool:
    """Whether it consists of files of events. A text was given when the field was none for files."""
    if isinstance(value, list):
        return field.multiple and all(isinstance(each, File) for each in value)
    return isinstance(value, File)


def _is_list_of_texts(text: str) -> bool:
    """Whether PocketBase would read the text as a list (a single choice keeps its last item)."""
    try:
        items = json.loads(text) if "[" in text else None
    except (ValueError, RecursionError):
        return False
    return isinstance(items, list)


def _is_json(_: FieldDefinition, __: Json) -> bool:
    return True


def _is_point(_: FieldDefinition, value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {"lon", "lat"} and all(map(is_number, value.values()))


def _always(text: str) -> Callable[[FieldDefinition], str]:
    return lambda _: text


def _choice(field: FieldDefinition) -> str:
    return "a list of texts" if field.multiple else "a text"


def _file(field: FieldDefinition) -> str:
    return "files" if field.multiple else "a file"


# type of field -> whether a value fits, and in words which values do
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
    "file": (_is_file, _file),
    "geoPoint": (_is_point, _always('an object with the numbers "lon" and "lat"')),
}
