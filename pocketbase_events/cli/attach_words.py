"""What attaching will change, in words."""

from collections.abc import Iterator
from typing import Any

from pocketbase_events.jobs.attach_plan import EVENT_TYPES, Plan
from pocketbase_events.jobs.targets import HISTORY_RULE, OWN_RULES, RULES

SCARCE = 60  # expressions; with fewer left, it is said how many


def rule_in_words(rule: str | None) -> str:
    """A rule on one line, or whom it admits."""
    if rule is None:
        return "superusers only"
    text = " ".join(rule.split())
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text) or "everyone"


def plan_in_words(plan: Plan) -> Iterator[str]:
    """What a plan will change, a sentence or rule a line."""
    if not plan.is_attached and plan.own and any(rule is not None for rule in plan.own.values()):
        yield f"{plan.name}: its own rules over rows, which detach puts back, and the rules over events instead:"
        for event_type, own, rule in zip(EVENT_TYPES, OWN_RULES, RULES, strict=True):
            more = "  (admits more than before)" if event_type in plan.looser else ""
            yield f"  {event_type}: {rule_in_words(plan.own[own])}  ->  {rule_in_words(plan.rules[rule])}{more}"
    before = (plan.record or {}) if plan.is_attached else {}
    if plan.history != before.get(HISTORY_RULE):
        yield f"{plan.name}: recorded events are shown to their actors, and to: {rule_in_words(plan.history)}"
    if plan.is_attached and plan.versioned and not before["versioned"]:
        yield f"{plan.name}: its rows get a field seq, the seq of the last event that changed them. New events wait."
    yield from (f"{plan.name}: {note}" for note in plan.notes)
    if len(plan.looked_into) > 1:
        yield (
            f"Warning: the rules look into {', '.join(sorted(plan.looked_into))}. PocketBase multiplies their rows at"
            " each append, which becomes slow; docs/rules.md shows a faster way for owners."
        )
    if plan.expressions_left < SCARCE:
        yield f"PocketBase allows {plan.expressions_left} more expressions in the rules of all attached collections."


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """What a plan will change, as a document."""
    own = plan.own or dict.fromkeys(OWN_RULES)
    return {
        "collection": plan.name,
        "rules": {
            event_type: {"own": own[own_rule], "event": plan.rules[rule], "looser": event_type in plan.looser}
            for event_type, own_rule, rule in zip(EVENT_TYPES, OWN_RULES, RULES, strict=True)
        },
        "notes": list(plan.notes),
        "expressions_left": plan.expressions_left,
    }
