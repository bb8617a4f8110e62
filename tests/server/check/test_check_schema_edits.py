"""What an edited schema can't hold is told and is no difference."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import Server, check_log, live_rows, start_copy
from support.checking import append_all, check, look, record_all, silent
from support.command_line import cli

PAGE_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "text"},
    {"name": "number", "type": "number"},
    {"name": "one", "type": "select", "maxSelect": 1, "values": ["a", "b"]},
    {"name": "many", "type": "select", "maxSelect": 2, "values": ["a", "b", "c"]},
    {"name": "json", "type": "json"},
]
PAGE_EVENTS: list[tuple[str, int, Any]] = [
    ("create", 1, {"text": "x", "number": 1, "one": "a", "many": ["a", "b"], "json": [1]}),  # 1st
    ("create", 2, {"text": "y", "one": "b"}),  # 2nd
    ("update", 2, {"one": "a"}),  # 3rd
    ("update", 2, {"number": 5}),  # 4th
    ("create", 3, None),  # 5th
    ("create", 4, {"text": "z", "one": "b", "many": "b"}),  # 6th
    ("update", 4, {"one": "a"}),  # 7th
    ("update", 4, {"one": "b"}),  # 8th
]
Fields = list[dict[str, Any]]


def page(number: int) -> str:
    return f"page{number:011d}"


def with_pages(server: Server, name: str = "pages") -> None:
    """An attached collection of four rows that superusers may write."""
    server.create_collection(name, PAGE_FIELDS)
    server.attach(name, lock=False)
    events = [{"type": type_, "item_id": page(number), "data": data} for type_, number, data in PAGE_EVENTS]
    append_all(server.guest(), name, events)
    record_all(server)


def named(fields: Fields, name: str) -> dict[str, Any]:
    return next(field for field in fields if field["name"] == name)


def remove(name: str) -> Callable[[Fields], None]:
    return lambda fields: fields.remove(named(fields, name))


def change(field: str, /, **changes: Any) -> Callable[[Fields], None]:
    return lambda fields: named(fields, field).update(changes)


def add(name: str, type_: str, **more: Any) -> Callable[[Fields], None]:
    return lambda fields: fields.append({"name": name, "type": type_, **more})


@dataclass(frozen=True)
class Edit:
    """An edit of a schema, and what is to be told of it."""

    steps: list[Callable[[Fields], None]]
    field: str  # that can't hold what the log says
    why: str
    events: list[int]  # that gave such a value, by their place in PAGE_EVENTS
    stuck: list[int]  # the rows that can't be inserted


GONE = [1, 2, 6]  # the events that gave `text`
EDITS = {
    "removed": Edit([remove("text")], "text", "is gone", GONE, []),
    "withdrawn": Edit([change("one", values=["b"])], "one", 'no longer has the choice "a"', [1, 3], [1, 2]),
    "thinned": Edit([change("many", values=["b", "c"])], "many", 'no longer has the choice "a"', [1], [1]),
    "required": Edit([change("text", required=True)], "text", "is required now", [5], [3]),
    "added": Edit([add("new", "number", required=True)], "new", "is required now", [1, 2, 5, 6], [1, 2, 3, 4]),
    "retyped": Edit([remove("number"), add("number", "text")], "number", "takes a text now", [1, 4], [1, 2]),
    "hidden": Edit([change("text", hidden=True)], "text", "it is hidden", GONE, []),
    "filed": Edit([remove("text"), add("text", "file")], "text", "is a file field now", GONE, []),
}


@dataclass
class Edited:
    """What was told of collections with edited schemas, each of them named after its edit."""

    server: Server
    first_seq: dict[str, int]  # of the events of each collection
    matching: tuple[dict[str, Any], list[str]]  # check, while the rows are what they can be
    emptied: dict[str, Any]  # check, once every row is lost
    rebuilt: subprocess.CompletedProcess[str]
    remaining: dict[str, Any]  # check, after the rebuild

    def differences(self, told: dict[str, Any], name: str) -> list[tuple[str, str]]:
        return [(each["id"], each["kind"]) for each in told["differences"] if each["collection"] == name]


@pytest.fixture(scope="module")
def edited(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    for server in start_copy(installed_template, tmp_path_factory.mktemp("edited") / "pocketbase"):
        first = {}
        for name, edit in EDITS.items():
            first[name] = check_log(server).seq + 1
            with_pages(server, name)
            for step in edit.steps:
                answer = server.edit_fields(name, step)
                assert answer.ok, answer.text
        matching = look(server)
        for name in EDITS:
            rows = f"/api/collections/{name}/records"
            assert server.superuser().batch(*(("DELETE", f"{rows}/{page(n)}", None) for n in range(1, 5))).ok
        emptied = check(server, code=1)
        rebuilt = cli(server, "rebuild", "--json", code=1)
        yield Edited(server, first, matching, emptied, rebuilt, check(server, code=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITS)
def test_values_that_an_edited_schema_cannot_hold_are_reported_and_are_not_differences(
    edited: Edited, name: str
) -> None:
    edit, (told, sentences) = EDITS[name], edited.matching
    assert told["ok"] is True
    sentence = next(line for line in sentences if line.startswith(f"{name}: "))
    assert sentence.startswith(f'{name}: the field "{edit.field}" ')
    assert edit.why in sentence
    assert f"(seq {', '.join(str(edited.first_seq[name] + place - 1) for place in edit.events)})" in sentence
    assert "back" in sentence or "--renamed" in sentence, "what to do about it"
    assert len(sentences) == len(EDITS)


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.slow
def test_lost_rows_are_rebuilt_but_for_those_that_an_edited_schema_cannot_hold(edited: Edited, name: str) -> None:
    edit, refusals = EDITS[name], edited.rebuilt.stderr.splitlines()
    assert edited.differences(edited.emptied, name) == [(page(number), "missing") for number in range(1, 5)]
    counts = json.loads(edited.rebuilt.stdout)["collections"][name]
    assert counts == {"inserted": 4 - len(edit.stuck), "updated": 0, "removed": 0, "unchanged": 0}
    assert edited.differences(edited.remaining, name) == [(page(number), "missing") for number in edit.stuck]
    for number in range(1, 5):
        told = [line for line in refusals if line.startswith(f"{name} {page(number)} could not be written: ")]
        assert len(told) == (number in edit.stuck)
        assert all(f'"{edit.field}" (seq ' in line and edit.why in line for line in told)
    assert len(live_rows(edited.server, ("id",), name)) == 4 - len(edit.stuck)


def test_a_schema_that_is_changed_back_lets_the_refused_rows_in(server: Server) -> None:
    with_pages(server)
    assert server.edit_fields("pages", change("one", values=["b"])).ok
    assert server.superuser()("DELETE", f"/api/collections/pages/records/{page(1)}").ok
    assert '"one" (seq 1) no longer has the choice "a"' in cli(server, "rebuild", code=1).stderr
    assert server.edit_fields("pages", change("one", values=["b", "a"])).ok
    cli(server, "rebuild")
    silent(server)


def test_an_update_that_fits_settles_what_an_edited_schema_cannot_hold(server: Server) -> None:
    with_pages(server)
    assert server.edit_fields("pages", change("one", values=["b", "c"])).ok
    server.guest().append("update", page(1), {"one": "c"}, collection="pages")
    record_all(server)
    assert "(seq 3)" in cli(server, "check").stderr
    server.guest().append("update", page(2), {"one": None}, collection="pages")
    record_all(server)
    silent(server)


def test_a_changed_row_that_the_schema_no_longer_admits_is_refused_with_pocketbases_reason(server: Server) -> None:
    with_pages(server)
    for number in (2, 3):
        path = f"/api/collections/pages/records/{page(number)}"
        assert server.superuser()("PATCH", path, json={"number": 99}).ok
    assert server.edit_fields("pages", change("text", required=True)).ok
    done = cli(server, "rebuild", "--json", code=1)
    assert json.loads(done.stdout)["collections"]["pages"]["updated"] == 1
    refusal = next(line for line in done.stderr.splitlines() if "could not be written" in line)
    assert all(part in refusal for part in (page(3), "text", "seq 5"))
    assert [each["id"] for each in check(server, code=1)["differences"]] == [page(3)]


@pytest.mark.slow
def test_a_renamed_field_is_reported_as_gone_with_what_to_do(server: Server) -> None:
    with_pages(server)
    assert server.edit_fields("pages", change("text", name="body")).ok
    told, sentences = look(server, code=1)
    assert [each["fields"] for each in told["differences"]] == [{"body": ["", text]} for text in ("x", "y", "z")]
    assert "attach pages --renamed text=NEW" in sentences[0]
    assert sentences[-1].endswith("attach pages --renamed text=body")
    assert server.edit_fields("pages", change("body", name="text")).ok
    silent(server)
