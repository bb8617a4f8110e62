"""Fixtures: a PocketBase without the log, and one with it and the collection `items` attached."""

import shutil
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from support import ITEM_FIELDS, Server, start_copy

from pocketbase_events import install


@pytest.fixture(scope="session")
def bare_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a PocketBase that has been started once."""
    folder = tmp_path_factory.mktemp("bare")
    server = Server(folder)
    server.start()
    server.close()
    return folder


@pytest.fixture(scope="session")
def installed_template(bare_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a PocketBase with the log and an attached collection `items`."""
    folder = tmp_path_factory.mktemp("installed") / "pocketbase"
    shutil.copytree(bare_template, folder)
    server = Server(folder)
    server.start()
    try:
        install.init(server.admin(), server.settings())
        server.create_collection("items", ITEM_FIELDS, listRule="", viewRule="")
        server.attach("items")
    finally:
        server.close()
    return folder


@pytest.fixture
def bare(bare_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A PocketBase without the log."""
    yield from start_copy(bare_template, tmp_path / "pocketbase")


@pytest.fixture
def server(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A PocketBase with the log; anyone may append to `items`."""
    yield from start_copy(installed_template, tmp_path / "pocketbase")


@pytest.fixture
def locks(server: Server) -> None:
    """Only where log and rows can be locked against superusers."""
    if not server.locks:
        pytest.skip("this PocketBase has no SQL endpoint, so nothing is locked")


@pytest.fixture
def caplog_events() -> Iterator[list[MutableMapping[str, Any]]]:
    """The log entries of this process, as they are written."""
    with structlog.testing.capture_logs() as entries:
        yield entries
