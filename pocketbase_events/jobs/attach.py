"""Which collections are under the log: attaching and detaching them, with their rules and locks."""

import json
from typing import Any

from pocketbase_events.core.access import let_worker_in, shut_worker_out, why_not_attached
from pocketbase_events.core.policy import (
    AppendRules,
    admits_nobody,
    check_rule,
    collections_looked_into,
    compose_create_rule,
)
from pocketbase_events.core.rules import UnreadableRuleError
from pocketbase_events.core.schema import DELETED, ROW_CREATE_RULE, Target, row_update_rule
from pocketbase_events.errors import NotInstalledError, ProblemError, WrongUsageError
from pocketbase_events.jobs.lock import lock_rows, rows_locked
from pocketbase_events.pb.admin import Admin, Collection, Record
from pocketbase_events.pb.literals import literal
from pocketbase_events.pb.records import refuse_newer, refuse_older
from pocketbase_events.pb.schema_files import schema_file

MAX_JOINS = 50  # of the composed rule; SQLite joins 64 tables, and PocketBase needs some itself
RULES = ("create_rule", "update_rule", "delete_rule")
_READ_RULES = ("listRule", "viewRule")


def freeze(admin: Admin, name: str, given: dict[str, str], *, lock: bool | None) -> Target | None:
    """Keep everybody from writing the rows of a collection that is to be attached with the rows that it has.

    None where it is attached already, and nothing is to be done.

    Raises:
        WrongUsageError: when the collection can't be attached or a rule is wrong; nothing is changed then.
    """
    for rule in given.values():
        check_rule(rule)
    there = _installed(admin)
    collection = _attachable(name, there)
    if _target(admin, collection["name"]) is not None:
        return None
    name = collection["name"]
    # PocketBase judges the rules now, but admits nobody yet.
    shut = {rule: admits_nobody(text) for rule, text in given.items()}
    _import(
        admin,
        _attached(collection),
        there["events"],
        [*append_rules(admin), _rules_of(name, {**dict.fromkeys(RULES), **shut})],
    )
    if admin.has_sql() and lock is not False:
        lock_rows(admin, collection, lock=True)
    frozen = next(each for each in admin.collections() if each["id"] == collection["id"])
    return Target(collection=frozen["name"], collection_id=frozen["id"], version="", fields=frozen["fields"])


def thaw(admin: Admin, name: str) -> None:
    """Let superusers write the rows of a frozen collection again."""
    if admin.has_sql():
        lock_rows(admin, _attachable(name, _installed(admin)), lock=False)


def attach(admin: Admin, name: str, given: dict[str, str], *, lock: bool | None, adopted: bool = False) -> set[str]:
    """Put a base collection under the log, or change what `given` names (create_rule, update_rule, delete_rule).

    `lock` says whether superusers, too, are kept from writing its rows (None: they are, as far as possible,
    or as they were when it is attached already); `adopted`, that the log explains the rows that are there.
    Returns what all rules together look into: PocketBase multiplies the rows of these collections at each append.

    Raises:
        WrongUsageError: when the collection can't be attached or a rule is wrong; nothing is changed then.
    """
    for rule in given.values():
        check_rule(rule)
    there = _installed(admin)
    collection = _attachable(name, there)
    name = collection["name"]
    before = _target(admin, name)
    if before is None and not adopted and admin.count(name):
        raise WrongUsageError(
            why=f"{name} has rows already, which no event explains. Attach it with --adopt, which records a create"
            " event for each of them."
        )
    after = {rule: given.get(rule, before[rule] if before else None) for rule in RULES}
    others = [target for target in append_rules(admin) if target.collection != name]
    targets = [*others, _rules_of(name, after)]
    # Known to the worker before anybody may append events, which it would reject otherwise.
    added = (
        admin.create("event_targets", collection=name, collection_id=collection["id"], **_stored(after))
        if before is None
        else None
    )
    try:
        _import(admin, _attached(collection), there["events"], targets)
    except WrongUsageError:
        if added is not None:
            admin.delete("event_targets", added["id"])
        raise
    if before is not None:
        admin.update("event_targets", before["id"], **_stored(after))
    if admin.has_sql():
        was_locked = before is None or rows_locked(admin, collection)
        lock_rows(admin, collection, lock=was_locked if lock is None else lock)
    return collections_looked_into(compose_create_rule(targets))


