"""Fixtures: rows to be compared with the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server, start_copy
from support.notes import with_notes


@pytest.fixture(scope="session")
def shared(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase for tests that leave each other alone."""
    yield from start_copy(installed_template, tmp_path_factory.mktemp("shared") / "pocketbase")


@pytest.fixture(scope="session")
def notes(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with `notes` that superusers may edit."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("notes") / "pocketbase"):
        with_notes(server, lock=False)
        yield server
