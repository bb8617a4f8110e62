"""PocketBase's own modifiers: `field+`, `+field` and `field-` change a value instead of replacing it.

Source: core/field_number.go, field_select.go, field_relation.go (FindSetter).
"""

from typing import Literal, NamedTuple

from pocketbase_events.core.files import without
from pocketbase_events.core.json_text import MAX_SAFE_INTEGER, Json
from pocketbase_events.core.schema import FieldDefinition
from pocketbase_events.core.values import as_list, describe, is_number

Operation = Literal["add", "prepend", "subtract"]
INVERSE: dict[Operation, Operation] = {"add": "subtract", "subtract": "add"}  # of a number's modifier


class Modifier(NamedTuple):
    """An operation on a field."""

    field: str
    operation: Operation


def modifier_of(key: str) -> Modifier | None:
    """The modifier that a key of an update is; None if it is the plain name of a field (which has no + or -)."""
    if key.startswith("+"):
        return Modifier(key[1:], "prepend")
    if key.endswith("+"):
        return Modifier(key[:-1], "add")
    if key.endswith("-"):
        return Modifier(key[:-1], "subtract")
    return None


def field_of(key: str) -> str:
    """The field that a key of an event's data is about."""
    modifier = modifier_of(key)
    return modifier.field if modifier else key


def why_not_modifying(field: FieldDefinition, operation: Operation, operand: Json) -> str | None:
    """Why the field can't be modified so, and what to do; None if it can.

    PocketBase refuses none of these: it silently does something else.
    """
    if field.multiple:
        if all(isinstance(item, str) for item in as_list(operand)) and operand is not None:
            return None
        return f'A modifier of "{field.name}" takes a text or a list of texts, not {describe(operand)}. Send that.'
    if field.type != "number":
        return (
            f'"{field.name}" takes no modifier: those are for number fields, and for select and relation fields that'
            " hold several values. Set the whole value instead."
        )
    if operation == "prepend":
        return f'"{field.name}" is a number: use "{field.name}+" or "{field.name}-".'
    if is_number(operand):
        return None
    return f'A modifier of "{field.name}" takes a number, not {describe(operand)}. Send that.'


def why_no_file_modifier(field: FieldDefinition, modifier: Modifier | None, operand: Json) -> str | None:
    """Why a file field can't be modified so, and what to do; None if it can, or is not modified."""
    if modifier is None or modifier.operation == "subtract":
        return None
    if not field.multiple:
        return f'"{field.name}" holds one file. Set it, instead of adding to it.'
    return f'"{modifier.field}" can be added files, not null.' if operand is None else None


def modified(before: Json, operation: Operation, operand: Json) -> Json:
    """The value of a field after a modifier that fits it: what PocketBase makes of it.

    Doubles are added or subtracted, starting from 0. Lists hold each text once and keep their order; anything else in
    them, which only a log that was tampered with has, stays.
    """
    if is_number(operand):
        start = float(before) if is_number(before) else 0.0
        return _as_number(start + operand if operation == "add" else start - operand)
    items, operands = as_list(before), as_list(operand)
    if operation == "subtract":
        return without(items, operands)
    joined = [*items, *operands] if operation == "add" else [*operands, *items]
    if not all(isinstance(item, str) for item in joined):
        return joined
    return list(dict.fromkeys(item for item in joined if item != ""))


def _as_number(value: float) -> float:
    """The double as JSON readers show it: whole numbers within 2^53 are int."""
    return int(value) if value.is_integer() and abs(value) <= MAX_SAFE_INTEGER else value
