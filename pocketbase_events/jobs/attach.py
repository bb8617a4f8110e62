"""Attaching a collection: from then on its rows change by events only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.attach_plan import Plan, Wish, plan
from pocketbase_events.jobs.attached_files import admit_files
from pocketbase_events.jobs.detach import detach
from pocketbase_events.jobs.lock import lock_rows
from pocketbase_events.jobs.targets import HISTORY_RULE, RULES, installation, publish
from pocketbase_events.pb.admin import Admin, Record
from pocketbase_events.pb.literals import literal


@dataclass(frozen=True, slots=True)
class Attached:
    """What attaching came to.

    Attributes:
        plan: what was planned, and done.
        former_items: how many items of this collection the log has from before, though it has no row.
    """

    plan: Plan
    former_items: int


def attach(admin: Admin, name: str, rules: Mapping[str, str], *, lock: bool | None) -> Attached:
    """Put a base collection under the log, or change what `rules` names; `lock` and `rules` are those of a `Wish`.

    Raises:
        WrongUsageError: if it can't be attached or a rule is wrong; nothing is changed then.
    """
    return carry_out(admin, plan(admin, installation(admin), name, Wish(rules=rules, lock=lock)))


def carry_out(admin: Admin, plan: Plan, *, adopted: bool = False) -> Attached:
    """Attach a collection as planned. `adopted` says that the log explains the rows that are there.

    Raises:
        WrongUsageError: if the collection has rows that no event explains, or PocketBase refuses a rule; nothing is
            changed then.
    """
    name = plan.name
    is_new = not plan.is_attached and not adopted
    if is_new and admin.count(name):
        raise WrongUsageError(why=_why_rows(name))
    keep(admin, plan, closed=False)
    if is_new and admin.count(name):  # somebody has written one before the collection was closed
        detach(admin, name)
        raise WrongUsageError(why=_why_rows(name))
    if plan.lock is not None:
        lock_rows(admin, plan.collection, lock=plan.lock)
    created = f'seq > 0 && type = "create" && collection = {literal(name)}'
    return Attached(plan, admin.count("events", filter=created) if is_new else 0)


def keep(admin: Admin, plan: Plan, *, closed: bool) -> Plan:
    """Write down what is attached, and change the rules; `closed` keeps everybody from appending events.

    Returns the plan with the collection's new record of `event_targets`.

    Raises:
        WrongUsageError: if PocketBase refuses a rule; nothing is changed then.
    """
    # Known to the worker before anybody may append events, which it would reject otherwise.
    record = _write(admin, plan, closed=closed)
    admit_files(admin, plan.collection)
    try:
        publish(admin, [plan.collection])
    except (ProblemError, WrongUsageError) as error:
        if plan.record is None:
            admin.delete("event_targets", record["id"])
        else:
            admin.update("event_targets", record["id"], **_fields_of(plan.record))
        raise WrongUsageError(
            why=f"{error} Check the rules: they are over the event (data, item_id, actor). Nothing was changed."
        ) from None
    return replace(plan, record=record)


def _write(admin: Admin, plan: Plan, *, closed: bool) -> Record:
    """Write the collection's record of `event_targets`."""
    fields = {
        "collection_id": plan.collection["id"],
        "collection_created": plan.collection["created"],
        "closed": closed,
        "names_actor": True,
        "own_rules": plan.own,
        "computed": list(plan.computed) or None,
        "renamed": [list(each) for each in plan.renamed] or None,
        "versioned": plan.versioned,
        HISTORY_RULE: plan.history,
        **plan.rules,
    }
    if plan.record is not None:
        admin.update("event_targets", plan.record["id"], **_stored(fields))
        return {**plan.record, **fields}
    try:
        made = admin.create("event_targets", collection=plan.name, **_stored(fields))
    except ProblemError as error:
        raise WrongUsageError(why=f"{plan.name} was attached by somebody else meanwhile ({error}).") from None
    return {**made, **fields}


def _fields_of(record: Record) -> Record:
    """What `_write` writes, as a record of `event_targets` has it."""
    names = (
        "collection_id",
        "collection_created",
        "closed",
        "names_actor",
        "own_rules",
        "computed",
        "renamed",
        "versioned",
        HISTORY_RULE,
        *RULES,
    )
    return _stored({name: record[name] for name in names})


def _stored(fields: Record) -> Record:
    """Rules as JSON texts: PocketBase would read a bare text that looks like JSON, and keeps these."""
    names = (*RULES, HISTORY_RULE)
    rules = {name: None if fields[name] is None else json.dumps(fields[name]) for name in names}
    return {**fields, **rules}


def _why_rows(name: str) -> str:
    return (
        f"{name} has rows already, which no event explains. Attach it with --adopt, which records a create event for"
        " each of them."
    )
