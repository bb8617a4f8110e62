"""`verify` as its users meet it."""

import json
from typing import Any

from support import SUPERUSER, WORKER, Server
from support.command_line import cli

SECRETS = (SUPERUSER[1], WORKER[1])
COUNT = 30  # events in the log


def verify(server: Server, *arguments: str, code: int = 0) -> Any:
    """The verdict of the command as JSON."""
    done = cli(server, "verify", "--json", *arguments, code=code)
    return sound(done.stdout, code)


def sound(text: str, code: int) -> Any:
    """A verdict as it is promised."""
    verdict = json.loads(text)
    assert verdict.keys() == {"ok", "events", "head", "problems"}
    assert verdict["head"].keys() == {"seq", "hash"}
    assert all(problem.keys() == {"seq", "reason"} for problem in verdict["problems"])
    assert verdict["ok"] == (not verdict["problems"]) == (code == 0)
    return verdict