def detach(admin: Admin, name: str) -> None:
    """Take a collection out of the log. Its rows and events stay; only superusers write its rows from now on.

    So it does with one whose rows were to be adopted, and are not.

    Raises:
        WrongUsageError: when it is not attached.
    """
    there = _installed(admin)
    collection = there.get(name.lower())
    name = collection["name"] if collection is not None else name
    target = _target(admin, name)
    if target is None and (collection is None or collection["createRule"] != ROW_CREATE_RULE):
        raise WrongUsageError(why=why_not_attached([name]))
    others = [rules for rules in append_rules(admin) if rules.collection != name]
    if collection is not None:
        _import(admin, _detached(collection), there["events"], others)
        if admin.has_sql():
            lock_rows(admin, collection, lock=False)
    else:
        admin.import_collections([{**there["events"], "createRule": compose_create_rule(others)}])
    if target is not None:
        admin.delete("event_targets", target["id"])


def append_rules(admin: Admin) -> list[AppendRules]:
    """Who may append what, for every attached collection."""
    return [_rules_of(target["collection"], target) for target in admin.records("event_targets")]


def _installed(admin: Admin) -> dict[str, Collection]:
    """All collections by lower-case name, ours among them.

    Raises:
        NotInstalledError: if there is no log.
        NewerError, OlderError: if another version of ours has set it up.
    """
    there = {collection["name"].lower(): collection for collection in admin.collections()}
    status = admin.records("event_status") if "event_status" in there else []
    if not status:
        raise NotInstalledError(url=admin.url)
    refuse_newer(status[0])
    refuse_older(status[0])
    return there


def _attachable(name: str, there: dict[str, Collection]) -> Collection:
    collection = there.get(name.lower())
    if collection is None:
        raise WrongUsageError(why=f"There is no collection {name}. Create it first, in the admin UI for example.")
    ours = {c["id"] for c in json.loads(schema_file("collections.json").read_text())}
    if collection["id"] in ours or collection["system"] or collection["type"] != "base":
        kind = "system" if collection["system"] or collection["id"] in ours else collection["type"]
        raise WrongUsageError(why=f"{name} is a collection of type {kind}; only base collections can be attached.")
    marks = [field for field in collection["fields"] if field["name"] == DELETED]
    if marks and (marks[0]["type"] != "bool" or marks[0]["hidden"]):
        raise WrongUsageError(
            why=f'{name} has a field "{DELETED}" that is no visible bool field. Rename it: an event of type delete'
            " marks the row there."
        )
    return collection


def _attached(collection: Collection) -> Collection:
    fields = list(collection["fields"])
    if all(field["name"] != DELETED for field in fields):
        fields.append({"name": DELETED, "type": "bool", "help": "Set by an event of type delete."})
    return {
        **collection,
        "fields": fields,
        "createRule": ROW_CREATE_RULE,
        "updateRule": row_update_rule(versioned=False),
        "deleteRule": None,
        **{rule: _let_worker_in(collection, rule) for rule in _READ_RULES},
    }


def _let_worker_in(collection: Collection, rule: str) -> str:
    try:
        return let_worker_in(collection[rule])
    except UnreadableRuleError as error:
        raise WrongUsageError(
            why=f"The {rule} of {collection['name']} can't be read: {error}. Write it in another way, then run attach"
            " again. Nothing was changed."
        ) from None


def _detached(collection: Collection) -> Collection:
    closed = {"createRule": None, "updateRule": None, "deleteRule": None}
    return {**collection, **closed, **{rule: shut_worker_out(collection[rule]) for rule in _READ_RULES}}


def _import(admin: Admin, collection: Collection, events: Collection, targets: list[AppendRules]) -> None:
    """Change a collection's rules and what `events` admits, both or neither."""
    rule = compose_create_rule(targets)
    if len(collections_looked_into(rule)) > MAX_JOINS:
        raise WrongUsageError(
            why=f"The rules of all attached collections together would look into more than {MAX_JOINS} collections"
            " through @collection, more than one query can join. Use fewer. Nothing was changed."
        )
    try:
        admin.import_collections([collection, {**events, "createRule": rule}])
    except ProblemError as error:
        raise WrongUsageError(
            why=f"{error} Check the rules: they are over the event (data, item_id, actor), and PocketBase allows"
            " 200 expressions in all of them together. Nothing was changed."
        ) from None


def _target(admin: Admin, name: str) -> Record | None:
    found = admin.records("event_targets", filter=f"collection = {literal(name)}")
    return found[0] if found else None


def _rules_of(name: str, rules: dict[str, Any]) -> AppendRules:
    return AppendRules(name, rules["create_rule"], rules["update_rule"], rules["delete_rule"])


def _stored(rules: dict[str, str | None]) -> dict[str, str | None]:
    """Rules as JSON texts: PocketBase would read a bare text that looks like JSON, and keeps these."""
    return {name: None if rule is None else json.dumps(rule) for name, rule in rules.items()}
