"""Setting up: our collections, the worker's account, the batch API, and the lock of the log."""

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pocketbase_events.core.access import let_worker_in, unwrapped
from pocketbase_events.core.batch import HEAD_ID, STAMPS_ID
from pocketbase_events.core.indexes import index_name
from pocketbase_events.core.policy import compose_create_rule
from pocketbase_events.core.replica import origin_of
from pocketbase_events.core.schema import ROW_UPDATE_RULE_BEFORE_3, row_update_rule
from pocketbase_events.core.server_limits import enough
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.lock import lock_log, lock_rows
from pocketbase_events.jobs.targets import READ_RULES, append_rules, publish
from pocketbase_events.pb.admin import Admin, Collection
from pocketbase_events.pb.literals import literal
from pocketbase_events.pb.records import refuse_newer
from pocketbase_events.pb.schema_files import row_triggers, schema_file
from pocketbase_events.settings import Settings

# Of events: what limits a field that clients write.
LIMITS = {"data": "maxSize", "files": "maxSize", "reason": "max", "together": "max"}


@dataclass(frozen=True, slots=True)
class Installed:
    """What `init` did.

    Attributes:
        locked: whether even superusers are kept from changing the log.
        worker_email: the worker's account.
        password: its password, if one was made here; to be shown once.
        other_workers: how many other accounts `event_workers` has.
    """

    locked: bool
    worker_email: str
    password: str | None
    other_workers: int


def init(admin: Admin, settings: Settings) -> Installed:
    """Create or upgrade our collections, enable the batch API, and set the worker's password.

    Raises:
        ProblemError: if a collection that is not ours has one of our names; nothing is changed then.
        NewerError: if a newer version of ours has set it up; nothing is changed then.
    """
    ours: list[Collection] = json.loads(schema_file("collections.json").read_text())
    there = {collection["name"].lower(): collection for collection in admin.collections()}
    _refuse_foreign(ours, there)
    for status in admin.records("event_status") if "event_status" in there else ():
        refuse_newer(status)
    targets = admin.records("event_targets") if "event_targets" in there else []
    attached = [there[target["collection"].lower()] for target in targets if target["collection"].lower() in there]
    rule = compose_create_rule(append_rules(targets))
    upgraded = [_upgraded(collection, there, rule) for collection in ours]
    has_sql = admin.has_sql()
    if has_sql:
        _open_for_new_fields(admin, ours, there)
    admin.import_collections([*upgraded, *_rows_upgraded(attached)])
    if not admin.records("event_head"):
        admin.create("event_head", id=HEAD_ID, seq=0, hash="")
    if not admin.records("event_stamps"):
        admin.create("event_stamps", id=STAMPS_ID)
    _enable_batch(admin)
    _name_collections(admin, there)
    publish(admin)
    password = _set_worker(admin, settings)
    status = admin.records("event_status")[0]
    _give_time_to_start(admin, status["now"])
    if has_sql:
        lock_log(admin)
        for collection in attached:
            if row_triggers(collection["id"], collection["name"]).keys() <= set(status["triggers"]):
                lock_rows(admin, collection, lock=True)
    return Installed(has_sql, settings.worker_email, password, status["workers"] - 1)


def _refuse_foreign(ours: Iterable[Collection], there: dict[str, Collection]) -> None:
    foreign = [c["name"] for c in ours if c["name"] in there and there[c["name"]]["id"] != c["id"]]
    if foreign:
        raise ProblemError(
            why=f"There is a collection {', '.join(foreign)} that is not part of pocketbase-events. Rename it"
            " in the admin UI (records and rules stay), then run init again. Nothing was changed."
        )


def _open_for_new_fields(admin: Admin, ours: Iterable[Collection], there: dict[str, Collection]) -> None:
    """Let PocketBase rewrite recorded events if they get new fields: it fills in one that holds several values.

    What was hashed does not change. The end of `init` locks the log again; if it fails before, the next one does.
    """
    wanted = {field["name"] for each in ours if each["name"] == "events" for field in each["fields"]}
    if "events" in there and not wanted <= {field["name"] for field in there["events"]["fields"]}:
        admin.sql("DROP TRIGGER IF EXISTS `pbe_events_update`")


def _upgraded(collection: Collection, there: dict[str, Collection], append_rule: str | None) -> Collection:
    """Our collection, with what its owner may have changed: its list and view rules, indexes, larger limits."""
    existing = there.get(collection["name"], collection)
    own = {index_name(index) for index in collection["indexes"]}
    kept = [index for index in existing["indexes"] or [] if index_name(index) not in own]
    upgraded = {**collection, **{rule: existing[rule] for rule in READ_RULES}}
    upgraded["indexes"] = [*collection["indexes"], *kept]
    if collection["name"] == "events":
        upgraded["createRule"] = existing["createRule"] if origin_of(existing["createRule"]) else append_rule
        upgraded["fields"] = [_with_limit(field, existing["fields"]) for field in collection["fields"]]
    return upgraded


def _with_limit(field: dict[str, Any], existing: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A field of events with its owner's limit for what clients write, if that is larger than ours."""
    limit = LIMITS.get(field["name"])
    theirs = next((each for each in existing if each["name"] == field["name"]), field)
    return {**field, limit: max(field[limit], theirs.get(limit) or 0)} if limit else field


def _rows_upgraded(attached: Iterable[Collection]) -> Iterator[Collection]:
    """Attached collections with rules of an older version of ours: its update rule, or rules that it wrapped.

    A comment in a wrapped rule that has a bracket could end the parentheses early.
    """
    for collection in attached:
        wrapped = {rule: text for rule in READ_RULES if (text := collection[rule]) and unwrapped(text) != text}
        better = {rule: let_worker_in(text) for rule, text in wrapped.items()}
        if collection["updateRule"] == ROW_UPDATE_RULE_BEFORE_3:
            better["updateRule"] = row_update_rule(versioned=False)
        if better:
            yield {"id": collection["id"], "name": collection["name"], **better}


def _enable_batch(admin: Admin) -> None:
    batch = admin.settings()["batch"]
    wanted = enough(batch)
    if wanted != batch:
        admin.update_settings(batch=wanted)


def _name_collections(admin: Admin, there: dict[str, Collection]) -> None:
    """Note which collections were attached by a version of ours that noted their names only."""
    for target in admin.records("event_targets", filter='collection_id = ""'):
        collection = there.get(target["collection"].lower())
        if collection is not None:
            named = {"collection_id": collection["id"], "collection_created": collection["created"]}
            admin.update("event_targets", target["id"], **named)


def _set_worker(admin: Admin, settings: Settings) -> str | None:
    """Make the worker's account and password what the settings say. Returns the password if it was made here."""
    accounts = admin.records("event_workers", filter=f"email = {literal(settings.worker_email)}")
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


def _give_time_to_start(admin: Admin, now: str) -> None:
    """Count workers that were never seen as seen now: `status` misses them only some time later."""
    accounts = admin.records("event_workers", filter='last_seen = ""', fields="id")
    admin.update_all("event_workers", [account["id"] for account in accounts], last_seen=now)
