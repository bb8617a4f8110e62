"""The command line as its users meet it: a process, its output, its exit code."""

import json
import subprocess
from typing import Any

from support import SUPERUSER, WORKER, Server, run_command

SECRETS = (SUPERUSER[1], WORKER[1])


def cli(server: Server, *arguments: str, code: int = 0, **env: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command against the server; None takes a variable out of its environment."""
    environment = {**server.environment, **{key: value for key, value in env.items() if value is not None}}
    for key in [key for key, value in env.items() if value is None]:
        environment.pop(key, None)
    done = run_command(*arguments, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    return done


def as_json(server: Server, *arguments: str, code: int = 0) -> Any:
    return json.loads(cli(server, *arguments, "--json", code=code).stdout)
