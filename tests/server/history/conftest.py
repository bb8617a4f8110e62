"""A log whose past is told."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import NEVER, Server, start_copy
from support.histories import EGGS, MILK, STEPS


@pytest.fixture(scope="session")
def told(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase whose log says of three items, and of others, what happened when."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("told") / "pocketbase"):
        guest = server.guest()
        for when, type_, item, data in STEPS:
            moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
            guest.append(type_, item, data)
            server.worker_at(moment).run_to_end(NEVER)
        server.create_collection("notes", [{"name": "body", "type": "text"}])
        server.create_collection("empty", [{"name": "body", "type": "text"}])
        server.create_collection("other", [{"name": "body", "type": "text"}])
        for name in ("notes", "empty"):
            server.attach(name)
        ann = server.user("ann")
        ann.append("create", MILK, {"body": "no milk"}, "notes", actor=ann.user_id)
        ann.append("create", EGGS, None, "notes")
        server.worker().run_to_end(NEVER)
        server.detach("notes")
        yield server
