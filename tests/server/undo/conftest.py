"""A PocketBase with a worker, for tests that leave each other alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server, check_log, start_copy
from support.working import AS_WORKER, working

from pocketbase_events import EventLog

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "qty", "type": "number"},
    {"name": "done", "type": "bool"},
    {"name": "meta", "type": "json"},
    {"name": "tags", "type": "select", "maxSelect": 3, "values": ["a", "b", "c"]},
]


@pytest.fixture(scope="module")  # or its worker would go on, and write log lines, beside the tests of other folders
def busy(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with a worker, and a collection `things`."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("busy") / "pocketbase"):
        server.create_collection("things", FIELDS, listRule="", viewRule="")
        server.attach("things")
        with working(server):
            yield server
        check_log(server)


@pytest.fixture(scope="module")
def log(busy: Server) -> Iterator[EventLog]:
    """The log, as the worker sees it and appends to it."""
    with EventLog(busy.url, AS_WORKER) as seen:
        yield seen
