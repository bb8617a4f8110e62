"""The command line as its users meet it: a process, its output, its exit code."""

import json
import subprocess
from typing import Any

from support.commands import run_command
from support.server import SUPERUSER, WORKER, Server

SECRETS = (SUPERUSER[1], WORKER[1], "wrong-password", "password-in-the-url", "sh0rt")


def cli(server: Server, *arguments: str, code: int = 0, **env: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command against the server; None takes a variable out of its environment."""
    given = {**server.environment, **env}
    done = run_command(*arguments, env={name: value for name, value in given.items() if value is not None})
    assert_civil(done.stdout + done.stderr)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def as_json(server: Server, *arguments: str, code: int = 0) -> Any:
    return json.loads(cli(server, *arguments, "--json", code=code).stdout)


def assert_civil(told: str) -> None:
    """No traceback, no apology for a bug, no password."""
    for never in ("Traceback", "This is a bug", "Exception ignored"):
        assert never not in told, told[-2000:]
    assert not any(secret in told for secret in SECRETS), told
