"""A PocketBase with a log of any length, written straight into its file."""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import Server, check_log, eventually, fill_log, fold_log, run_command, running

from pocketbase_events.core.json_text import Json

SIZES = (10_000, 100_000, 1_000_000)  # recorded events of a long log; it has a tenth as many rejected ones
CREATED = "2026-01-01 00:00:00.000Z"
PATIENCE = 600.0  # seconds
UNSET: dict[str, Any] = {"title": "", "qty": 0, "done": False, "note": "", "deleted": False}


@dataclass(frozen=True, slots=True)
class Appended:
    """An event of a benchmark, about `items`."""

    type: str
    item_id: str
    data: Json

    def as_body(self) -> dict[str, Json]:
        """What a client sends."""
        return {"type": self.type, "item_id": self.item_id, "data": self.data}


class Worlds:
    """Folders for one benchmark run, all within `base`; `template` has an empty log and a collection `items`."""

    def __init__(self, base: Path, template: Path) -> None:
        self._base, self._count = base, 0
        self.template = template
        self.long: dict[int, Path] = {}  # folders with a long log, by its number of events

    def folder(self) -> Path:
        """The path of a new one."""
        self._count += 1
        return self._base / f"world{self._count}"

    @contextmanager
    def server(self, template: Path | None = None) -> Iterator[Server]:
        """A running copy of a template, gone in the end."""
        folder = self.folder()
        shutil.copytree(template or self.template, folder)
        try:
            with running(folder) as server:
                yield server
        finally:
            shutil.rmtree(folder)


def long_log(worlds: Worlds, size: int) -> Path:
    """A folder with a log of that size; the longer ones are made of the shorter."""
    for before, each in zip((0, *SIZES), SIZES, strict=False):
        if each <= size and each not in worlds.long:
            folder = worlds.folder()
            shutil.copytree(worlds.long[before] if before else worlds.template, folder)
            fill_log(Server(folder), each, rejected=each // 10)
            worlds.long[each] = folder
    return worlds.long[size]


def without_triggers(worlds: Worlds) -> Path:
    """A template whose PocketBase has none of our triggers, so that it is as fast as it would be without us."""
    template = worlds.folder()
    shutil.copytree(worlds.template, template)
    with closing(Server(template).database()) as database, database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER `{name}`")
    return template


def append(server: Server, events: Sequence[Appended]) -> None:
    """Append events by way of the file, as pending ones."""
    with closing(server.database()) as database, database:
        first = database.execute("SELECT COUNT(*) FROM events").fetchone()[0]
        database.executemany(
            "INSERT INTO events (id, type, collection, item_id, data, created) VALUES (?, ?, 'items', ?, ?, ?)",
            [
                (record_id(first + number), event.type, event.item_id, json.dumps(event.data), CREATED)
                for number, event in enumerate(events)
            ],
        )


def record_id(number: int) -> str:
    """The id of the record of the event appended as that number, from 0 on."""
    return f"e{number:014d}"


def settled(server: Server, count: int) -> None:
    """Wait until so many events are recorded."""
    with closing(server.database()) as database:
        query = "SELECT seq >= ? FROM event_head"
        eventually(lambda: database.execute(query, [count]).fetchone()[0], f"event {count}", PATIENCE)


def run_once(server: Server) -> float:
    """Seconds that `run --once` takes."""
    started = time.monotonic()
    done = run_command("run", "--once", env=server.environment, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started


def check(server: Server, recorded: int) -> None:
    """Everything is recorded, and the log and the rows are right; a fast wrong log is worth nothing."""
    head = check_log(server)
    assert head.seq == recorded, f"{head.seq} events are recorded, not {recorded}"
    log = {key: {**UNSET, **row} for key, row in fold_log(server).items()}
    with closing(server.database()) as database:
        found = database.execute(f"SELECT id, {', '.join(UNSET)} FROM items").fetchall()
    rows = {key: dict(zip(UNSET, values, strict=True)) for key, *values in found}
    assert rows == log, "the rows are not what the log says"
