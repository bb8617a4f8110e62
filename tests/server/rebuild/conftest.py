"""Fixtures: rows to be made equal to the log."""

import pytest
from support import Server
from support.rebuilding import record_creates


@pytest.fixture
def opened(server: Server) -> Server:
    """A PocketBase whose superusers may write the rows of `items`, which has 20 of them."""
    server.attach("items", lock=False)
    record_creates(server, 20)
    return server
