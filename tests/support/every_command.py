"""Every command as it would do its work, run as a process that has to be civil whatever is wrong."""

import json
import os
import sqlite3
import subprocess
import sysconfig
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import SUPERUSER, WORKER, item_id, run_command
from support.command_line import assert_civil

DONE, PROBLEM, WRONG_USAGE, UNREACHABLE = 0, 1, 2, 3  # exit codes
DEADLINE = 60.0  # seconds that a command may take, whatever is wrong, on a machine that has much else to do
SILENCE = 60.0  # seconds, where something takes the connection and says nothing
COMPLETES = 120.0  # seconds that what was interrupted may take to be completed
ATTEMPTS = 3  # at interrupting what may be too fast
LONG = 8_000  # events in the long log
IMPORTED = 1_500  # of them in the file that is imported
ADOPTED = 3_000  # rows that are adopted
MEASURED = "COVERAGE_PROCESS"  # how the variables begin that have a process measured
EXECUTABLE = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
VECTORS = Path(__file__).parents[1] / "vectors" / "chain.jsonl"
SECRETS = (SUPERUSER[1], WORKER[1], "wrong-password", "password-in-the-url", "sh0rt")
NOT_AS_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and listen everywhere")
ON_LINUX = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into /proc")

# Every command as it would do its work. {file} is an export.
COMMANDS = {
    "init": ["init", "--json"],
    "attach": ["attach", "items", "--json"],
    "attach --adopt": ["attach", "new", "--adopt", "--json"],
    "detach": ["detach", "new", "--json"],
    "run": ["run", "--json"],
    "run --once": ["run", "--once", "--json"],
    "status": ["status", "--json"],
    "verify": ["verify", "--json"],
    "check": ["check", "--json"],
    "rebuild": ["rebuild", "--yes", "--json"],
    "history": ["history", "items", item_id(1), "--json"],
    "show": ["show", "items", "--json"],
    "undo": ["undo", "1", "--yes", "--json"],
    "revert": ["revert", "items", "--to", "1000", "--yes", "--json"],
    "export": ["export"],
    "import": ["import", "{file}", "--json"],
    "rejected": ["rejected", "--json"],
    "retry": ["retry", "--all", "--json"],
}
SUPERUSERS_ALONE = ("init", "attach", "detach", "retry")  # need a superuser and nobody else
BOTH = ("attach --adopt", "import")
AS_EITHER = ("check", "undo", "revert")  # as the superuser if there is one, else as the worker
WORKERS_ALONE = tuple(name for name in COMMANDS if name not in SUPERUSERS_ALONE + BOTH + AS_EITHER)
EITHER_WAY = ("init", "status", "import", "attach --adopt")  # log in as a superuser, as the worker, as both
WAITS = "run"  # for a PocketBase that is not there yet, rather than to give up


@dataclass(frozen=True, slots=True)
class Done:
    """What a command that ended has said."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return self.out + self.err


def environment(url: str, **changes: str | None) -> dict[str, str]:
    """Everybody's credentials at that address, with changes: None takes a variable out."""
    given = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("POCKETBASE_", MEASURED))},
        "POCKETBASE_URL": url,
        "POCKETBASE_SUPERUSER_EMAIL": SUPERUSER[0],
        "POCKETBASE_SUPERUSER_PASSWORD": SUPERUSER[1],
        "POCKETBASE_EVENTS_WORKER_EMAIL": WORKER[0],
        "POCKETBASE_EVENTS_WORKER_PASSWORD": WORKER[1],
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


NOBODY = environment("", POCKETBASE_SUPERUSER_PASSWORD=None, POCKETBASE_EVENTS_WORKER_PASSWORD=None)


def run(arguments: Sequence[str], env: dict[str, str], deadline: float = DEADLINE) -> Done:
    """The command, run to its end within the deadline."""
    done = run_command(*arguments, env=env, timeout=deadline)
    assert_civil(done.stdout + done.stderr)
    return Done(done.returncode, done.stdout, done.stderr)


def told(arguments: Sequence[str], env: dict[str, str], code: int, says: str, deadline: float = DEADLINE) -> Done:
    """The command, which ends with that exit code, says why on standard error, and puts no half document beside it."""
    done = run(arguments, env, deadline)
    assert done.code == code, done.told[-2000:]
    assert says in done.err, done.err[-2000:]
    assert len(done.err) < 10_000
    if done.out:
        json.loads(done.out)
    return done


def redirected(how: str, arguments: Sequence[str], env: dict[str, str]) -> Done:
    """The command as a shell starts it with that redirection."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" "$@" {how}', EXECUTABLE, *arguments],
        env=env, capture_output=True, encoding="utf-8", errors="backslashreplace", timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert_civil(done.stdout + done.stderr)
    return Done(done.returncode, done.stdout, done.stderr)


def written(folder: Path, content: bytes) -> Path:
    """A folder with a file called as PocketBase's database is."""
    folder.mkdir(parents=True)
    (folder / "data.db").write_bytes(content)
    return folder


def foreign(folder: Path, sql: str) -> Path:
    """A folder with a database that is not PocketBase's."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "data.db")) as database:
        database.executescript(sql)
    return folder
