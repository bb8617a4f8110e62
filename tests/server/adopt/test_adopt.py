"""Rows that were there before the log are put under it: an event for each, and no row touched."""

import json
from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from support import NEVER, Server, check_log, live_rows, query
from support.adopting import (
    LONG_AGO,
    MARK,
    NOTE_FIELDS,
    NOTES,
    adopt,
    attached,
    commands_agree,
    events_of,
    is_well,
    note,
    put,
    stored,
    with_notes,
)
from support.command_line import cli


def test_every_row_is_recorded_as_a_create_and_none_is_touched(server: Server) -> None:
    with_notes(server, 600)
    before = stored(server)
    assert "600 rows were adopted" in adopt(server).stdout
    assert stored(server) == before
    assert before[note(1)]["updated"] == LONG_AGO
    assert [(type_, item) for type_, item, _, _ in events_of(server)] == [("create", note(n)) for n in range(1, 601)]
    assert check_log(server).seq == 600
    assert attached(server) == ["items", "notes"]
    is_well(server, rows=600)
    commands_agree(server)


def test_json_is_one_document_and_logs_go_to_standard_error(server: Server) -> None:
    with_notes(server, 3)
    assert json.loads(adopt(server, "--json").stdout) == {"collection": "notes"}
    is_well(server, rows=3)


@pytest.mark.slow
def test_a_collection_of_twenty_thousand_rows_is_adopted(server: Server) -> None:
    with_notes(server, 20_000)
    before = stored(server)
    adopt(server)
    assert stored(server) == before
    assert Counter(type_ for type_, *_ in events_of(server)) == {"create": 20_000}
    assert check_log(server).seq == 20_000
    assert json.loads(cli(server, "check", "--json").stdout)["ok"] is True


def test_an_empty_collection_may_be_adopted(server: Server) -> None:
    with_notes(server, 0)
    assert "0 rows were adopted" in adopt(server).stdout
    assert check_log(server).seq == 0
    assert attached(server) == ["items", "notes"]


def test_rows_that_are_marked_as_deleted_are_created_and_deleted(server: Server) -> None:
    with_notes(server, 4, MARK)
    with closing(server.database()) as database, database:
        database.execute("UPDATE notes SET deleted = TRUE WHERE id IN (?, ?)", (note(2), note(4)))
    before = query(server, "SELECT *, 0 FROM notes")
    adopt(server)
    assert query(server, "SELECT * FROM notes") == before
    expected = [("create", 1), ("create", 2), ("delete", 2), ("create", 3), ("create", 4), ("delete", 4)]
    assert [(type_, item) for type_, item, _, _ in events_of(server)] == [(type_, note(n)) for type_, n in expected]
    is_well(server, rows=4)
    shown = json.loads(cli(server, "show", "notes", "--json").stdout)
    assert [row["deleted"] for row in shown] == [False, True, False, True]


