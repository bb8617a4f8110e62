"""A log whose past is told, and `history` and `show` as their users meet them."""

import json
import subprocess
from threading import Event
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from pocketbase_events.cli import app
from support import Server, run_command

NEVER = Event()
MILK, BREAD, EGGS = (f"{name:0<15}" for name in ("milk", "bread", "eggs"))
TITLE = "Milk [bold]fresh[/bold] 😀"
STEPS: list[tuple[str, str, str, Any]] = [
    # when it is recorded, type, item, data
    ("2026-05-01 12:00:00.000", "create", MILK, {"title": TITLE, "qty": 2}),
    ("2026-05-01 12:00:00.000", "create", BREAD, {"title": "Bread", "done": True}),
    ("2026-05-01 12:00:00.500", "update", MILK, {"qty": 3.5}),
    ("2026-05-02 08:30:00.123", "update", MILK, {"note": "cold"}),
    ("2026-05-02 08:30:00.124", "update", BREAD, {"done": None}),
    ("2026-05-02 23:59:59.999", "delete", MILK, None),
    ("2026-05-03 00:00:00.000", "create", EGGS, {"title": "Eggs", "note": "", "qty": 0}),
    ("2026-05-03 00:00:00.001", "update", EGGS, {"qty": 0}),
]
MILK_HISTORY = [
    (1, "create", {"title": [None, TITLE], "qty": [None, 2]}),
    (3, "update", {"qty": [2, 3.5]}),
    (4, "update", {"note": [None, "cold"]}),
    (6, "delete", {"deleted": [False, True]}),
]


def cli(server: Server, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_command(*arguments, env=server.environment)
    assert "Traceback" not in done.stderr
    assert "is a bug" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def quick(server: Server, *arguments: str) -> Result:
    """A command that succeeds, within this process, on a terminal that is wide enough for every cell of a table."""
    done = CliRunner().invoke(app, arguments, env={**server.environment, "COLUMNS": "300"})
    assert (done.exception, done.exit_code) == (None, 0)
    return done


def as_json(server: Server, *arguments: str) -> Any:
    done = quick(server, *arguments, "--json")
    assert done.stderr == ""
    return json.loads(done.stdout)


def cells(table: str) -> list[list[str]]:
    """The texts in a table's cells, row by row, its head first."""
    lines = [line for line in table.splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in lines]


def folded(count: int) -> dict[str, dict[str, Any]]:
    """The rows of `items` after so many events."""
    rows: dict[str, dict[str, Any]] = {}
    for _, type_, item, data in STEPS[:count]:
        row = rows.setdefault(item, {"id": item, "deleted": False})
        row.update({"deleted": True} if type_ == "delete" else data)
    return rows


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}
