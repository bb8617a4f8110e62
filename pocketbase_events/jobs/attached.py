"""A collection that is attached: the fields that the worker sets, its indexes and its rules."""

from typing import Any

from pocketbase_events.core.access import let_worker_in
from pocketbase_events.core.indexes import among_live, finds_ids, sorts_by
from pocketbase_events.core.rules import UnreadableRuleError
from pocketbase_events.core.schema import DELETED, ID_PATTERN, ROW_CREATE_RULE, SEQ, SEQ_FIELD, row_update_rule
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.targets import READ_RULES
from pocketbase_events.pb.admin import Collection

DELETED_HELP = "Set by an event of type delete. Rows of this collection change by events only: append one to events."
SEQ_HELP = "The seq of the last event that changed the row. No event sets it by its data."


def has_own_seq(collection: Collection) -> bool:
    """Whether the collection has a field `seq` that its owner made."""
    return any(each["name"].lower() == SEQ and each["id"] != SEQ_FIELD for each in collection["fields"])


def has_seq(collection: Collection) -> bool:
    """Whether the collection has the field `seq` that attaching adds."""
    return any(each["name"] == SEQ and each["id"] == SEQ_FIELD for each in collection["fields"])


def scans_ids(collection: Collection) -> bool:
    """Whether PocketBase looks through the whole table at each insert, unless an index helps."""
    return any(each["name"] == "id" and each.get("pattern", ID_PATTERN) != ID_PATTERN for each in collection["fields"])


def attached(collection: Collection, *, unique_among_live: bool, versioned: bool) -> Collection:
    """The collection as it is once it is attached.

    Args:
        collection: as it is now.
        unique_among_live: leave deleted rows out of its unique indexes.
        versioned: whether its rows carry the seq of the last event that changed them.

    Raises:
        WrongUsageError: if its list or view rule can't be read.
    """
    fields: list[dict[str, Any]] = [dict(each) for each in collection["fields"]]
    mark = next((each for each in fields if each["name"] == DELETED), None)
    if mark is None:
        fields.append({"name": DELETED, "type": "bool", "help": DELETED_HELP})
    elif not mark.get("help") or mark["help"] == "Set by an event of type delete.":
        mark["help"] = DELETED_HELP
    if versioned and not has_seq(collection):
        fields.append({"id": SEQ_FIELD, "name": SEQ, "type": "number", "onlyInt": True, "min": 0, "help": SEQ_HELP})
    indexes = collection["indexes"] or []
    indexes = [among_live(index) for index in indexes] if unique_among_live else list(indexes)
    if versioned and not any(sorts_by(index, SEQ) for index in indexes):
        indexes.append(f"CREATE INDEX `idx_{collection['id']}_seq` ON `{collection['name']}` (`{SEQ}`)")
    if scans_ids(collection) and not any(map(finds_ids, indexes)):
        indexes.append(f"CREATE INDEX `idx_{collection['id']}_id` ON `{collection['name']}` (`id` COLLATE NOCASE)")
    return {
        **collection,
        "fields": fields,
        "indexes": indexes,
        "createRule": ROW_CREATE_RULE,
        "updateRule": row_update_rule(versioned=versioned),
        "deleteRule": None,
        **{rule: _let_worker_in(collection, rule) for rule in READ_RULES},
    }


def _let_worker_in(collection: Collection, rule: str) -> str:
    try:
        return let_worker_in(collection[rule])
    except UnreadableRuleError as error:
        raise WrongUsageError(
            why=f"The {rule} of {collection['name']} can't be read: {error}. Write it in another way, then run attach"
            " again. Nothing was changed."
        ) from None
