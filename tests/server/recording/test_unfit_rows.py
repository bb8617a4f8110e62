"""Rows that their collection no longer admits: PocketBase validates all fields of a row at each update."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import NEVER, Server, check_log, item_id, start_copy
from support.admin_ui import give_extension
from support.recording import outcome, why

from pocketbase_events.jobs.admin_ui import HOOK

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "body", "type": "text"},
    {"name": "kind", "type": "select", "maxSelect": 1, "values": ["old", "new"]},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
COUNT = 40


def tighten(fields: list[dict[str, Any]]) -> None:
    """Make a field required, and withdraw a choice."""
    named = {field["name"]: field for field in fields}
    named["body"]["required"], named["kind"]["values"] = True, ["new"]


@pytest.fixture(scope="module")
def tightened(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with rows of `notes` that lack a required field and hold a choice that was withdrawn."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("tightened") / "pocketbase"):
        server.create_collection("notes", FIELDS, listRule="")
        server.attach("notes")
        creates = [event("create", number, {"title": "x", "kind": "old"}) for number in range(COUNT)]
        server.guest().append_all(*creates)
        server.worker().run_to_end(NEVER)
        assert server.edit_fields("notes", tighten).ok
        yield server


def event(type_: str, number: int, data: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": type_, "collection": "notes", "item_id": item_id(number), "data": data, **more}


def append(server: Server, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Append events in one request."""
    url = "/api/collections/events/records"
    answer = server.guest().batch(*(("POST", url, each) for each in events))
    assert answer.status_code == 200, answer.text
    return [each["body"] for each in answer.json()]


def row(server: Server, number: int) -> dict[str, Any]:
    return server.superuser().record("notes", item_id(number))


@pytest.mark.parametrize(("type_", "data"), [("delete", None), ("update", {"title": "y"})])
def test_the_author_reads_which_field_is_wrong_and_how_to_mend_it(tightened: Server, type_: str, data: Any) -> None:
    error = why(tightened, append(tightened, event(type_, 1, data))[0])
    assert "body: Cannot be blank.; kind: Invalid value" in error
    assert "The event does not set body, kind: the row no longer fits its collection." in error
    assert "as one group" in error


def test_a_field_that_the_event_sets_itself_needs_no_advice(tightened: Server) -> None:
    error = why(tightened, append(tightened, event("update", 1, {"kind": "none"}))[0])
    assert "one group" not in error


@pytest.mark.parametrize("last", [("delete", None), ("update", {"title": "y"})], ids=["delete", "update"])
def test_updates_that_mend_the_row_and_the_event_pass_as_one_group(tightened: Server, last: tuple[str, Any]) -> None:
    number = 2 if last[0] == "delete" else 3
    mending = [event("update", number, data, together="mend") for data in ({"body": "b"}, {"kind": "new"})]
    events = append(tightened, *mending, event(last[0], number, last[1], together="mend"))
    assert all(outcome(tightened, each)["seq"] for each in events)
    assert row(tightened, number)["deleted"] == (last[0] == "delete")
    check_log(tightened)


def test_a_group_that_mends_one_field_of_two_is_rejected_and_names_the_other(tightened: Server) -> None:
    events = append(tightened, event("update", 4, {"body": "b"}, together="half"), event("delete", 4, together="half"))
    assert "The event does not set kind:" in why(tightened, events[0])
    assert not row(tightened, 4)["deleted"]


def test_the_hook_file_lets_deletes_pass_whatever_is_wrong_with_the_row(tightened: Server) -> None:
    give_extension(tightened)
    try:
        deleted, updated = append(tightened, event("delete", 5), event("update", 6, {"title": "y"}))
        assert outcome(tightened, deleted)["seq"]
        after, like = row(tightened, 5), row(tightened, 7)
        assert all(after.pop(name) > like.pop(name) for name in ("seq", "updated"))
        assert after == {**like, "id": item_id(5), "deleted": True}
        assert "body: Cannot be blank." in why(tightened, updated)
        # Merged into one write, an update is judged nevertheless.
        wrong, right = append(tightened, event("update", 8, {"kind": "none"}), event("delete", 8))
        assert "kind" in why(tightened, wrong)
        assert outcome(tightened, right)["seq"]
        assert row(tightened, 8)["kind"] == "old"
        check_log(tightened)
    finally:
        tightened.stop()
        (tightened.folder / "pb_hooks" / HOOK).unlink()
        tightened.start()
