"""What attaching a collection would change: everything is refused here that must be, and nothing is changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pocketbase_events.core.policy import check_rule, collections_looked_into, compose_create_rule, expressions_left
from pocketbase_events.core.proposals import Rows, is_looser, proposal
from pocketbase_events.core.renames import with_renamed
from pocketbase_events.core.schema import DELETED, SEQ, FieldDefinition, Rename, why_not_settable
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.attach_notes import notes_of
from pocketbase_events.jobs.attached import attached, has_own_seq, has_seq
from pocketbase_events.jobs.targets import (
    HISTORY_RULE,
    OWN_RULES,
    RULES,
    Installation,
    append_rules,
    check_joins,
    is_about,
)
from pocketbase_events.pb.admin import Admin, Collection, Record
from pocketbase_events.pb.schema_files import row_triggers, schema_file

EVENT_TYPES = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Wish:
    """What attaching a collection is asked to do.

    Attributes:
        rules: who may append what, over the event: create_rule, update_rule, delete_rule; "" admits everyone. What is
            not named stays as it is; of a collection that is not attached, only superusers may.
        propose: if no rule is named and the collection is not attached, take those that mean what its own do.
        lock: whether even superusers are kept from writing its rows; None: as it is, and of a collection that is not
            attached, where PocketBase can.
        computed: names of fields that hooks fill in; None: as it is.
        unique_among_live: leave deleted rows out of its unique indexes.
        renamed: fields that were renamed, old name to new: events up to now say the old one.
        history: who may read its recorded events, over the event, "" for everyone; None: as it is, and of a
            collection that is not attached, nobody but their actors.
        versioned: whether its rows carry the seq of the last event that changed them; None: as it is, and of a
            collection that is not attached, unless it has a field `seq` of its own.
    """

    rules: Mapping[str, str] = field(default_factory=dict)
    propose: bool = False
    lock: bool | None = None
    computed: Sequence[str] | None = None
    unique_among_live: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    history: str | None = None
    versioned: bool | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What attaching a collection will change.

    Attributes:
        collection: as it will be.
        record: the record of `event_targets` that it has, None if it has none.
        is_attached: whether it is attached already.
        rules: who may append what, as in a `Wish`; None for superusers only.
        history: who may read its recorded events, as in a `Wish`; None for nobody but their actors.
        own: the collection's own create, update and delete rule, which `detach` puts back; None if unknown.
        proposed: whether the rules are proposals, which somebody should agree to.
        looser: types of event whose rule admits more than the collection's own did.
        computed: names of fields that hooks fill in.
        renamed: what earlier events call fields that were renamed.
        versioned: whether its rows carry the seq of the last event that changed them.
        fills_in: whether there may be rows that lack it.
        lock: whether its rows will be locked, None if this PocketBase can't.
        expressions_left: how many PocketBase allows besides those of all rules.
        looked_into: what all rules join through `@collection`; PocketBase multiplies their rows at each append.
        notes: what will be different, in sentences.
    """

    collection: Collection
    record: Record | None
    is_attached: bool
    rules: Mapping[str, str | None]
    history: str | None
    own: Mapping[str, str | None] | None
    proposed: bool
    looser: Sequence[str]
    computed: Sequence[str]
    renamed: Sequence[Rename]
    versioned: bool
    fills_in: bool
    lock: bool | None
    expressions_left: int
    looked_into: frozenset[str]
    notes: Sequence[str]

    @property
    def name(self) -> str:
        """The collection's name."""
        return str(self.collection["name"])


def plan(admin: Admin, there: Installation, name: str, wish: Wish) -> Plan:
    """What attaching a collection will change.

    Raises:
        WrongUsageError: if it can't be attached, or a rule is wrong.
    """
    for rule in (*wish.rules.values(), wish.history or ""):
        check_rule(rule)
    collection, has_sql = attachable(there, name), admin.has_sql()
    name = collection["name"]
    record = there.targets.get(name)
    same = record is not None and is_about(record, collection)
    is_attached = record is not None and same and not record["closed"]
    computed = (record["computed"] or []) if record and same and wish.computed is None else wish.computed or []
    _check_computed(collection, computed)
    _check_renamed(collection, wish.renamed)
    _check_creatable(collection, computed)
    own = record["own_rules"] if record and same else {rule: collection[rule] for rule in OWN_RULES}
    before = own or dict.fromkeys(OWN_RULES)
    rows = _rows_of(there, collection, has_sql=has_sql)
    proposed = wish.propose and not is_attached and not wish.rules and any(rule is not None for rule in before.values())
    rules = _rules(wish, record if is_attached else None, rows, before if proposed else {})
    lock = _lock(there, collection, wish, is_attached=is_attached) if has_sql else None
    composed = _composed(there, name, rules)
    versioned = _versioned(collection, wish, record if same else None)
    becomes = attached(collection, unique_among_live=wish.unique_among_live, versioned=versioned)
    return Plan(
        collection=becomes,
        record=record,
        is_attached=is_attached,
        rules=rules,
        history=record[HISTORY_RULE] if record and is_attached and wish.history is None else wish.history,
        own=own,
        proposed=proposed,
        looser=() if is_attached else _looser(rows, before, rules),
        computed=list(computed),
        renamed=_renamed(wish, record if same else None, there.seq),
        versioned=versioned,
        fills_in=versioned and bool(wish.versioned if is_attached else has_seq(collection)),
        lock=lock,
        expressions_left=expressions_left(composed),
        looked_into=frozenset(collections_looked_into(composed)),
        notes=notes_of(there, becomes, record if is_attached else None, rules, locked=bool(lock)),
    )


