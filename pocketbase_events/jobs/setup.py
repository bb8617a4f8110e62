"""Setting up: our collections, the worker's account, and which collections are under the log."""

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pocketbase_events.core.batch import HEAD_ID, MAX_REQUESTS
from pocketbase_events.core.policy import (
    AppendRules,
    check_rule,
    collections_looked_into,
    compose_create_rule,
    let_worker_in,
    shut_worker_out,
)
from pocketbase_events.core.schema import DELETED, ROW_CREATE_RULE, ROW_UPDATE_RULE, Target
from pocketbase_events.errors import NotInstalledError, ProblemError, WrongUsageError
from pocketbase_events.pb.admin import Admin, Collection, Record
from pocketbase_events.pb.records import refuse_newer
from pocketbase_events.pb.schema_files import log_triggers, row_triggers, schema_file
from pocketbase_events.settings import Settings

MAX_JOINS = 50  # of the composed rule; SQLite joins 64 tables, and PocketBase needs some itself
RULES = ("create_rule", "update_rule", "delete_rule")
_READ_RULES = ("listRule", "viewRule")


@dataclass(frozen=True, slots=True)
class Installed:
    """What `init` did. `password` is the worker's where one was made, to be shown once."""

    locked: bool
    worker_email: str
    password: str | None


def init(admin: Admin, settings: Settings) -> Installed:
    """Create or upgrade our collections, enable the batch API, and set the worker's password.

    Raises:
        ProblemError: when a collection that is not ours has one of our names; nothing is changed then.
        NewerError: when a newer version of ours has set it up; nothing is changed then.
    """
    ours: list[Collection] = json.loads(schema_file("collections.json").read_text())
    there = {collection["name"].lower(): collection for collection in admin.collections()}
    _refuse_foreign(ours, there)
    _refuse_newer(admin, there)
    targets = append_rules(admin) if "event_targets" in there else []
    admin.import_collections([_upgraded(collection, there, targets) for collection in ours])
    if not admin.records("event_head"):
        admin.create("event_head", id=HEAD_ID, seq=0, hash="")
    _enable_batch(admin)
    password = _set_worker(admin, settings)
    locked = admin.has_sql()
    if locked:
        _install(admin, log_triggers())
        for target in targets:
            collection = there.get(target.collection.lower())
            if collection is not None and _rows_locked(admin, collection):
                _lock_rows(admin, collection, lock=True)
    return Installed(locked, settings.worker_email, password)


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
    shut = {rule: f"1 = 2 && (\n{text}\n)" if text.strip() else "1 = 2" for rule, text in given.items()}
    _import(
        admin,
        _attached(collection),
        there["events"],
        [*append_rules(admin), _rules_of(name, {**dict.fromkeys(RULES), **shut})],
    )
    if admin.has_sql() and lock is not False:
        _lock_rows(admin, collection, lock=True)
    frozen = next(each for each in admin.collections() if each["id"] == collection["id"])
    return Target(collection=frozen["name"], collection_id=frozen["id"], version="", fields=frozen["fields"])


def thaw(admin: Admin, name: str) -> None:
    """Let superusers write the rows of a frozen collection again."""
    if admin.has_sql():
        _lock_rows(admin, _attachable(name, _installed(admin)), lock=False)


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
    added = admin.create("event_targets", collection=name, **_stored(after)) if before is None else None
    try:
        _import(admin, _attached(collection), there["events"], targets)
    except WrongUsageError:
        if added is not None:
            admin.delete("event_targets", added["id"])
        raise
    if before is not None:
        admin.update("event_targets", before["id"], **_stored(after))
    if admin.has_sql():
        was_locked = before is None or _rows_locked(admin, collection)
        _lock_rows(admin, collection, lock=was_locked if lock is None else lock)
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
        raise WrongUsageError(why=f"{name} is not attached. See: pocketbase-events status")
    others = [rules for rules in append_rules(admin) if rules.collection != name]
    if collection is not None:
        _import(admin, _detached(collection), there["events"], others)
        if admin.has_sql():
            _drop(admin, row_triggers(collection["id"], collection["name"]))
    else:
        admin.import_collections([{**there["events"], "createRule": compose_create_rule(others)}])
    if target is not None:
        admin.delete("event_targets", target["id"])


def install_demo(admin: Admin) -> None:
    """Create and attach the demo's collection, and open it: anyone appends, and reads rows and events."""
    demo: list[Collection] = json.loads(schema_file("demo.json").read_text())
    events = next(collection for collection in admin.collections() if collection["name"] == "events")
    admin.import_collections([*demo, {**events, "listRule": "", "viewRule": ""}])
    for collection in demo:
        attach(admin, collection["name"], dict.fromkeys(RULES, ""), lock=None)


