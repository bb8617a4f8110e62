"""The files of `pb_schema`: our collections, and the triggers that lock log and rows."""

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def carried_folder(name: str) -> Traversable | Path:
    """A folder that the installed package carries; in a checkout, the one beside the package."""
    packaged = resources.files("pocketbase_events") / name
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / name


def schema_file(name: str) -> Traversable | Path:
    """A file of `pb_schema`."""
    return carried_folder("pb_schema") / name


def log_triggers() -> dict[str, str]:
    """SQL by name of the triggers that keep the log as it is, superusers included."""
    return _triggers(schema_file("lock_log.sql").read_text())


def row_triggers(collection_id: str, name: str) -> dict[str, str]:
    """SQL by name of the triggers that keep the rows of an attached collection as they are."""
    sql = schema_file("lock_rows.sql").read_text()
    return _triggers(sql.replace("{id}", collection_id).replace("{table}", name))


def _triggers(sql: str) -> dict[str, str]:
    return {
        found[1]: found[0] for found in re.finditer(r"^CREATE TRIGGER `(\w+)`.*?^END;", sql, re.DOTALL | re.MULTILINE)
    }
