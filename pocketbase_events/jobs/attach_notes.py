"""What will be different once a collection is attached, in sentences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pocketbase_events.core.indexes import counts_deleted, index_name
from pocketbase_events.core.schema import SEQ, FieldDefinition
from pocketbase_events.jobs.attached import has_own_seq
from pocketbase_events.jobs.targets import Installation
from pocketbase_events.pb.admin import Collection, Record


def notes_of(
    there: Installation,
    collection: Collection,
    record: Record | None,
    rules: Mapping[str, str | None],
    *,
    locked: bool,
) -> Sequence[str]:
    """What will be different; of a collection that is attached already (`record`), what changes now.

    Args:
        there: all collections, and which are attached.
        collection: the collection as it will be.
        record: its record of `event_targets`, if it is attached already.
        rules: who may append what.
        locked: whether even superusers are kept from writing its rows.
    """
    notes: list[str] = []
    if not record:
        notes += (*_about_fields(collection), *_about_own_seq(collection), *_about_cascades(there, collection))
    notes += _about_indexes(collection)
    if not record:
        notes += _about_relations(there, collection, locked=locked)
    if record and not record["names_actor"] and any(rules.values()):
        notes.append("From now on an event must name the signed-in user as its actor, unless its rule admits everyone.")
    return notes


def _about_fields(collection: Collection) -> Iterator[str]:
    by_type: dict[str, list[str]] = {}
    for field in collection["fields"]:
        kind = "hidden" if field.get("hidden") else str(field["type"])
        by_type.setdefault(kind, []).append(field["name"])
    for kind in ("password", "hidden"):
        if kind in by_type:
            yield f"Events can't set {kind} fields ({', '.join(by_type[kind])}); what rows hold there stays."
    if "file" in by_type:
        yield (
            f"Files ({', '.join(by_type['file'])}) are kept twice: the event's own for as long as the log is kept, and"
            " the row's copy."
        )
    fields = map(FieldDefinition.model_validate, collection["fields"])
    generated = [field.name for field in fields if field.is_generated]
    if generated:
        yield (
            f"A row that a rebuild or an import makes anew gets new values of {', '.join(generated)}, unless an event"
            " gave one."
        )


def _about_own_seq(collection: Collection) -> Iterator[str]:
    if has_own_seq(collection):
        yield (
            f'Its own field "{SEQ}" stays as it is, so rows carry no version and no event can give an expected_seq.'
            " For that, rename the field, then attach with --seq."
        )


def _about_cascades(there: Installation, collection: Collection) -> Iterator[str]:
    for other, field in _relations(there.collections.values()):
        if field["collectionId"] == collection["id"] and field.get("cascadeDelete"):
            yield (
                f"An event that deletes a row deletes no rows of {other['name']} that refer to it ({field['name']}),"
                " as PocketBase did. Append a delete for each of them, together with it."
            )
    attached = {target["collection_id"]: name for name, target in there.targets.items()}
    for _, field in _relations([collection]):
        parent = attached.get(field["collectionId"], collection["name"])
        if parent != collection["name"] and field.get("cascadeDelete"):
            yield (
                f"An event that deletes a row of {parent} deletes no rows of {collection['name']} that refer to it"
                f" ({field['name']}), as PocketBase did. Append a delete for each of them, together with it."
            )


def _about_indexes(collection: Collection) -> Iterator[str]:
    for index in filter(counts_deleted, collection["indexes"]):
        yield (
            f"The unique index {index_name(index)} counts deleted rows, so their values can't be used again."
            " --unique-among-live leaves them out."
        )


def _about_relations(there: Installation, collection: Collection, *, locked: bool) -> Iterator[str]:
    attached = {target["collection_id"] for target in there.targets.values()} | {collection["id"]}
    names = {each["id"]: name for name, each in there.collections.items()}
    for _, field in _relations([collection]):
        other = field["collectionId"]
        if other in attached:
            continue
        if not locked and field.get("cascadeDelete"):
            before = "Delete the row" if field["required"] else "Empty the field"
            yield (
                f"A record of {names.get(other, other)} that is deleted takes the rows that refer to it with it"
                f" ({field['name']}), past the log: check calls them missing. {before} by an event first."
            )
        # PocketBase itself keeps a record to which a required field refers, unless it cascades.
        if locked and (field.get("cascadeDelete") or not field["required"]):
            yield (
                f"A record of {names.get(other, other)} can't be deleted as long as a row refers to it"
                f" ({field['name']}): PocketBase would change the row, which is locked. Change the row by an event"
                " first, or open the lock with --no-lock."
            )


def _relations(collections: Iterable[Collection]) -> Iterator[tuple[Collection, dict[str, Any]]]:
    for collection in collections:
        for field in collection["fields"] if collection["type"] != "view" else ():
            if field["type"] == "relation":
                yield collection, field
