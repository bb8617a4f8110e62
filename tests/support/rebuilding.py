"""`rebuild` as its users meet it, and rows to repair."""

import json
from typing import Any

from support import EMPTY, NAMES, NEVER, Server, create, fold_log, run_command
from support.command_line import cli

WORKER_ONLY = {"POCKETBASE_SUPERUSER_EMAIL": "", "POCKETBASE_SUPERUSER_PASSWORD": ""}


def record_creates(server: Server, count: int) -> None:
    for start in range(0, count, 500):
        server.guest().append_all(*(create(number) for number in range(start, min(count, start + 500))))
    record(server)


def record(server: Server) -> None:
    server.worker().run_to_end(NEVER)


def rebuild(server: Server, *arguments: str, code: int = 0, **env: str) -> dict[str, Any]:
    done = cli(server, "rebuild", "--json", *arguments, code=code, **env)
    return dict(json.loads(done.stdout)) if done.stdout else {"said": done.stderr}


def told(server: Server, *arguments: str, code: int, **env: str) -> str:
    return cli(server, "rebuild", *arguments, code=code, **env).stderr


def is_silent(server: Server, *collections: str) -> bool:
    done = run_command("check", "--json", *collections, env=server.environment)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) == found["ok"]
    return bool(found["ok"])


def edit(server: Server, statement: str, *values: object) -> None:
    """Change the database file, past PocketBase and beside it."""
    with server.database() as database:
        database.execute(statement, values)
    database.close()


def expected(server: Server) -> dict[str, dict[str, Any]]:
    """The rows that the log comes to, as PocketBase shows them."""
    return {
        key: {name: EMPTY[name] if row.get(name) is None else row[name] for name in NAMES}
        for key, row in fold_log(server).items()
    }


def edit_unlocked(server: Server, statement: str) -> None:
    """Change the file of a locked collection, and leave the locks as they were."""
    with server.database() as database:
        locks = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in locks:
            database.execute(f"DROP TRIGGER `{name}`")
        database.execute(statement)
        for _, sql in locks:
            database.execute(sql)
    database.close()
