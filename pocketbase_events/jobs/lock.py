"""The lock: triggers that keep even superusers from changing the log and the rows of attached collections."""

from collections.abc import Iterable

from pocketbase_events.pb.admin import Admin, Collection
from pocketbase_events.pb.schema_files import log_triggers, row_triggers


def lock_log(admin: Admin) -> None:
    """Install the triggers of the log, or bring them up to date. Needs PocketBase's SQL endpoint."""
    _install(admin, log_triggers())


def rows_locked(admin: Admin, collection: Collection) -> bool:
    """Whether all triggers of a collection's rows are there."""
    triggers = admin.records("event_status")[0]["triggers"]
    return row_triggers(collection["id"], collection["name"]).keys() <= set(triggers)


def lock_rows(admin: Admin, collection: Collection, *, lock: bool) -> None:
    """Install or remove the triggers of a collection's rows. Needs PocketBase's SQL endpoint."""
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
