"""Can the worker write the rows of attached collections, and is what goes with them there?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pocketbase_events.core.access import why_gone, why_unwritable
from pocketbase_events.core.indexes import finds_ids, sorts_by
from pocketbase_events.core.schema import ID_PATTERN, SEQ, Target
from pocketbase_events.jobs.status.of_our_own import why_incomplete
from pocketbase_events.pb.records import Setup
from pocketbase_events.pb.schema_files import row_triggers


def target_problems(attached: Sequence[str], targets: Mapping[str, Target]) -> Iterator[str]:
    """Are the attached collections there, and does their own rule let the worker write?"""
    yield from (why_gone(name) for name in attached if name not in targets)
    yield from (why for why in map(why_unwritable, targets.values()) if why is not None)


def row_lock_problems(setup: Setup, targets: Mapping[str, Target]) -> Iterator[str]:
    """Is a lock of rows whole? One that is open altogether was opened by `attach --no-lock`."""
    for name, target in targets.items():
        wanted = row_triggers(target.collection_id, name)
        why = why_incomplete(wanted, setup.triggers) if wanted.keys() & setup.triggers.keys() else ""
        if why:
            yield f"The lock of the rows of {name} is broken: {why}. Run: pocketbase-events attach {name} --lock"


def seq_problems(records: Sequence[Mapping[str, Any]], targets: Mapping[str, Target]) -> Iterator[str]:
    """Do the rows that are to carry their seq do so, and are they found by it?"""
    for record in records:
        name, target = record["collection"], targets.get(record["collection"])
        if target is None or not record["versioned"]:
            continue
        if not target.versioned:
            yield (
                f"The rows of {name} don't carry their {SEQ} yet: attaching was interrupted, or the update rule was"
                f" edited. Run: pocketbase-events attach {name} --seq"
            )
        elif not any(sorts_by(index, SEQ) for index in target.indexes or ()):
            yield (
                f"{name} has no index on {SEQ}, so finding the rows that changed since a seq takes ever longer."
                f" Run: pocketbase-events attach {name}"
            )


def id_problems(targets: Mapping[str, Target]) -> Iterator[str]:
    """Does PocketBase look through the whole table at each insert?"""
    for name, target in targets.items():
        key = target.field("id")
        if key is not None and key.pattern != ID_PATTERN and not any(map(finds_ids, target.indexes or ())):
            yield (
                f"The ids of {name} have a pattern of their own, so PocketBase looks through the whole table at each"
                " insert, for ids that differ in capitals alone. An index makes that fast."
                f" Run: pocketbase-events attach {name}"
            )
