"""Whatever was done to the rows, a rebuild makes them what the log says."""

import json
import threading
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import EMPTY, ITEM_FIELDS, NAMES, Server, is_held, item_id, live_rows, run_command
from support.rebuilding import edit, edit_unlocked, expected, is_silent, rebuild, record, record_creates, told
from support.strategies import FEW

# -- what is repaired --------------------------------------------------------------------------------------


def test_rows_that_were_changed_removed_and_added_by_hand_are_repaired(opened: Server) -> None:
    root = opened.superuser()
    rows = "/api/collections/items/records"
    assert root("PATCH", f"{rows}/{item_id(1)}", json={"title": "by hand", "qty": 7}).ok
    assert root("PATCH", f"{rows}/{item_id(2)}", json={"deleted": True}).ok
    assert root("DELETE", f"{rows}/{item_id(3)}").ok
    assert root("POST", rows, json={"id": "extra0000000001", "title": "extra"}).ok
    done = rebuild(opened, "--yes")
    assert done["seq"] == 20
    assert done["collections"] == {"items": {"inserted": 1, "updated": 2, "removed": 1, "unchanged": 17}}
    assert 0 < done["held_seconds"] < done["seconds"]
    assert live_rows(opened, NAMES) == expected(opened)
    assert is_silent(opened)
    assert not is_held(opened)


def test_a_rebuild_after_a_rebuild_does_nothing_and_holds_nobody(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    assert rebuild(opened)["collections"]["items"]["updated"] == 20
    again = rebuild(opened)
    assert again["collections"] == {"items": {"inserted": 0, "updated": 0, "removed": 0, "unchanged": 20}}
    assert again["held_seconds"] == 0


def test_locked_rows_that_were_edited_in_the_file_are_repaired(server: Server) -> None:
    record_creates(server, 5)
    server.stop()
    edit_unlocked(server, f"UPDATE items SET title = 'edited' WHERE id = '{item_id(1)}'")
    edit_unlocked(server, f"DELETE FROM items WHERE id = '{item_id(2)}'")
    server.start()
    assert not is_silent(server)
    assert rebuild(server)["collections"]["items"] == {"inserted": 1, "updated": 1, "removed": 0, "unchanged": 3}
    assert is_silent(server)
    locked = json.loads(run_command("status", "--json", env=server.environment).stdout)["targets"][0]["locked"]
    assert locked == (server.version >= (0, 39))


def test_only_the_collections_that_are_named_are_rebuilt(opened: Server) -> None:
    opened.create_collection("notes", ITEM_FIELDS)
    opened.attach("notes", lock=False)
    opened.guest().append("create", item_id(1), {"title": "x"}, collection="notes")
    record(opened)
    edit(opened, "UPDATE items SET qty = 5")
    edit(opened, "UPDATE notes SET qty = 5")
    assert rebuild(opened, "notes")["collections"].keys() == {"notes"}
    assert is_silent(opened, "notes")
    assert not is_silent(opened, "items")


def test_an_unknown_collection_is_wrong_usage(opened: Server) -> None:
    assert "nope is not attached" in told(opened, "nope", code=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM items WHERE id = ?",
        "UPDATE items SET deleted = FALSE WHERE id = ?",
        "UPDATE items SET title = 'edited' WHERE id = ?",
        "UPDATE items SET title = 'edited', deleted = FALSE WHERE id = ?",
    ],
)
def test_rows_that_the_log_has_deleted_are_repaired_and_stay_deleted(opened: Server, tampering: str) -> None:
    opened.guest().append("delete", item_id(1))
    record(opened)
    edit(opened, tampering, item_id(1))
    assert not is_silent(opened)
    rebuild(opened)
    assert live_rows(opened, NAMES)[item_id(1)] == {**EMPTY, "title": "x", "deleted": True}
    assert is_silent(opened)


@settings(max_examples=FEW)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from(
                [
                    "DELETE FROM items WHERE id = :id",
                    "INSERT OR IGNORE INTO items (id, title) VALUES (:id, 'inserted')",
                    "UPDATE items SET deleted = NOT deleted WHERE id = :id",
                    "UPDATE items SET qty = qty + 1, note = 'edited' WHERE id = :id",
                    "UPDATE items SET title = '' WHERE id = :id",
                ]
            ),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_is_done_to_the_rows_a_rebuild_makes_them_match_the_log(
    opened: Server, tamperings: list[tuple[int, str]]
) -> None:
    with opened.database() as database:
        for number, statement in tamperings:
            database.execute(statement, {"id": item_id(number)})
    database.close()
    rebuild(opened, "--yes")
    assert live_rows(opened, NAMES) == expected(opened)
    assert rebuild(opened)["held_seconds"] == 0


