"""The rules that keep everybody but the worker from writing: composed as text, nothing else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pocketbase_events.core.schema import WORKER, Target
from pocketbase_events.errors import WrongUsageError

_TEXT = r'"(?:\\[\s\S]|[^"\\])*"' r"|'(?:\\[\s\S]|[^'\\])*'" r"|//[^\n]*"  # texts and comments of a rule
_JOIN = re.compile(_TEXT + r"|(@collection\.\w+)(:\w+)?")  # a collection, and its alias
_LET_IN = f"\n) || {WORKER}"

_SERVER_FIELDS_EMPTY = 'seq = 0 && event_id = "" && hash = "" && timestamp = "" && error = "" && adopted = false'
_ACTOR_IS_CALLER = '(actor = "" || actor = @request.auth.id)'


@dataclass(frozen=True, slots=True)
class AppendRules:
    """Who may append events to one collection; a rule is None for superusers only, "" for everyone."""

    collection: str
    create: str | None = None
    update: str | None = None
    delete: str | None = None

    def by_type(self) -> dict[str, str | None]:
        """The rules by the type of event that they admit."""
        return {"create": self.create, "update": self.update, "delete": self.delete}


def compose_create_rule(targets: Iterable[AppendRules]) -> str | None:
    """The create rule of `events`: None when nobody but superusers may append anything.

    Types that share a rule share a clause, since PocketBase allows 200 expressions in a rule.
    """
    clauses = [clause for target in sorted(targets, key=lambda t: t.collection) for clause in _clauses(target)]
    if not clauses:
        return None
    alternatives = "\n|| ".join(clauses)
    return f"{_SERVER_FIELDS_EMPTY}\n&& {_ACTOR_IS_CALLER}\n&& ({alternatives})"


def _clauses(target: AppendRules) -> Iterable[str]:
    by_rule: dict[str, list[str]] = {}
    for event_type, rule in target.by_type().items():
        if rule is not None:
            by_rule.setdefault(_own_aliases(rule.strip(), target.collection), []).append(event_type)
    for rule, types in by_rule.items():
        named = f'collection = "{target.collection}"'
        if len(types) < len(target.by_type()):
            named += " && (" + " || ".join(f'type = "{event_type}"' for event_type in types) + ")"
        # On lines of its own, since a rule may end with a comment.
        yield f"({named} && (\n{rule}\n))" if rule else f"({named})"


def _own_aliases(rule: str, collection: str) -> str:
    """The rule with aliases that no other collection's rule has (`@collection.notes:mine`).

    PocketBase knows an alias by its name alone: shared by two rules, it would stand for one collection in both.
    """
    return _JOIN.sub(lambda found: f"{found[0]}__{collection}" if found[2] else found[0], rule)


def check_rule(rule: str) -> None:
    """Refuse a rule that would not stand alone within parentheses. PocketBase checks everything else.

    Raises:
        WrongUsageError: when its parentheses or quotes don't match.
    """
    bare = re.sub(_TEXT, "", rule)
    depth = 0
    for char in bare:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            break
    if depth or '"' in bare or "'" in bare:
        raise WrongUsageError(why=f"The parentheses or quotes of the rule {rule!r} don't match. Check it.")


def collections_looked_into(rule: str | None) -> set[str]:
    """What a rule joins through `@collection`, each with its alias."""
    return {found[0] for found in _JOIN.finditer(rule or "") if found[1]}


def let_worker_in(rule: str | None) -> str:
    """A list or view rule that admits whom `rule` admits, and the worker."""
    if rule is None:
        return WORKER
    if rule.strip() == "" or rule == WORKER or rule.endswith(_LET_IN):
        return rule
    return f"(\n{rule}{_LET_IN}"


def lets_worker_in(rule: str | None) -> bool:
    """Whether a list or view rule hides no row from the worker, as far as its text tells."""
    return rule is not None and let_worker_in(rule) == rule


def shut_worker_out(rule: str | None) -> str | None:
    """What `let_worker_in` was given."""
    if rule == WORKER:
        return None
    if rule is not None and rule.endswith(_LET_IN):
        return rule.removeprefix("(\n").removesuffix(_LET_IN)
    return rule


def why_not_attached(names: Iterable[str]) -> str:
    """The sentence for names that no attached collection has."""
    return f"{', '.join(names)} is not attached. See: pocketbase-events status"


def why_gone(name: str) -> str:
    """The sentence for a collection that is attached and does not exist."""
    return f"{name} is attached, but there is no collection of that name. Detach it, or give it its name back."


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
