"""Whoever may read an event may read its files, and nobody changes them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Client, Server, check_log, item_id, start_copy
from support.command_line import cli
from support.house import CALLERS, SIGNED_IN, everybody
from support.pictures import FIELDS, append, content, settle, stored_files

HISTORIES = {"notes": SIGNED_IN, "posts": "", "diary": None}  # who may read recorded events of others
EVENTS = "/api/collections/events/records"


@pytest.fixture(scope="module")
def shelf(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for server in start_copy(installed_template, tmp_path_factory.mktemp("shelf") / "pocketbase"):
        for name, history in HISTORIES.items():
            server.create_collection(name, FIELDS)
            cli(server, "attach", name, "--allow", "", *([] if history is None else ["--history", history]))
        yield server


@pytest.fixture(scope="module")
def callers(shelf: Server) -> dict[str, Client]:
    """Ann has appended an event with a file to each collection, which is recorded, and one that is pending."""
    callers = everybody(shelf)
    ann = callers["ann"]
    for name in HISTORIES:
        ours = {"collection": name, "actor": ann.user_id}
        append(ann, "create", item_id(1), {"picture": 0}, ("a.txt", b"recorded"), **ours)
        settle(shelf)
    for name in HISTORIES:
        append(ann, "update", item_id(1), {"papers": 0}, ("b.txt", b"pending"), collection=name, actor=ann.user_id)
    return callers


def reads(client: Client, event: dict[str, Any]) -> bool:
    token = client("POST", "/api/files/token").json().get("token", "")
    answer = client("GET", f"/api/files/events/{event['id']}/{event['files'][0]}", params={"token": token})
    assert answer.status_code in (200, 404)
    return answer.status_code == 200


@pytest.mark.parametrize("who", CALLERS)
def test_whoever_may_read_an_event_and_nobody_else_reads_its_files(
    shelf: Server, callers: dict[str, Client], who: str
) -> None:
    for event in shelf.superuser().records("events"):
        may = callers[who]("GET", f"{EVENTS}/{event['id']}").status_code == 200
        assert reads(callers[who], event) == may, (who, event["collection"], event["seq"])


@pytest.mark.parametrize("who", CALLERS)
def test_nobody_gives_an_event_hashes_or_changes_its_files(shelf: Server, callers: dict[str, Client], who: str) -> None:
    caller, before = callers[who], stored_files(shelf, "events")
    body = {"type": "delete", "collection": "notes", "item_id": item_id(1), "file_hashes": '["00"]'}
    if who != "superuser" or shelf.locks:
        assert caller("POST", EVENTS, data=body, files=[("files", ("x.txt", b"x"))]).status_code in (400, 403)
    for event in shelf.superuser().records("events") if shelf.locks else ():
        for change in ({"files": []}, {"files-": event["files"]}, {"file_hashes": ["0" * 64]}):
            answer = caller("PATCH", f"{EVENTS}/{event['id']}", json=change)
            kept = shelf.superuser().record("events", event["id"])
            assert (kept["files"], kept["seq"]) == (event["files"], event["seq"]), (who, change, answer.text)
        caller("PATCH", f"{EVENTS}/{event['id']}", files=[("files+", ("x.txt", b"x"))])
        if event["seq"]:
            assert not caller("DELETE", f"{EVENTS}/{event['id']}").ok
    assert stored_files(shelf, "events") == before
    check_log(shelf)


def test_too_many_files_and_too_large_ones_are_refused_at_once(shelf: Server, callers: dict[str, Client]) -> None:
    body = {"type": "create", "collection": "posts", "item_id": item_id(2), "data": '{"papers": [0]}'}
    many = callers["guest"]("POST", EVENTS, data=body, files=[("files", ("x.txt", b"x"))] * 11)
    large = callers["guest"]("POST", EVENTS, data=body, files=[("files", ("x.txt", b"x" * 6_000_001))])
    assert "maximum allowed files is 10" in many.text
    assert "maximum allowed file size is 6000000" in large.text
    fits = callers["guest"]("POST", EVENTS, data=body, files=[("files", ("x.txt", b"x" * 6_000_000))])
    assert fits.ok, "attach has raised the limit to that of the largest field"
    settle(shelf)
    assert len(content(shelf.superuser(), "events", fits.json()["id"], fits.json()["files"][0])) == 6_000_000