def _looser(rows: Rows, before: Mapping[str, str | None], rules: Mapping[str, str | None]) -> list[str]:
    """Types of event whose rule admits more than the collection's own did."""
    return [
        event_type
        for event_type, rule, own_rule in zip(EVENT_TYPES, RULES, OWN_RULES, strict=True)
        if is_looser(rows, event_type, before[own_rule], rules[rule])
    ]


def _composed(there: Installation, name: str, rules: Mapping[str, str | None]) -> str | None:
    """The create rule of `events` once the collection is attached with these rules."""
    others = [target for other, target in there.targets.items() if other != name]
    composed = compose_create_rule(append_rules([*others, {"collection": name, **rules, "names_actor": True}]))
    check_joins(composed)
    return composed


def attachable(there: Installation, name: str) -> Collection:
    """The collection of this name, if it can be attached.

    Raises:
        WrongUsageError: if it can't.
    """
    collection = there.named(name)
    ours = {c["id"] for c in json.loads(schema_file("collections.json").read_text())}
    if collection["id"] in ours or collection["system"] or collection["type"] != "base":
        kind = "system" if collection["system"] or collection["id"] in ours else collection["type"]
        raise WrongUsageError(why=f"{name} is a collection of type {kind}; only base collections can be attached.")
    marks = [each for each in collection["fields"] if each["name"] == DELETED]
    if marks and (marks[0]["type"] != "bool" or marks[0]["hidden"] or marks[0]["required"]):
        raise WrongUsageError(
            why=f'{name} has a field "{DELETED}" that is not a visible, optional bool field. Rename it: an event of'
            " type delete marks the row there."
        )
    return collection


def _versioned(collection: Collection, wish: Wish, record: Record | None) -> bool:
    """Whether its rows carry the seq of the last event that changed them; `record` is what was so before."""
    wanted = wish.versioned if wish.versioned is not None or record is None else bool(record["versioned"])
    if not has_own_seq(collection):
        return wanted is not False
    if wanted:
        raise WrongUsageError(
            why=f'{collection["name"]} has a field "{SEQ}" of its own. Rename it first, or give --no-seq: rows carry'
            " no version then."
        )
    return False


def _check_computed(collection: Collection, computed: Sequence[str]) -> None:
    ours = {"id", DELETED, *([SEQ] if has_seq(collection) else [])}
    known = {each["name"] for each in collection["fields"] if each["type"] != "autodate"} - ours
    unknown = [name for name in computed if name not in known]
    if unknown:
        raise WrongUsageError(
            why=f"{collection['name']} has no field {', '.join(unknown)} that a hook could fill in. Check --computed."
        )


def _check_renamed(collection: Collection, renamed: Mapping[str, str]) -> None:
    fields = {each.name: each for each in map(FieldDefinition.model_validate, collection["fields"])}
    for old, new in renamed.items():
        if new not in fields or why_not_settable(fields[new]) or old == new:
            raise WrongUsageError(
                why=f"{collection['name']} has no field {new} that was called {old} before and that events can set."
                " Check --renamed."
            )
        if old in fields and old not in renamed.values():
            raise WrongUsageError(
                why=f"{collection['name']} still has a field {old}. Rename it first, in the admin UI for example, then"
                " run attach --renamed."
            )


def _renamed(wish: Wish, record: Record | None, seq: int) -> list[Rename]:
    before = [Rename(*each) for each in (record or {}).get("renamed") or ()]
    return with_renamed(before, wish.renamed, seq) if wish.renamed else before


def _check_creatable(collection: Collection, computed: Sequence[str]) -> None:
    """Refuse a collection in which no event could ever create a row."""
    for each in map(FieldDefinition.model_validate, collection["fields"]):
        filled_in = each.name in (*computed, "id", DELETED) or each.autogenerate or each.type == "autodate"
        if each.required and not filled_in and (why := why_not_settable(each)):
            raise WrongUsageError(
                why=f"No event could ever create a row of {collection['name']}, since it needs a value there:"
                f" {why.removesuffix(' Leave it out of data.')} Make the field optional first; if a hook fills it in,"
                f" give --computed {each.name}."
            )


def _rows_of(there: Installation, collection: Collection, *, has_sql: bool) -> Rows:
    fields = [FieldDefinition.model_validate(each) for each in collection["fields"]]
    # PocketBase looks back from the caller since 0.26; its SQL endpoint tells that it is newer.
    callers = [each["id"] for each in there.collections.values() if each["type"] == "auth"] if has_sql else []
    return Rows(collection["name"], {each.name: each for each in fields}, frozenset(callers))


def _rules(
    wish: Wish, record: Record | None, rows: Rows, translating: Mapping[str, str | None]
) -> dict[str, str | None]:
    """The rules after attaching: those given, else those that it has, else translations of its own."""
    proposals = {
        rule: proposal(rows, event_type, translating.get(own_rule))
        for event_type, rule, own_rule in zip(EVENT_TYPES, RULES, OWN_RULES, strict=True)
    }
    return {rule: wish.rules.get(rule, record[rule] if record else proposals[rule]) for rule in RULES}


def _lock(there: Installation, collection: Collection, wish: Wish, *, is_attached: bool) -> bool:
    if wish.lock is not None:
        return wish.lock
    return not is_attached or row_triggers(collection["id"], collection["name"]).keys() <= there.triggers
