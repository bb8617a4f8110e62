"""The lock: triggers that keep even superusers from changing the log and the rows of attached collections."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pocketbase_events.core.access import why_not_attached
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.pb.admin import Admin, Collection
from pocketbase_events.pb.data_folder import stopped_database
from pocketbase_events.pb.schema_files import log_triggers, row_triggers


def lock_log(admin: Admin) -> None:
    """Install the triggers of the log, or bring them up to date. Needs PocketBase's SQL endpoint."""
    admin.sql(lock_statements(log_triggers()))


def lock_rows(admin: Admin, collection: Collection, *, lock: bool) -> None:
    """Install or remove the triggers of a collection's rows. Needs PocketBase's SQL endpoint."""
    triggers = row_triggers(collection["id"], collection["name"])
    admin.sql(lock_statements(triggers) if lock else unlock_statements(triggers))


def lock_offline(folder: Path, names: Sequence[str], *, lock: bool) -> None:
    """Lock or open the rows of attached collections in the data folder of a PocketBase that is stopped.

    Raises:
        WrongUsageError: if one is not attached, or PocketBase is running; nothing is changed then.
        NotInstalledError: if there is no event log.
        ProblemError: if the database can't be changed.
    """
    query = "SELECT c.id FROM _collections c JOIN event_targets t ON t.collection = c.name WHERE c.name = ?"
    with stopped_database(folder) as database:
        found = {name: database.execute(query, (name,)).fetchone() for name in names}
        missing = [name for name, row in found.items() if row is None]
        if missing:
            raise WrongUsageError(why=why_not_attached(missing))
        for name, (collection_id,) in found.items():
            for trigger, sql in row_triggers(collection_id, name).items():
                database.execute(f"DROP TRIGGER IF EXISTS `{trigger}`")
                if lock:
                    database.execute(sql)


def lock_statements(triggers: Mapping[str, str]) -> str:
    """SQL that installs triggers, whether they are there or not."""
    return "\n".join(f"DROP TRIGGER IF EXISTS `{name}`; {sql}" for name, sql in triggers.items())


def unlock_statements(triggers: Mapping[str, str]) -> str:
    """SQL that removes triggers, whether they are there or not."""
    return " ".join(f"DROP TRIGGER IF EXISTS `{name}`;" for name in triggers)
