"""Data folders that are none, or can't be read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import Server
from support.every_command import (
    COMMANDS,
    NOBODY,
    NOT_AS_ROOT,
    PROBLEM,
    UNREACHABLE,
    VECTORS,
    WRONG_USAGE,
    foreign,
    told,
    written,
)

# By name: what --dir names, given a new folder and a database of ours; the exit code, and what is said.
FOLDERS: dict[str, tuple[Callable[[Path, Path], Path], int, str]] = {
    "nowhere": (lambda new, _: new, WRONG_USAGE, "no data.db"),
    "a file": (lambda *_: VECTORS, WRONG_USAGE, "no data.db"),
    "without data.db": (lambda new, _: new.parent, WRONG_USAGE, "no data.db"),
    "a name of 5000 characters": (lambda *_: Path("x" * 5000), WRONG_USAGE, "x" * 60),
    "a path that is too long for SQLite": (
        lambda new, ours: written(new.joinpath(*["x" * 200] * 3), ours.read_bytes()),
        WRONG_USAGE,
        "data.db",
    ),
    "an empty data.db": (lambda new, _: written(new, b""), PROBLEM, "pocketbase-events init"),
    "a data.db that is no database": (
        lambda new, _: written(new, b"no database at all\n" * 100),
        UNREACHABLE,
        "not a database",
    ),
    "half a data.db": (
        lambda new, ours: written(new, ours.read_bytes()[: ours.stat().st_size // 2]),
        UNREACHABLE,
        "malformed",
    ),
    "another program's": (lambda new, _: foreign(new, "CREATE TABLE t (x)"), PROBLEM, "pocketbase-events init"),
    "a table of our name in it": (
        lambda new, _: foreign(new, "CREATE TABLE event_status (id, x)"),
        PROBLEM,
        "pocketbase-events init",
    ),
}


@pytest.mark.parametrize(
    ("name", "does"),
    [
        *((name, "check") for name in FOLDERS),
        *((name, does) for name in ("nowhere", "a data.db that is no database") for does in ("verify", "rebuild")),
    ],
)
def test_a_folder_that_is_not_a_data_folder_is_reported(
    ready: Server, installed_template: Path, tmp_path: Path, name: str, does: str
) -> None:
    make, code, says = FOLDERS[name]
    folder = make(tmp_path / "new", installed_template / "data" / "data.db")
    done = told([*COMMANDS[does], "--dir", str(folder)], ready.environment, code, says)
    assert done.out == ""
    assert "can't be written" not in done.err


@NOT_AS_ROOT
def test_a_database_that_may_not_be_read_is_reported(tmp_path: Path) -> None:
    folder = written(tmp_path / "new", b"")
    (folder / "data.db").chmod(0)
    told(["check", "--dir", str(folder)], NOBODY, WRONG_USAGE, "data.db")


def test_a_file_and_a_folder_at_once_are_wrong_usage(tmp_path: Path) -> None:
    told(["verify", "--file", str(VECTORS), "--dir", str(tmp_path)], NOBODY, WRONG_USAGE, "Give one of")
