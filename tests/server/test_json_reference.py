"""The JSON on the page of reference is what the commands print: the same keys, no fewer and no more."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import ITEM_FIELDS, Server, item_id, run_command, unlocked
from support.pages import DOCS, tables
from support.working import working

from pocketbase_events.core.replica import Origin
from pocketbase_events.jobs.targets import close_appends

NAMES = {"items", *(field["name"] for field in ITEM_FIELDS)}  # of collections and fields, which stand where keys do


def documented() -> dict[str, set[str]]:
    """The keys of each command's document."""
    found = {}
    for commands, document in tables(DOCS / "reference.md", under="JSON"):
        for command in re.findall(r"`([^`]+)`", commands):
            found[command] = set(re.findall(r'"(\w+)"', document))
    return found


def keys(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        yield from document
    for inner in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from keys(inner)


@pytest.fixture
def printed(server: Server, tmp_path: Path) -> dict[str, set[str]]:
    """The keys that each command prints, where there is as much to print as possible."""
    found: dict[str, set[str]] = {}

    def run(command: str, *arguments: str) -> None:
        done = run_command(*command.split(), *arguments, "--json", env=server.environment, cwd=tmp_path)
        assert done.returncode in (0, 1), done.stderr
        found[command] = found.get(command, set()) | (set(keys(json.loads(done.stdout))) - NAMES)

    guest = server.guest()
    guest.append("create", item_id(1), {"title": "Milk"})
    guest.append("update", item_id(1), {"colour": "red"})
    run("run --once")
    for command, *arguments in (["rejected"], ["history", "items", item_id(1)], ["show", "items"], ["retry", "--all"]):
        run(command, *arguments)
    for qty in (1, 2, 3):
        guest.append("update", item_id(1), {"qty": qty})
    run("run --once")
    with working(server):
        run("undo", "2", "4", "--yes")
        run("revert", "items", "--to", "1", "--yes")
    with unlocked(server) as database:
        database.execute("UPDATE items SET qty = 7")
        until = "strftime('%Y-%m-%d %H:%M:%fZ', 'now', '+1 hour')"
        database.execute(f"UPDATE event_head SET hold_by = 'the test', hold_until = {until}")
    run("status")
    with unlocked(server) as database:
        database.execute("UPDATE event_head SET hold_by = '', hold_until = ''")
    run("check")
    run("rebuild")
    export = tmp_path / "backup.jsonl"
    assert run_command("export", str(export), env=server.environment).returncode == 0
    run("import", str(export))
    export.write_text(export.read_text().replace("Milk", "Eggs"))
    run("verify", "--file", str(export))
    guest.append("update", item_id(1), {"colour": "red"})
    run("run --once")
    run("rejected --dismiss", "--all")
    run("init")
    run("attach --dry-run", "items")
    run("attach", "items")
    run("detach", "items")
    close_appends(server.admin(), Origin("nats://127.0.0.1:1", "events"))
    run("status")
    run("replica --promote", "--yes")
    return found


def test_every_document_has_the_keys_that_the_page_says(printed: dict[str, set[str]]) -> None:
    assert printed == documented()