def append_rules(admin: Admin) -> list[AppendRules]:
    """Who may append what, for every attached collection."""
    return [_rules_of(target["collection"], target) for target in admin.records("event_targets")]


def _refuse_foreign(ours: Iterable[Collection], there: dict[str, Collection]) -> None:
    foreign = [c["name"] for c in ours if c["name"] in there and there[c["name"]]["id"] != c["id"]]
    if foreign:
        raise ProblemError(
            why=f"There is a collection {', '.join(foreign)} that is not part of pocketbase-events. Rename it"
            " in the admin UI (records and rules stay), then run init again. Nothing was changed."
        )


def _upgraded(collection: Collection, there: dict[str, Collection], targets: list[AppendRules]) -> Collection:
    """Our collection, with what its owner may have changed: who may list and view it, indexes of their own."""
    existing = there.get(collection["name"], collection)
    own = {_index_name(index) for index in collection["indexes"]}
    kept = [index for index in existing["indexes"] or [] if _index_name(index) not in own]
    upgraded = {**collection, **{rule: existing[rule] for rule in _READ_RULES}}
    upgraded["indexes"] = [*collection["indexes"], *kept]
    if collection["name"] == "events":
        upgraded["createRule"] = compose_create_rule(targets)
    return upgraded


def _index_name(index: str) -> str:
    found = re.search(r"\bindex\s+(?:if\s+not\s+exists\s+)?[`\"\[]?(\w+)", index, re.IGNORECASE)
    return found[1] if found else index


def _enable_batch(admin: Admin) -> None:
    batch = admin.settings()["batch"]
    wanted = {**batch, "enabled": True, "maxRequests": max(batch["maxRequests"], MAX_REQUESTS)}
    if wanted != batch:
        admin.update_settings(batch=wanted)


def _set_worker(admin: Admin, settings: Settings) -> str | None:
    """Make the worker's account and password what the settings say; a password made here is returned."""
    accounts = admin.records("event_workers", filter=f"email = {json.dumps(settings.worker_email, ensure_ascii=False)}")
    given = settings.worker_password.get_secret_value() if settings.worker_password else None
    if given is None and accounts:
        return None
    password = given or secrets.token_urlsafe(18)
    fields = {"password": password, "passwordConfirm": password, "verified": True}
    try:
        if not accounts:
            admin.create("event_workers", email=settings.worker_email, **fields)
        elif not admin.worker_logs_in(settings.worker_email, password):
            # Only then: a new password ends the tokens of a running worker.
            admin.update("event_workers", accounts[0]["id"], **fields)
    except ProblemError as error:
        raise WrongUsageError(
            why=f"{error} Check POCKETBASE_EVENTS_WORKER_EMAIL and POCKETBASE_EVENTS_WORKER_PASSWORD."
        ) from None
    return None if given else password


def _installed(admin: Admin) -> dict[str, Collection]:
    """All collections by lower-case name, ours among them."""
    there = {collection["name"].lower(): collection for collection in admin.collections()}
    if not {"events", "event_targets", "event_status"} <= there.keys():
        raise NotInstalledError(url=admin.url)
    _refuse_newer(admin, there)
    return there


def _refuse_newer(admin: Admin, there: dict[str, Collection]) -> None:
    for item in admin.records("event_status") if "event_status" in there else ():
        refuse_newer(item)


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
        "updateRule": ROW_UPDATE_RULE,
        "deleteRule": None,
        **{rule: let_worker_in(collection[rule]) for rule in _READ_RULES},
    }


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
    found = admin.records("event_targets", filter=f"collection = {json.dumps(name, ensure_ascii=False)}")
    return found[0] if found else None


def _rules_of(name: str, rules: dict[str, Any]) -> AppendRules:
    return AppendRules(name, rules["create_rule"], rules["update_rule"], rules["delete_rule"])


def _stored(rules: dict[str, str | None]) -> dict[str, str | None]:
    """Rules as JSON texts: PocketBase would read a bare text that looks like JSON, and keeps these."""
    return {name: None if rule is None else json.dumps(rule) for name, rule in rules.items()}


def _rows_locked(admin: Admin, collection: Collection) -> bool:
    triggers = admin.records("event_status")[0]["triggers"]
    return row_triggers(collection["id"], collection["name"]).keys() <= set(triggers)


def _lock_rows(admin: Admin, collection: Collection, *, lock: bool) -> None:
    triggers = row_triggers(collection["id"], collection["name"])
    if lock:
        _install(admin, triggers)
    else:
        _drop(admin, triggers)


def _install(admin: Admin, triggers: dict[str, str]) -> None:
    for name, sql in triggers.items():
        admin.sql(f"DROP TRIGGER IF EXISTS `{name}`; {sql}")


def _drop(admin: Admin, triggers: Iterable[str]) -> None:
    for name in triggers:
        admin.sql(f"DROP TRIGGER IF EXISTS `{name}`")
