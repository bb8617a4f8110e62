"""Loading what exists, `import` and `attach --adopt`, against the writes that record as much, sent straight."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from support import ITEM_FIELDS, Server, check_log, item_id, run_command, running

from benchmarks.measure import Figure, in_turns
from benchmarks.of_recording import best_size, creates, edits, straight
from benchmarks.world import SIZES, Appended, Worlds, check, long_log, without_triggers

LOADED = SIZES[0]  # events
TURNS = 3
TARGET = 3


def measure(worlds: Worlds) -> Iterator[Figure]:
    """Events a second of each."""
    bare, export = without_triggers(worlds), _export(worlds)
    yield _figure(worlds, bare, f"import, {LOADED:,} events", partial(_import, worlds, export), edits)
    yield _figure(worlds, bare, f"attach --adopt, {LOADED:,} rows", partial(_adopt, worlds), creates)


def _figure(
    worlds: Worlds, bare: Path, name: str, ours: Callable[[], float], mix: Callable[[int], Iterator[Appended]]
) -> Figure:
    events = list(mix(LOADED))
    size = best_size(worlds, bare, events)
    turns = in_turns(TURNS, ours, partial(straight, worlds, bare, events, size))
    against = f"as many writes straight to PocketBase without our triggers, {size} events each time"
    return Figure(name, *turns, "events/s", TARGET, against=against)


def _export(worlds: Worlds) -> Path:
    export = worlds.folder().with_suffix(".jsonl")
    with running(long_log(worlds, LOADED)) as full:
        assert run_command("export", str(export), env=full.environment).returncode == 0
    return export


def _import(worlds: Worlds, export: Path) -> float:
    with worlds.server() as server:
        rate = _rate(server, "import", str(export))
        check(server, LOADED)
    return rate


def _adopt(worlds: Worlds) -> float:
    with worlds.server() as server:
        server.create_collection("things", ITEM_FIELDS)
        rows = ((item_id(number), f"Item {number}", number, "as good as new") for number in range(LOADED))
        with closing(server.database()) as database, database:
            database.executemany("INSERT INTO things (id, title, qty, note) VALUES (?, ?, ?, ?)", rows)
        rate = _rate(server, "attach", "things", "--adopt")
        assert check_log(server).seq == LOADED
    return rate


def _rate(server: Server, *arguments: str) -> float:
    started = time.monotonic()
    done = run_command(*arguments, env=server.environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return LOADED / (time.monotonic() - started)
