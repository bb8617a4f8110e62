"""`verify` as its users meet it."""

import json
import threading
from typing import Any

from typer.testing import CliRunner

from pocketbase_events.cli import app
from support import SUPERUSER, WORKER, Server, run_command

SECRETS = (SUPERUSER[1], WORKER[1])
NEVER = threading.Event()
COUNT = 30  # events in the log


def verify(server: Server, *arguments: str, code: int = 0) -> Any:
    """The verdict of the command as JSON."""
    done = run_command("verify", "--json", *arguments, env=server.environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    return sound(done.stdout, code)


def verify_here(server: Server, *arguments: str, code: int = 0) -> Any:
    """The same command in this process, which is faster."""
    done = CliRunner().invoke(app, ["verify", "--json", *arguments], env=server.environment)
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert not any(secret in done.output for secret in SECRETS)
    return sound(done.stdout, code)


def sound(text: str, code: int) -> Any:
    """A verdict as it is promised."""
    verdict = json.loads(text)
    assert verdict.keys() == {"ok", "events", "head", "problems"}
    assert verdict["head"].keys() == {"seq", "hash"}
    assert all(problem.keys() == {"seq", "reason"} for problem in verdict["problems"])
    assert verdict["ok"] == (not verdict["problems"]) == (code == 0)
    return verdict
