"""The worker's access to rows: letting it past the owners' rules, and what is wrong if it can't get there."""

from collections.abc import Iterable

from pocketbase_events.core.rules import Rule, UnreadableRuleError, any_of, parse
from pocketbase_events.core.schema import WORKER, Target

_LET_IN = f"\n|| {WORKER}"
_WRAPPED = ("(\n", f"\n) || {WORKER}")  # as version 2 of our collections let the worker in
_IS_WORKER = parse(WORKER).alternatives[0]


def let_worker_in(rule: str | None) -> str:
    """A list or view rule that admits whom `rule` admits, and the worker. What its owner wrote stays as it is.

    Raises:
        UnreadableRuleError: if the rule can't be read.
    """
    if rule is None:
        return WORKER
    rule = unwrapped(rule)
    if not rule.strip() or _IS_WORKER in parse(rule).alternatives:
        return rule
    # || binds less than &&, and the line break ends a comment: no parentheses are needed.
    admitted = rule + _LET_IN
    if parse(admitted) != any_of(parse(rule), Rule((_IS_WORKER,))):
        raise UnreadableRuleError("nothing can be added to it")
    return admitted


def lets_worker_in(rule: str | None) -> bool:
    """Whether a list or view rule, by its text, shows the worker all rows."""
    if rule is None:
        return False
    try:
        return not rule.strip() or _IS_WORKER in parse(rule).alternatives
    except UnreadableRuleError:
        return False


def shut_worker_out(rule: str | None) -> str | None:
    """What `let_worker_in` was given; of a rule that was edited since, what is left without the worker."""
    if rule is None or rule == WORKER or not lets_worker_in(rule) or not rule.strip():
        return None if rule == WORKER else rule
    if rule.endswith(_LET_IN):
        return rule.removesuffix(_LET_IN)
    if unwrapped(rule) != rule:
        return unwrapped(rule)
    others = tuple(parts for parts in parse(rule).alternatives if parts != _IS_WORKER)
    return str(Rule(others)) if others else None


def unwrapped(rule: str) -> str:
    """The rule that version 2 of our collections put into parentheses, where its comments could do harm."""
    start, end = _WRAPPED
    return rule.removeprefix(start).removesuffix(end) if rule.startswith(start) and rule.endswith(end) else rule


def why_not_attached(names: Iterable[str]) -> str:
    """The sentence for names that no attached collection has."""
    return f"{', '.join(names)} is not attached. See: pocketbase-events status"


def why_gone(name: str) -> str:
    """The sentence for a collection that is attached and does not exist."""
    return (
        f"{name} is attached, but that collection was deleted, or was made again. Detach it, attach"
        " the new one, or give the old one its name back."
    )


def why_unwritable(target: Target) -> str | None:
    """Why the worker can't write a collection's rows; None if its own rules let it."""
    if target.writable:
        return None
    return (
        f"The create or update rule of {target.collection} was edited, so that the worker can't write its rows."
        f" Run: pocketbase-events attach {target.collection}"
    )


def why_unreadable(target: Target) -> str | None:
    """Why rows of a collection may be hidden from the worker; None if its list and view rules let it in."""
    if lets_worker_in(target.row_list_rule) and lets_worker_in(target.row_view_rule):
        return None
    return (
        f"The list or view rule of {target.collection} was edited and may hide rows from the worker."
        f" Run: pocketbase-events attach {target.collection}"
    )
