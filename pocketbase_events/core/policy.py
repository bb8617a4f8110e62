"""Who may append what: the create rule of `events`, composed of the rules of all attached collections."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pocketbase_events.core.rules import (
    Expression,
    Part,
    Parts,
    Rule,
    UnreadableRuleError,
    all_of,
    any_of,
    mapped,
    operands,
    parse,
    size,
)
from pocketbase_events.errors import ProblemError, WrongUsageError

MAX_EXPRESSIONS = 200  # in one rule, PocketBase's own limit

_SERVER_FIELDS_EMPTY = parse(
    'seq = 0 && event_id = "" && hash = "" && timestamp = "" && error = "" && adopted = false'
    " && @request.body.file_hashes:isset = false"
)
_NEVER = parse("1 = 2")
_ACTOR_IS_CALLER = parse("actor = @request.auth.id")
_ACTOR_IS_NO_OTHER = parse('actor = "" || actor = @request.auth.id')

# A collection that a rule looks into, with its alias; texts are passed over.
_JOIN = re.compile(r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|@collection\.\w+(?P<alias>:\w+)?""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AppendRules:
    """Who may append events to one collection; a rule is None for superusers only, "" for everyone.

    `names_actor` says whether an event must name the caller as its actor, unless its rule admits everyone.
    """

    collection: str
    create: str | None = None
    update: str | None = None
    delete: str | None = None
    names_actor: bool = False

    def by_type(self) -> dict[str, str | None]:
        """The rules by the type of event that they admit."""
        return {"create": self.create, "update": self.update, "delete": self.delete}


def compose_create_rule(targets: Iterable[AppendRules]) -> str | None:
    """The create rule of `events`: None if nobody but superusers may append anything.

    Clauses share what they have in common, since PocketBase allows 200 expressions in a rule.

    Raises:
        WrongUsageError: if the rules have more expressions together than PocketBase allows.
        ProblemError: if a rule can't be read.
    """
    clauses = [clause for target in sorted(targets, key=lambda t: t.collection) for clause in _clauses(target)]
    if not clauses:
        return None
    rule = compact(_SERVER_FIELDS_EMPTY, clauses)
    if size(rule) > MAX_EXPRESSIONS:
        raise WrongUsageError(
            why=f"PocketBase allows {MAX_EXPRESSIONS} expressions in a rule, and those of all attached collections"
            f" would have {size(rule)} together. Use shorter rules, or the same ones for several collections."
            " Nothing was changed."
        )
    return text_of(rule)


def about(collection: str, rule: str) -> Parts:
    """What admits events about one collection that pass its rule, all parts of which must.

    Raises:
        ProblemError: if the rule can't be read.
    """
    named = Expression("collection", "=", f'"{collection}"')
    return all_of(named, *_parts_of(rule.strip(), collection)).alternatives[0]


def compact(common: Rule, clauses: Sequence[Parts]) -> Rule:
    """The rule that asks for what is common and for one of the clauses, in few expressions."""
    return min((all_of(common, _shared(clauses, rank)) for rank in (_most_common, _collections_first)), key=size)


def expressions_left(rule: str | None) -> int:
    """How many expressions PocketBase allows besides those of the create rule of `events`."""
    return MAX_EXPRESSIONS - (size(parse(rule)) if rule else 0)


def check_rule(rule: str) -> None:
    """Refuse a rule that can't be read. PocketBase checks its fields.

    Raises:
        WrongUsageError: if it can't.
    """
    if rule.strip():
        try:
            parse(rule)
        except UnreadableRuleError as error:
            raise WrongUsageError(why=f"The rule {rule!r} can't be read: {error}. Check it.") from None


def admits_nobody(rule: str) -> str:
    """A rule that PocketBase checks as it would check this one, and that admits nobody."""
    return str(all_of(_NEVER, *([parse(rule)] if rule.strip() else [])))


def collections_looked_into(rule: str | None) -> set[str]:
    """What a rule joins through `@collection`, each with its alias."""
    found = (each for operand in operands(parse(rule)) for each in _JOIN.finditer(operand)) if rule else ()
    return {each[0] for each in found if not each["text"]}


def _clauses(target: AppendRules) -> Iterator[Parts]:
    """What admits events about one collection: one clause for each rule and type of event."""
    named = Expression("collection", "=", f'"{target.collection}"')
    rules = [(event_type, rule.strip()) for event_type, rule in target.by_type().items() if rule is not None]
    if len(rules) == len(target.by_type()) and len({rule for _, rule in rules}) == 1:
        rules = [("", rules[0][1])]
    for event_type, rule in rules:
        of_type = (Expression("type", "=", f'"{event_type}"'),) if event_type else ()
        actor = _ACTOR_IS_CALLER if rule and target.names_actor else _ACTOR_IS_NO_OTHER
        yield all_of(named, *of_type, actor, *_parts_of(rule, target.collection)).alternatives[0]


def _parts_of(rule: str, collection: str) -> Iterator[Part]:
    """What a rule asks for, with aliases that no other collection's rule has (`@collection.notes:mine`).

    PocketBase knows an alias by its name alone: shared by two rules, it would stand for one collection in both.
    """
    if not rule:
        return
    try:
        yield mapped(parse(rule), lambda operand: _JOIN.sub(lambda found: _own_alias(found, collection), operand))
    except UnreadableRuleError as error:
        raise ProblemError(
            why=f"The rule {rule!r} of {collection} can't be read: {error}. Correct it in event_targets, in the admin"
            " UI, then run this again. Nothing was changed."
        ) from None


def _own_alias(found: re.Match[str], collection: str) -> str:
    return f"{found[0]}__{collection}" if found["alias"] else found[0]


Rank = Callable[[Part, int], tuple[bool, int]]


def _most_common(_: Part, count: int) -> tuple[bool, int]:
    return False, count


def _collections_first(part: Part, count: int) -> tuple[bool, int]:
    return isinstance(part, Expression) and part.left == "collection", count


def _shared(clauses: Sequence[Parts], rank: Rank) -> Rule:
    """The rule that admits if one of the clauses does, what several of them have in common said once."""
    counts = Counter(part for clause in clauses for part in clause)
    everywhere = [part for part, count in counts.items() if count == len(clauses) > 1]
    often = {part: count for part, count in counts.items() if count > 1}
    if not often:
        return any_of(*(Rule((clause,)) for clause in clauses))
    best = everywhere[0] if everywhere else max(often, key=lambda part: rank(part, often[part]))
    inside = [tuple(part for part in clause if part != best) for clause in clauses if best in clause]
    outside = [clause for clause in clauses if best not in clause]
    common = all_of(best, *([] if () in inside else [_shared(inside, rank)]))
    return any_of(common, *([_shared(outside, rank)] if outside else []))


def text_of(rule: Rule) -> str:
    """The rule as PocketBase's language writes it, read again to be sure that it means what its parts meant."""
    text = str(rule)
    if parse(text) != rule:
        raise ProblemError(why=f"The rules can't be composed ({text!r} means something else). Please report it.")
    return text
