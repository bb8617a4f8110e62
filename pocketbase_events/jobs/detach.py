"""Detaching a collection: its rows and events stay, and its own rules come back."""

from collections.abc import Mapping
from dataclasses import dataclass

from pocketbase_events.core.access import shut_worker_out, why_not_attached
from pocketbase_events.core.schema import ROW_CREATE_RULE
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.lock import lock_rows
from pocketbase_events.jobs.targets import OWN_RULES, READ_RULES, installation, is_about, publish
from pocketbase_events.pb.admin import Admin, Collection


@dataclass(frozen=True, slots=True)
class Detached:
    """What detaching came to.

    Attributes:
        rules: the collection's create, update and delete rule now; None if the collection is gone.
        refused: why its own rules could not be put back; "" if they were.
    """

    rules: Mapping[str, str | None] | None
    refused: str = ""


def detach(admin: Admin, name: str) -> Detached:
    """Take a collection out of the log. Interrupted, run it again.

    So it does with one whose rows were to be adopted, and are not.

    Raises:
        WrongUsageError: if it is not attached.
    """
    there = installation(admin)
    name = there.spelt(name)
    record, collection = there.targets.get(name), there.collections.get(name)
    if record is None and (collection is None or collection["createRule"] != ROW_CREATE_RULE):
        raise WrongUsageError(why=why_not_attached([name]))
    if record is not None and collection is not None and not is_about(record, collection):
        collection = None  # another one, of the same name
    if record is not None:
        admin.update("event_targets", record["id"], closed=True)
    own = (record or {}).get("own_rules")
    if own is None:
        own, why = dict.fromkeys(OWN_RULES), "no version of ours has kept them"
    else:
        why = ""
    detached = _give_back(admin, collection, own, why)
    if collection is not None and admin.has_sql():
        lock_rows(admin, collection, lock=False)
    if record is not None:
        admin.delete("event_targets", record["id"])
        publish(admin)
    return detached


def _give_back(admin: Admin, collection: Collection | None, own: Mapping[str, str | None], why: str) -> Detached:
    if collection is None:
        return Detached(None)
    read = {rule: shut_worker_out(collection[rule]) for rule in READ_RULES}
    try:
        publish(admin, [{**collection, **own, **read}])
    except (ProblemError, WrongUsageError) as error:
        closed = dict.fromkeys(OWN_RULES)
        publish(admin, [{**collection, **closed, **read}])
        return Detached(closed, str(error))
    return Detached(own, why)
