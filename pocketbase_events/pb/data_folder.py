"""PocketBase's data folder, and changing the database of a PocketBase that is stopped."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pocketbase_events.errors import NotInstalledError, ProblemError, WrongUsageError

IN_USE = (
    "PocketBase is running on {folder}, or was killed there, since data.db-shm is there."
    " Leave --dir out, or stop PocketBase first. If it was killed, start and stop it."
)


def database_file(folder: Path) -> Path:
    """The database file in PocketBase's data folder, or in that of `serve`, which has it in `data`.

    Raises:
        WrongUsageError: if there is none.
    """
    try:
        found = [path for path in (folder / "data.db", folder / "data" / "data.db") if path.is_file()]
    except OSError as error:
        raise WrongUsageError(why=f"{folder} can't be read ({error.strerror}).") from None
    if not found:
        raise WrongUsageError(why=f"There is no data.db in {folder}. Name PocketBase's data folder with --dir.")
    return found[0]


@contextmanager
def stopped_database(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database of a PocketBase that is stopped, for changes that are all kept or none.

    Raises:
        WrongUsageError: if there is none, or PocketBase is running on it.
        NotInstalledError: if it has no event log.
        ProblemError: if it can't be changed.
    """
    path = database_file(folder)
    in_use = WrongUsageError(why=IN_USE.format(folder=folder))
    # Before 0.40, PocketBase loses its locks of the file when it makes a backup, so they are not enough.
    if path.with_name("data.db-shm").exists():
        raise in_use
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as database:
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            yield database
            database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise NotInstalledError(url=str(path)) from None
            if "locked" in str(error):
                raise in_use from None
            raise ProblemError(why=f"{path} can't be changed ({error}). Nothing was changed.") from None
        except sqlite3.DatabaseError as error:
            raise ProblemError(why=f"{path} can't be changed ({error}). Nothing was changed.") from None
