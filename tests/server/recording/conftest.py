"""Fixtures: a server that many tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server, start_copy


@pytest.fixture(scope="session")
def shared(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase for tests that leave each other alone."""
    yield from start_copy(installed_template, tmp_path_factory.mktemp("shared") / "pocketbase")
