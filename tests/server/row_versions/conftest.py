"""A server on which the tests of this folder attach collections of their own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from support import Server, start_copy

NUMBERS = count(1)


@pytest.fixture(scope="session")
def shared(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For tests that leave `items` alone, and detach what they have attached."""
    yield from start_copy(installed_template, tmp_path_factory.mktemp("versions") / "pocketbase")


@pytest.fixture
def notes(shared: Server) -> Iterator[str]:
    """The name of a collection that the log does not know, to be attached; removed afterwards."""
    name = f"notes{next(NUMBERS)}"
    shared.create_collection(name, [{"name": "title", "type": "text"}], listRule="", viewRule="")
    yield name
    shared.detach(name)
    assert shared.superuser()("DELETE", f"/api/collections/{name}").ok
