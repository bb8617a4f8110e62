"""Files in the ordinary calls of the SDK, with and without withEvents."""

import os
import subprocess

import pytest
from support import Server, check_log, command
from support.command_line import as_json
from support.todos import FOR_USERS, SIGNED_IN
from windows import ANN, JAVASCRIPT

pytestmark = pytest.mark.usefixtures("javascript_packages")

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "cover", "type": "file", "maxSelect": 1, "mimeTypes": ["image/png"]},
    {"name": "papers", "type": "file", "maxSelect": 9, "protected": True},
]


def test_an_app_that_uploads_files_gets_the_same_with_events_and_without(server: Server) -> None:
    server.user("ann")
    for name in ("albums", "plain_albums"):
        server.create_collection(name, FIELDS, **FOR_USERS)
    server.attach("albums", allow=SIGNED_IN)
    with command("run", env=server.environment):
        environment = {**os.environ, **ANN, "PB_URL": server.url}
        started = ["node", str(JAVASCRIPT / "files.mjs")]
        done = subprocess.run(started, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    check_log(server)
    assert as_json(server, "check", "--files")["ok"]
    assert as_json(server, "verify", "--files")["ok"]
