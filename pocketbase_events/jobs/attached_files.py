"""Limits of events and of PocketBase's batch API that let events carry the files of an attached collection."""

from pocketbase_events.core.files import DEFAULT_MAX_SIZE, EVENTS, MAX_FILES
from pocketbase_events.pb.admin import Admin, Collection

DEFAULT_MAX_BODY = 128 * 2**20  # bytes of a batch, if PocketBase's settings name no limit
BESIDE_FILES = 16 * 2**20  # bytes of a batch that are not files


def admit_files(admin: Admin, collection: Collection) -> None:
    """Raise what limits an event's files if the collection takes larger ones. Nothing is ever lowered."""
    fields = [field for field in collection["fields"] if field["type"] == "file"]
    if not fields:
        return
    largest = max(field.get("maxSize") or DEFAULT_MAX_SIZE for field in fields)
    events = admin.collection(EVENTS)
    files = next(field for field in events["fields"] if field["name"] == "files")
    if largest > (files["maxSize"] or DEFAULT_MAX_SIZE):
        files["maxSize"] = largest
        admin.import_collections([{"id": events["id"], "name": events["name"], "fields": events["fields"]}])
    count = sum(max(field.get("maxSelect") or 1, 1) for field in fields)
    body = largest * min(count, MAX_FILES) + BESIDE_FILES
    batch = admin.settings()["batch"]
    if body > (batch["maxBodySize"] or DEFAULT_MAX_BODY):
        admin.update_settings(batch={**batch, "maxBodySize": body})
