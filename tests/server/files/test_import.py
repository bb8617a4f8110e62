"""An imported log is the exported one."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import DEADLINE, NAMES, NEVER, Server, check_log, command, head_of, is_held, item_id, live_rows, seq_of
from support.command_line import assert_civil, cli
from support.exports import COUNT, VECTORS, assert_sound, events_of

from pocketbase_events.core.json_text import MAX_DEPTH


def test_an_imported_log_is_the_exported_one(recorded: Server, server: Server, file: Path, exported: bytes) -> None:
    told = cli(server, "import", str(file))
    head = check_log(server)
    assert head == check_log(recorded)
    assert told.stdout == f"Imported {COUNT} events and built 10 rows; the log ends with the hash {head.hash}.\n"
    assert told.stderr == ""
    assert events_of(server) == events_of(recorded)
    assert live_rows(server, NAMES) == live_rows(recorded, NAMES)
    cli(server, "verify")
    cli(server, "check")
    assert not is_held(server)
    cli(server, "export", str(file))
    assert file.read_bytes() == exported


def test_an_import_reports_as_json(server: Server, file: Path) -> None:
    told = json.loads(cli(server, "import", str(file), "--json").stdout)
    seq, head_hash = head_of(server)
    assert told == {"events": COUNT, "head": {"seq": seq, "hash": head_hash}}
    again = json.loads(cli(server, "import", str(file), "--json").stdout)
    assert again == {"events": 0, "head": {"seq": seq, "hash": head_hash}}
    assert len(events_of(server)) == COUNT


def test_an_import_goes_on_after_an_export_that_ended_earlier(
    server: Server, recorded: Server, file: Path, exported: bytes
) -> None:
    file.write_bytes(b"".join(exported.splitlines(keepends=True)[:17]))
    cli(server, "import", str(file))
    assert check_log(server).seq == 17
    file.write_bytes(exported)
    assert "Imported 13 events" in cli(server, "import", str(file)).stdout
    assert events_of(server) == events_of(recorded)
    assert live_rows(server, NAMES) == live_rows(recorded, NAMES)


def test_recording_goes_on_after_an_import(server: Server, file: Path) -> None:
    server.guest().append("create", item_id(50), {"title": "before"})
    cli(server, "import", str(file))
    server.guest().append("update", item_id(9), {"note": "after"})
    server.worker().run_to_end(NEVER)
    assert check_log(server, retried=True).seq == COUNT + 2
    assert live_rows(server, ("title",))[item_id(50)] == {"title": "before"}
    assert_sound(server)


def test_the_vectors_become_rows(server: Server, tmp_path: Path) -> None:
    text, json_ = {"type": "text"}, {"type": "json"}
    server.create_collection(
        "shopping_items",
        [{"name": "title", **text}, {"name": "qty", "type": "number"}, {"name": "done", "type": "bool"}],
    )
    server.create_collection("notes", [{"name": "body", **text}, {"name": "tags", **json_}, {"name": "meta", **json_}])
    server.attach("shopping_items")
    server.attach("notes")
    assert cli(server, "import", str(VECTORS)).stderr == ""
    assert live_rows(server, ("title", "qty", "done", "deleted"), "shopping_items") == {
        "milk00000000001": {"title": "Milk", "qty": 3.5, "done": False, "deleted": True},
        "eggs00000000001": {
            "title": 'Œufs \u2028 "frais" \\ \x00 \x7f',
            "qty": 0,
            "done": False,
            "deleted": False,
        },
    }
    vectors = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    assert live_rows(server, ("body", "tags", "meta", "deleted"), "notes") == {
        "note00000000001": {
            "body": "",
            "tags": ["b", "a", "b"],
            "meta": vectors[6]["data"]["meta"],
            "deleted": True,
        }
    }
    assert_sound(server)
    cli(server, "export", str(tmp_path / "again.jsonl"))
    again = [json.loads(line) for line in (tmp_path / "again.jsonl").read_text().splitlines()]
    assert [{key: value for key, value in event.items() if key != "id"} for event in again] == vectors


def test_the_most_deeply_nested_data_that_is_recorded_is_also_imported(
    server: Server, another: Server, tmp_path: Path
) -> None:
    deepest: Any = []
    for _ in range(MAX_DEPTH - 2):  # the object around it is a level, too
        deepest = [deepest]
    for each in (server, another):
        each.create_collection("notes", [{"name": "meta", "type": "json"}])
        each.attach("notes")
    server.guest().append("create", "note00000000001", {"meta": deepest}, collection="notes")
    server.worker().run_to_end(NEVER)
    assert check_log(server).seq == 1
    cli(server, "export", str(tmp_path / "log.jsonl"))
    cli(another, "verify", "--file", str(tmp_path / "log.jsonl"))
    cli(another, "import", str(tmp_path / "log.jsonl"))
    assert check_log(another) == check_log(server)


def test_a_log_comes_through_a_pipe_or_is_refused(server: Server, file: Path) -> None:
    with command("import", "/dev/stdin", env=server.environment, stdin=subprocess.PIPE) as process:
        out, error = process.communicate(file.read_text(), timeout=DEADLINE)
    assert_civil(out + error)
    assert (process.returncode, seq_of(server)) in ((0, COUNT), (2, 0)), out + error


@pytest.mark.slow
def test_an_import_makes_its_transactions_as_small_as_the_limits_want_them(server: Server, file: Path) -> None:
    assert server.superuser()("PATCH", "/api/settings", json={"batch": {"maxRequests": 9}}).ok
    cli(server, "import", str(file))
    assert check_log(server).seq == COUNT
    assert_sound(server)


@pytest.mark.slow
def test_rows_of_a_collection_that_is_not_attached_are_built_later(server: Server) -> None:
    told = cli(server, "import", str(VECTORS)).stderr
    for name in ("notes", "shopping_items"):
        assert f"{name} is not attached here" in told
        assert f"pocketbase-events rebuild {name}" in told
    assert check_log(server).seq == 11
    cli(server, "verify")
    fields = [{"name": "title", "type": "text"}, {"name": "qty", "type": "number"}, {"name": "done", "type": "bool"}]
    server.create_collection("shopping_items", fields)
    cli(server, "attach", "shopping_items")
    cli(server, "rebuild", "shopping_items")
    assert live_rows(server, ("qty",), "shopping_items") == {
        "milk00000000001": {"qty": 3.5},
        "eggs00000000001": {"qty": 0},
    }
    cli(server, "check")
