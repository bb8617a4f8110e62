"""A PocketBase with the collection `pics`, whose rows hold files, for tests that leave each other alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server, start_copy
from support.pictures import with_pictures


@pytest.fixture(scope="package")
def pics(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for server in start_copy(installed_template, tmp_path_factory.mktemp("pics") / "pocketbase"):
        with_pictures(server)
        yield server