@pytest.mark.slow
def test_values_of_every_type_are_recorded_as_they_are(server: Server) -> None:
    items = server.superuser()("GET", "/api/collections/items").json()["id"]
    fields: list[dict[str, Any]] = [
        {"name": "text", "type": "text"},
        {"name": "editor", "type": "editor"},
        {"name": "email", "type": "email"},
        {"name": "url", "type": "url"},
        {"name": "number", "type": "number"},
        {"name": "bool", "type": "bool"},
        {"name": "date", "type": "date"},
        {"name": "one", "type": "select", "maxSelect": 1, "values": ["a", "[b]"]},
        {"name": "many", "type": "select", "maxSelect": 3, "values": ["a", "[b]", '["c"]']},
        {"name": "friend", "type": "relation", "maxSelect": 1, "collectionId": items},
        {"name": "friends", "type": "relation", "maxSelect": 3, "collectionId": items},
        {"name": "json", "type": "json"},
        {"name": "place", "type": "geoPoint"},
        {"name": "auto", "type": "text", "autogeneratePattern": "[a-z]{8}"},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
        {"name": "photo", "type": "file", "maxSelect": 1},
        {"name": "key", "type": "password"},
        {"name": "secret", "type": "text", "hidden": True},
    ]
    server.create_collection("notes", fields)
    guest, root = server.guest(), server.superuser()
    for number in range(3):
        guest.append("create", f"item{number:011d}", {"title": "friend"})
    server.worker().run_to_end(NEVER)
    values: list[dict[str, Any]] = [
        {},
        {"text": " \x00\u2028😀 ", "editor": "<p>x</p>", "email": "a@example.com", "url": "https://example.com/?a"},
        {"text": '{"a": 1}', "number": 1e308, "bool": True, "date": "9999-12-31 23:59:59.999Z", "auto": "mine"},
        {"text": "null", "number": -0.1, "date": "0002-01-01 00:00:00.000Z", "one": "[b]", "many": ['["c"]', "a"]},
        {"number": 9007199254740994, "friend": note(0).replace("note", "item"), "place": {"lon": -180, "lat": 0.1}},
        {"number": 5e-324, "friends": [f"item{number:011d}" for number in (2, 0)], "place": {"lon": 0, "lat": 90}},
        *({"json": value} for value in ({"b": [1.5, True, None, {}], "a": "é"}, [], {}, 0, False, 1e21, 2**53 + 2)),
        *({"json": json.dumps(text)} for text in ("", " text ", "true", "[1]", '"quoted"', "null", "😀")),
        {"json": "[" * 199 + "]" * 199},
    ]
    for number, value in enumerate(values, 1):
        answer = root("POST", NOTES, json={"id": note(number), "secret": "s", "key": "password", **value})
        assert answer.ok, answer.text
    picture = {"photo": ("photo.txt", b"a photo", "text/plain")}
    assert root("PATCH", f"{NOTES}/{note(1)}", files=picture).ok
    before, shown = stored(server), root.records("notes", sort="id")
    adopt(server)
    assert stored(server) == before
    is_well(server, rows=len(values))
    logged = json.loads(cli(server, "show", "notes", "--json").stdout)
    for row, event in zip(shown, logged, strict=True):
        names = event.keys() - {"deleted", "photo"}
        assert {name: row[name] for name in names} == {name: event[name] for name in names}
        assert not names & {"key", "secret", "updated"}
    assert next(row["photo"] for row in logged if "photo" in row).startswith("photo_")


def test_adopted_rows_can_be_rebuilt_from_the_log_alone(server: Server) -> None:
    with_notes(server, 5)
    adopt(server, "--no-lock")
    names = ("text", "json", "number", "deleted")
    before, root = live_rows(server, names, "notes"), server.superuser()
    for number in range(1, 6):
        assert root("DELETE", f"{NOTES}/{note(number)}").ok
    cli(server, "rebuild", "notes")
    assert live_rows(server, names, "notes") == before
    is_well(server, rows=5)


def test_rows_that_todays_schema_would_refuse_are_adopted_as_they_are(server: Server) -> None:
    with_notes(server, 3)

    def tighten(fields: list[dict[str, Any]]) -> None:
        next(field for field in fields if field["name"] == "text")["required"] = True

    put(server, note(2), "text", "")
    assert server.edit_fields("notes", tighten).ok
    before = stored(server)
    adopt(server)
    assert stored(server) == before
    done = cli(server, "check", "notes")
    assert '"text" is required now' in done.stderr
    assert "(seq 2)" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("lowered", [{"maxRequests": 10}, {"maxRequests": 1000, "maxBodySize": 5000}])
def test_lowered_limits_of_the_batch_api_only_make_it_slower(server: Server, lowered: dict[str, int]) -> None:
    with_notes(server, 60)
    assert server.superuser()("PATCH", "/api/settings", json={"batch": {"enabled": True, "timeout": 3, **lowered}}).ok
    adopt(server)
    assert Counter(item for _, item, *_ in events_of(server)) == {note(number): 1 for number in range(1, 61)}
    is_well(server, rows=60)


@pytest.mark.slow
def test_rows_are_adopted_whatever_their_ids(server: Server) -> None:
    any_id = {
        "name": "id", "type": "text", "system": True, "primaryKey": True, "required": True,
        "min": 1, "max": 0, "pattern": "^.+$", "autogeneratePattern": "[a-z0-9]{15}",
    }  # fmt: skip
    server.create_collection("notes", [any_id, *NOTE_FIELDS])
    ids = ["null", "true", "@now", "1e3", "-1", "a&b", "a#b", "a,b", "(x)", "{{x}}", "é", "e\u0301", "😀", "x" * 900]
    ids += [f"{number:015d}" for number in range(1100)]
    with closing(server.database()) as database, database:
        database.executemany("INSERT INTO notes (id, text) VALUES (?, 'x')", [(item_id,) for item_id in ids])
    adopt(server)
    is_well(server, rows=len(ids))
    for item_id in ids[:14]:
        server.guest().append("update", item_id, {"text": "y"}, collection="notes")
    server.worker().run_to_end(NEVER)
    assert not any(error for *_, error in events_of(server))
    is_well(server, rows=len(ids))
