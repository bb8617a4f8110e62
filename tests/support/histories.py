"""A log whose past is told, and `history` and `show` as their users meet them."""

import json
import re
import subprocess
from itertools import pairwise
from typing import Any

from rich.cells import cell_len

from support import Server
from support.command_line import cli

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


def wide(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that succeeds, on a terminal that is wide enough for every cell of a table."""
    return cli(server, *arguments, COLUMNS="300")


def as_json(server: Server, *arguments: str) -> Any:
    done = wide(server, *arguments, "--json")
    assert done.stderr == ""
    return json.loads(done.stdout)


def cells(table: str) -> list[list[str]]:
    """The texts in a table's cells, row by row, its head first."""
    lines = [_spread(line) for line in table.splitlines()]
    starts = [found.start() for found in re.finditer(r"\S+(?: \S+)*", lines[0])]
    return [[line[start:end].replace("\0", "").strip() for start, end in pairwise([*starts, None])] for line in lines]


def _spread(line: str) -> str:
    """The line with a character for each cell that it takes."""
    return "".join(char + "\0" * (cell_len(char) - 1) for char in line)


def folded(count: int) -> dict[str, dict[str, Any]]:
    """The rows of `items` after so many events."""
    rows: dict[str, dict[str, Any]] = {}
    for _, type_, item, data in STEPS[:count]:
        row = rows.setdefault(item, {"id": item, "deleted": False})
        row.update({"deleted": True} if type_ == "delete" else data)
    return rows


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}
