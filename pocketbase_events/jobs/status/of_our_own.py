"""Is our part of PocketBase as `init` made it: rules, views, indexes, triggers?"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pocketbase_events.core.access import lets_worker_in
from pocketbase_events.core.indexes import index_name
from pocketbase_events.core.policy import compose_create_rule
from pocketbase_events.core.readers import compose_history_rule, with_history
from pocketbase_events.core.schema import WORKER
from pocketbase_events.errors import ProblemError
from pocketbase_events.jobs.targets import READ_RULES, append_rules, history_rules
from pocketbase_events.pb.records import Setup, Status
from pocketbase_events.pb.schema_files import log_triggers, schema_file

_OURS = ("createRule", "updateRule", "deleteRule", "authRule", "manageRule", "viewQuery")  # the rest is the owner's
_INIT = "Run: pocketbase-events init"


def rule_problems(status: Status, records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Are the rules of `events` what those of all attached collections make them?"""
    for record in records:
        if record["closed"]:
            yield (
                f"{record['collection']} is closed: attach --adopt or detach is under way, or was interrupted."
                " Run it again if it was."
            )
    try:
        if status.origin is None and status.append_rule != compose_create_rule(append_rules(records)):
            yield (
                "The create rule of events is not what the attached collections say: it was edited, or attaching was"
                f" interrupted. {_INIT}"
            )
        history = compose_history_rule(history_rules(records))
        if any(with_history(rule, history) != rule for rule in status.read_rules):
            yield (
                "The list or view rule of events does not show the history that attach --history promised: it was"
                f" edited, or attaching was interrupted. {_INIT}"
            )
    except ProblemError as error:
        yield str(error)


def collection_problems(setup: Setup) -> Iterator[str]:
    """Were our collections edited by hand? Their owner may change list and view rules, and add indexes."""
    there = {collection["name"]: collection for collection in setup.collections}
    for ours in json.loads(schema_file("collections.json").read_text()):
        name, found = ours["name"], there.get(ours["name"])
        if found is None:
            yield f"The collection {name} is gone, which the log needs. {_INIT}"
            continue
        edited = [each for each in _OURS if found[each] != ours.get(each) and (name, each) != ("events", "createRule")]
        if edited:
            yield f"{name} is not as init made it: somebody edited its {' and its '.join(edited)}. {_INIT}"
        indexes = set(map(index_name, ours["indexes"])) - set(map(index_name, found["indexes"] or ()))
        if indexes:
            yield f"{name} lacks the index {', '.join(sorted(indexes))}, so that looking for events takes long. {_INIT}"
        hidden = [rule for rule in READ_RULES if WORKER in (ours[rule] or "") and not lets_worker_in(found[rule])]
        if hidden:
            yield (
                f"The {' and the '.join(hidden)} of {name} was edited and hides records from the worker. In the admin"
                f" UI, add to the rule: || {WORKER}"
            )


def lock_problems(setup: Setup, *, has_sql: bool) -> Iterator[str]:
    """Are the triggers that lock the log as `init` made them? Without the SQL endpoint, there are none."""
    if has_sql:
        why = why_incomplete(log_triggers(), setup.triggers)
        if why:
            yield f"The log is not locked against superusers: {why}. {_INIT}"


def why_incomplete(wanted: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Which of the triggers that are wanted are missing, or were edited; "" if none is."""
    missing = [name for name in wanted if name not in there]
    edited = [name for name in wanted if name in there and _plain(there[name]) != _plain(wanted[name])]
    found = [("missing", missing), ("edited", edited)]
    return ", and ".join(f"{what}: {', '.join(names)}" for what, names in found if names)


def _plain(sql: str) -> str:
    """SQL without what SQLite changes in it if a table is renamed and gets its name back."""
    return re.sub(r"[`\"\s]+", " ", sql).rstrip("; ")
