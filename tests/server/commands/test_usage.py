"""Usage that is wrong, and what holds for every command."""

import json
import re
import subprocess
import sys

import pytest
from support import Server
from support.command_line import cli


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuchcommand"],
        ["attach"],
        ["status", "--nosuchoption"],
        ["--url", "ftp://x", "status"],
        ["serve", "--http", "x"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], server: Server) -> None:
    cli(server, *arguments, code=2)


def test_passwords_are_not_options(server: Server) -> None:
    for name in ("init", "attach", "run", "serve", "status"):
        assert not re.search(r"--[\w-]*password", cli(server, name, "--help").stdout)


def test_the_module_runs_like_the_command(server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pocketbase_events", "status", "--json"],
        env=server.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["pending"] == 0


def test_logs_are_json_when_asked_for(server: Server) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    done = cli(server, "run", "--once", "--json")
    assert json.loads(done.stdout) == {"recorded": 1, "rejected": 0}
    entry = json.loads(done.stderr.splitlines()[0])
    assert (entry["event"], entry["events"], entry["seq"]) == ("recorded", 1, 1)
