"""A field that was renamed: check suggests it, attach is told of it, and everything reads the log with the new name."""

import json
from typing import Any

import pytest
from support import Server, check_log
from support.checking import append_all, look, record_all, silent
from support.command_line import as_json, cli

ROW = "page00000000001"


def rename(server: Server, old: str, new: str) -> None:
    def edit(fields: list[dict[str, Any]]) -> None:
        next(field for field in fields if field["name"] == old)["name"] = new

    assert server.edit_fields("pages", edit).ok


@pytest.mark.slow
def test_the_log_is_read_with_the_new_name_of_a_field(server: Server) -> None:
    server.create_collection("pages", [{"name": "title", "type": "text"}, {"name": "hits", "type": "number"}])
    server.attach("pages")
    guest = server.guest()
    events = [
        {"type": "create", "item_id": ROW, "data": {"title": "a", "hits": 1}},
        {"type": "update", "item_id": ROW, "data": {"hits+": 2}},
    ]
    append_all(guest, "pages", events)
    record_all(server)
    for old, new in (("title", "name"), ("hits", "visits")):
        rename(server, old, new)
    assert {line.split("run: ")[1] for line in look(server, "pages", code=1)[1][-2:]} == {
        "pocketbase-events attach pages --renamed title=name",
        "pocketbase-events attach pages --renamed hits=visits",
    }
    cli(server, "attach", "pages", "--renamed", "title=name", "--renamed", "hits=visits")
    silent(server, "pages")
    append_all(guest, "pages", [{"type": "update", "item_id": ROW, "data": {"visits+": 4}}])
    record_all(server)
    silent(server, "pages")
    changes = [entry["changes"] for entry in as_json(server, "history", "pages", ROW)]
    assert changes == [{"name": [None, "a"], "visits": [None, 1]}, {"visits": [1, 3]}, {"visits": [3, 7]}]
    assert as_json(server, "show", "pages") == [{"id": ROW, "name": "a", "visits": 7, "deleted": False}]
    assert json.loads(cli(server, "rebuild", "pages", "--json").stdout)["collections"]["pages"]["updated"] == 0
    rename(server, "name", "heading")
    cli(server, "attach", "pages", "--renamed", "name=heading")
    silent(server, "pages")
    cli(server, "undo", "1", "--force", "--yes", code=1)  # nobody records it here
    record_all(server)
    assert as_json(server, "show", "pages")[0]["deleted"]
    silent(server, "pages")
    check_log(server)


def test_a_rename_that_makes_no_sense_is_refused(server: Server) -> None:
    for given, says in (
        ("title=nothere", "no field nothere"),
        ("title=id", "no field id"),
        ("title=title", "no field title"),
        ("note=title", "still has a field note"),
        ("title", "OLD=NEW"),
        ("=title", "OLD=NEW"),
    ):
        assert says in cli(server, "attach", "items", "--renamed", given, code=2).stderr
    assert server.superuser().records("event_targets")[0]["renamed"] is None