# -- relations, generated values, and what today's schema can't hold -------------------------------------------


def attach_people(server: Server) -> None:
    """A collection whose rows relate to each other, attached, with no lock."""
    server.create_collection("people", [{"name": "name", "type": "text"}, {"name": "age", "type": "number"}])
    root = server.superuser()
    collection = root("GET", "/api/collections/people").json()
    friend = {"name": "friend", "type": "relation", "collectionId": collection["id"], "maxSelect": 1}
    code = {"name": "code", "type": "text", "autogeneratePattern": "[a-z]{8}"}
    assert root("PATCH", "/api/collections/people", json={"fields": [*collection["fields"], friend, code]}).ok
    server.attach("people", lock=False)


def append_person(server: Server, type_: str, number: int, data: dict[str, Any]) -> None:
    server.guest().append(type_, item_id(number), data, collection="people")


def test_rows_that_relate_to_each_other_and_to_themselves_are_all_inserted_again(server: Server) -> None:
    attach_people(server)
    for number in range(3):
        append_person(server, "create", number, {"name": "x"})
    record(server)
    for number, friend in ((0, 2), (1, 1), (2, 0)):
        append_person(server, "update", number, {"friend": item_id(friend)})
    record(server)
    edit(server, "DELETE FROM people")
    assert rebuild(server)["collections"]["people"]["inserted"] == 3
    assert is_silent(server, "people")


def test_a_generated_value_that_an_event_has_emptied_is_empty_again(server: Server) -> None:
    attach_people(server)
    append_person(server, "create", 1, {"name": "x"})
    append_person(server, "create", 2, {"name": "x"})
    append_person(server, "update", 2, {"code": ""})
    append_person(server, "delete", 2, {})
    record(server)
    assert is_silent(server, "people")
    edit(server, "DELETE FROM people")
    rebuild(server, "people")
    codes = {row["id"]: (row["code"], row["deleted"]) for row in server.superuser().records("people")}
    assert codes[item_id(1)][0] != ""
    assert codes[item_id(2)] == ("", True)
    assert is_silent(server, "people")


def test_a_row_that_an_item_relates_to_is_not_removed(server: Server) -> None:
    attach_people(server)
    edit(server, "INSERT INTO people (id, name) VALUES (?, 'added')", item_id(7))
    append_person(server, "create", 1, {"name": "x", "friend": item_id(7)})
    record(server)
    edit(server, "INSERT INTO people (id, name) VALUES (?, 'added')", item_id(8))
    said = told(server, "--yes", code=1)
    assert f"people {item_id(7)} could not be written" in said
    assert f"people {item_id(1)} (seq 1) relates to it" in said
    assert live_rows(server, ("name",), "people").keys() == {item_id(1), item_id(7)}


def test_a_row_that_pocketbase_refuses_is_reported_and_keeps_no_other_from_being_written(server: Server) -> None:
    attach_people(server)
    for number in range(5):
        append_person(server, "create", number, {"name": "x", "age": 10 * number})
    record(server)
    assert server.edit_fields(
        "people", lambda fields: next(field for field in fields if field["name"] == "age").update(max=20)
    ).ok
    edit(server, "DELETE FROM people")
    said = told(server, code=1)
    for number in (3, 4):
        assert f"people {item_id(number)} could not be written" in said
        assert f'(created by seq {number + 1}, "age" is from seq {number + 1})' in said
    assert said.count("age: Must be less") == 2
    assert live_rows(server, ("age",), "people") == {item_id(number): {"age": 10 * number} for number in range(3)}


# -- beside clients and workers, and killed -------------------------------------------------------------------


def test_rows_that_have_each_others_unique_value_are_given_them_back(server: Server) -> None:
    indexes = ["CREATE UNIQUE INDEX `idx_note` ON `items` (`note`) WHERE `note` != ''"]
    assert server.superuser()("PATCH", "/api/collections/items", json={"indexes": indexes}).ok
    server.attach("items", lock=False)
    for number, note in ((1, "a"), (2, "b")):
        server.guest().append("create", item_id(number), {"title": "x", "note": note})
    server.worker().run_to_end(threading.Event())
    with closing(server.database()) as database, database:
        for number, note in ((1, ""), (2, "a"), (1, "b")):
            database.execute("UPDATE items SET note = ? WHERE id = ?", (note, item_id(number)))
    done = run_command("rebuild", env=server.environment)
    assert done.returncode == 0, done.stderr
    assert live_rows(server, ("note",)) == {item_id(1): {"note": "a"}, item_id(2): {"note": "b"}}
