"""From rules over rows to rules over events: what means the same, and what admits more than was admitted before."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pocketbase_events.core.rules import (
    Expression,
    Part,
    Rule,
    UnreadableRuleError,
    all_of,
    any_of,
    mapped,
    parse,
)
from pocketbase_events.core.schema import FieldDefinition

CALLER = "@request.auth.id"
_CONSTANT = re.compile(r"""["'].*|-?[0-9.]+|true|false|null|@[a-z]+""", re.DOTALL)  # texts, numbers, @now
_ABOUT_CALLER = re.compile(r"@request\.(?:auth|headers)\.[\w.:]+")
_IN_BODY = re.compile(r"@request\.(?:body|data)\.(\w+)")
_PLAIN_TEXT = re.compile(r"'([^'\"\\]*)'")


@dataclass(frozen=True, slots=True)
class Rows:
    """A collection whose own rules are over rows.

    Attributes:
        name: its name.
        fields: its fields by name.
        callers: ids of the auth collections whose records PocketBase can look back from (`notes_via_owner`).
    """

    name: str
    fields: Mapping[str, FieldDefinition]
    callers: frozenset[str] = frozenset()


def proposal(rows: Rows, event_type: str, own: str | None) -> str | None:
    """The rule over events that admits whom a collection's own rule admits.

    None if nobody but superusers does, or if it can't be said: only rules about the caller (any signed-in user, say)
    and about an owner, a text or relation field that holds the caller's id, can.
    """
    if own is None or not own.strip():
        return own
    rule = _translated(rows, event_type, own)
    return None if rule is None else str(rule)


def is_looser(rows: Rows, event_type: str, own: str | None, new: str | None) -> bool:
    """Whether a rule over events surely admits more than a collection's own rule did.

    Not if its own rule admitted superusers only: then nobody had a right that others get now.
    """
    if own is None or new is None or not own.strip():
        return False
    if not new.strip():
        return True
    try:
        before, after = _plain(parse(own)), _plain(parse(new))
    except UnreadableRuleError:
        return False
    if _is_about_caller(after) and not _is_about_caller(before):
        return True
    translated = _translated(rows, event_type, own) or before
    return _implies(translated, after) and not _implies(after, translated)


def _translated(rows: Rows, event_type: str, own: str) -> Rule | None:
    try:
        rule = _plain(parse(own))
    except UnreadableRuleError:
        return None
    return _in_events(rows, event_type, rule)


def _in_events(rows: Rows, event_type: str, rule: Rule) -> Rule | None:
    alternatives = []
    for parts in rule.alternatives:
        said = [each for part in parts if (each := _part_in_events(rows, event_type, part)) is not None]
        if len(said) < len(parts):
            return None
        alternatives.append(all_of(*said))
    return any_of(*alternatives)


def _part_in_events(rows: Rows, event_type: str, part: Part) -> Part | None:
    if isinstance(part, Rule):
        return _in_events(rows, event_type, part)
    if _is_about_caller(part):
        return part
    left_out = _IN_BODY.fullmatch(part.left.removesuffix(":isset"))
    if left_out and part.left.endswith(":isset") and (part.sign, part.right) == ("=", "false"):
        return Expression(f"data.{left_out[1]}", "=", "null")
    if part.sign in ("=", "?=") and CALLER in (part.left, part.right):
        return _owner_in_events(rows, event_type, part.right if part.left == CALLER else part.left, part.sign)
    return None


def _owner_in_events(rows: Rows, event_type: str, name: str, sign: str) -> Part | None:
    """That the caller is named by a field: of the event's data for a create, else of the row."""
    in_body = _IN_BODY.fullmatch(name)
    if name == "id":
        return Expression("item_id", "=", CALLER)
    if in_body and event_type != "create":
        return None
    field = rows.fields.get(in_body[1] if in_body else name)
    if field is None or field.type not in ("text", "relation") or (field.multiple and (sign == "=" or in_body)):
        return None
    if event_type != "create":
        return _is_owner(rows, field)
    return None if field.multiple else Expression(f"data.{field.name}", "=", CALLER)


def _is_owner(rows: Rows, field: FieldDefinition) -> Rule:
    """That the row which an event is about has the caller in this field."""
    if field.relates_to in rows.callers and not field.multiple:
        return parse(f"@request.auth.{rows.name}_via_{field.name}.id ?= item_id")
    return parse(f"@collection.{rows.name}.id ?= item_id && @collection.{rows.name}.{field.name} ?= {CALLER}")


def _is_about_caller(part: Part) -> bool:
    """Whether only the caller decides, neither the row nor the event."""
    if isinstance(part, Expression):
        return all(_ABOUT_CALLER.fullmatch(each) or _CONSTANT.fullmatch(each) for each in (part.left, part.right))
    return all(_is_about_caller(inner) for parts in part.alternatives for inner in parts)


def _implies(one: Rule, other: Rule) -> bool:
    """Whether the first rule surely admits nobody whom the other does not."""
    return all(any(set(theirs) <= set(ours) for theirs in other.alternatives) for ours in one.alternatives)


def _plain(rule: Rule) -> Rule:
    """The rule with its texts in double quotes, if that does not change it."""
    return mapped(rule, lambda operand: _PLAIN_TEXT.sub(r'"\1"', operand) if operand.startswith("'") else operand)
