"""Who may read recorded events: the history rules of attached collections, within the list and view rule of `events`.

Ours is one line, below a comment that says so; what the owner wrote follows as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pocketbase_events.core.policy import MAX_EXPRESSIONS, about, compact, text_of
from pocketbase_events.core.rules import Rule, UnreadableRuleError, any_of, parse, size
from pocketbase_events.errors import ProblemError, WrongUsageError

MARK = "// The history of attached collections (attach --history), kept by pocketbase-events:\n"
_OR = "\n|| "
_RECORDED = parse("seq > 0")


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """Who may read the recorded events of one collection: a rule over the event, "" for everyone."""

    collection: str
    rule: str


def compose_history_rule(rules: Iterable[HistoryRule]) -> str | None:
    """What the list and view rule of `events` admit besides what their owner wrote; None if nothing.

    Raises:
        WrongUsageError: if a text in a rule has a line break.
        ProblemError: if a rule can't be read.
    """
    clauses = [about(each.collection, each.rule) for each in sorted(rules, key=lambda each: each.collection)]
    if not clauses:
        return None
    text = text_of(compact(_RECORDED, clauses))
    if "\n" in text:
        raise WrongUsageError(why="A text in a history rule has a line break. Write it without. Nothing was changed.")
    return text


def with_history(rule: str | None, history: str | None) -> str | None:
    """The list or view rule of `events` with this history, in the place of the one that it has.

    Raises:
        WrongUsageError: if the rule has more expressions than PocketBase allows.
        ProblemError: if what its owner wrote can't be read.
    """
    owners = without_history(rule)
    if history is None or (owners is not None and not owners.strip()):
        return owners
    try:
        composed = _composed(history, owners)
        expressions = size(parse(composed))
    except UnreadableRuleError as error:
        raise ProblemError(
            why=f"The list or view rule of events can't be read: {error}. Write it in another way, in the admin UI,"
            " then run this again. Nothing was changed."
        ) from None
    if expressions > MAX_EXPRESSIONS:
        raise WrongUsageError(
            why=f"PocketBase allows {MAX_EXPRESSIONS} expressions in a rule, and the list or view rule of events would"
            f" have {expressions} with all history rules. Use shorter rules. Nothing was changed."
        )
    return composed


def without_history(rule: str | None) -> str | None:
    """What the owner wrote into a list or view rule of `events`, before ours, behind it or below."""
    if rule is None or MARK not in rule:
        return rule
    before, _, rest = rule.partition(MARK)
    ours, _, below = rest.partition("\n")
    owners = (before.rstrip().removesuffix("||"), _added_to(ours), below.removeprefix(_OR.lstrip()))
    return _OR.join(each for each in owners if each.strip()) or None


def _composed(history: str, owners: str | None) -> str:
    if owners is None:
        return MARK + history
    composed = MARK + history + _OR + owners
    if parse(composed) != any_of(parse(history), parse(owners)):
        raise UnreadableRuleError("nothing can be added to it")
    return composed


def _added_to(ours: str) -> str:
    """What somebody has added to our line, which is one alternative, by `||`."""
    try:
        others = parse(ours).alternatives[1:]
    except UnreadableRuleError:
        return ""
    return str(Rule(others)) if others else ""
