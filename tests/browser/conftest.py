"""A PocketBase with our extension in its admin UI and a worker, for all tests that can share it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support import Server, command, start_copy
from support.admin_ui import AdminUI, admin_window, give_extension


@pytest.fixture(scope="session")
def extended(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with the extension and a worker. Its items stay between tests, so each test takes ids of its own."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("admin") / "pocketbase"):
        give_extension(server)
        with command("run", env=server.environment):
            yield server


@pytest.fixture
def window(chromium: Browser, extended: Server) -> Iterator[AdminUI]:
    """A window of the superuser's, whose console has nothing to complain about."""
    with admin_window(chromium, extended) as opened:
        yield opened
        assert opened.complaints == []
