"""A server on which the tests of this folder attach collections of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server, start_copy


@pytest.fixture(scope="session")
def shared(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For tests that leave `items` alone, and detach what they have attached."""
    yield from start_copy(installed_template, tmp_path_factory.mktemp("attaching") / "pocketbase")
