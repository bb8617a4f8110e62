"""What will be different once a collection is attached is said; one that no event could fill is refused."""

from typing import Any

import pytest
from support import NEVER, Server
from support.command_line import as_json, cli

TEXT = {"name": "title", "type": "text"}


def notes_of(server: Server, name: str, *more: str) -> list[str]:
    return list(as_json(server, "attach", name, "--dry-run", *more)["notes"])


def created(server: Server, name: str, fields: list[dict[str, Any]], **more: Any) -> str:
    server.create_collection(name, fields, **more)
    return name


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"name": "key", "type": "password", "required": True}, "a field of type password"),
        ({"name": "secret", "type": "text", "required": True, "hidden": True}, "hidden field"),
        ({"name": "level", "type": "number", "required": True, "hidden": True}, "hidden field"),
    ],
    ids=lambda value: value.get("name") if isinstance(value, dict) else "",
)
def test_a_collection_that_needs_what_no_event_can_set_is_refused(
    shared: Server, field: dict[str, Any], says: str
) -> None:
    name = created(shared, f"scans_{field['name']}", [TEXT, field])
    told = cli(shared, "attach", name, "--allow", "", code=2).stderr
    assert says in told
    assert f"--computed {field['name']}" in told
    assert as_json(shared, "attach", name, "--dry-run", "--computed", field["name"])["collection"] == name


def test_a_hidden_field_that_pocketbase_fills_in_is_no_obstacle(shared: Server) -> None:
    code = {"name": "code", "type": "text", "required": True, "hidden": True, "autogeneratePattern": "[a-z]{9}"}
    name = created(shared, "coded", [TEXT, code])
    assert any("hidden fields (code)" in note for note in notes_of(shared, name))


def test_files_and_generated_values_are_named(shared: Server) -> None:
    made = {"name": "made", "type": "autodate", "onCreate": True}
    code = {"name": "code", "type": "text", "autogeneratePattern": "[a-z]{9}"}
    fields = [{"name": "photo", "type": "file"}, made, code]
    notes = notes_of(shared, created(shared, "pictures", [TEXT, *fields]))
    assert any(note.startswith("Files (photo) are kept twice") for note in notes)
    assert any("new values of made, code, unless" in note for note in notes)


def test_relations_whose_deletion_the_lock_stops_are_named(shared: Server) -> None:
    users = shared.superuser()("GET", "/api/collections/users").json()["id"]
    relation = {"type": "relation", "collectionId": users, "maxSelect": 1}
    fields = [{**relation, "name": "owner"}, {**relation, "name": "needed", "required": True}]
    name = created(shared, "letters", [TEXT, *fields])
    named = [note for note in notes_of(shared, name) if "users can't be deleted" in note]
    assert len(named) == shared.locks
    assert all("(owner)" in note for note in named)
    assert not [note for note in notes_of(shared, name, "--no-lock") if "can't be deleted" in note]


def test_rows_that_go_with_records_outside_of_the_log_are_named_unless_locked(shared: Server) -> None:
    users = shared.superuser()("GET", "/api/collections/users").json()["id"]
    owner = {"name": "of", "type": "relation", "collectionId": users, "maxSelect": 1, "cascadeDelete": True}
    name = created(shared, "diaries", [TEXT, owner])
    assert any("takes the rows that refer to it with it (of)" in note for note in notes_of(shared, name, "--no-lock"))
    assert not shared.locks or not any("with it (of)" in note for note in notes_of(shared, name))


def test_rows_that_pocketbase_would_have_deleted_with_others_are_named(shared: Server) -> None:
    lists = created(shared, "lists", [TEXT])
    id_ = shared.superuser()("GET", f"/api/collections/{lists}").json()["id"]
    entry = {"name": "of", "type": "relation", "collectionId": id_, "maxSelect": 1, "cascadeDelete": True}
    created(shared, "entries", [TEXT, entry])
    assert any("no rows of entries" in note for note in notes_of(shared, lists))
    assert not any("no rows of entries" in note for note in notes_of(shared, "entries"))
    shared.attach(lists)
    assert any("a row of lists deletes no rows of entries" in note for note in notes_of(shared, "entries"))
    shared.detach(lists)


def test_a_unique_index_counts_deleted_rows_unless_told_otherwise(server: Server) -> None:
    index = "CREATE UNIQUE INDEX idx_slug ON pages (slug) WHERE slug != ''"
    server.create_collection("pages", [{"name": "slug", "type": "text"}], indexes=[index], listRule="")
    assert any("index idx_slug" in note for note in notes_of(server, "pages"))
    assert notes_of(server, "pages", "--unique-among-live") == []
    guest, worker = server.guest(), server.worker()

    def again(item: str) -> str:
        """Delete the row with this slug, and create another; why that is rejected."""
        event = guest.append("create", item, {"slug": "home"}, "pages")
        guest.append("delete", item, None, "pages")
        worker.run_to_end(NEVER)
        return str(server.superuser().record("events", event["id"])["error"])

    server.attach("pages")
    assert [bool(again("page00000000001")), bool(again("page00000000002"))] == [False, True]
    cli(server, "attach", "pages", "--unique-among-live")
    assert [again("page00000000003"), again("page00000000004")] == ["", ""]
    guest.append("create", "page00000000005", {"slug": "home"}, "pages")
    double = guest.append("create", "page00000000006", {"slug": "home"}, "pages")
    worker.run_to_end(NEVER)
    assert "slug" in server.superuser().record("events", double["id"])["error"]
    assert as_json(server, "check", "pages")["ok"]


def test_the_help_of_deleted_says_that_rows_change_by_events(shared: Server) -> None:
    created(shared, "helped", [TEXT, {"name": "deleted", "type": "bool"}])
    cli(shared, "attach", "helped", "--allow", "")
    fields = shared.superuser()("GET", "/api/collections/helped").json()["fields"]
    mark = next(field for field in fields if field["name"] == "deleted")
    if "help" in mark:  # PocketBase has help texts since 0.38
        assert "change by events only" in mark["help"]
    shared.detach("helped")


def test_computed_fields_are_kept_and_no_event_sets_them(server: Server) -> None:
    server.create_collection("pages", [TEXT, {"name": "slug", "type": "text"}], listRule="")
    assert "nothere" in cli(server, "attach", "pages", "--computed", "nothere", code=2).stderr
    cli(server, "attach", "pages", "--allow", "", "--computed", "slug")
    guest, worker = server.guest(), server.worker()
    refused = guest.append("create", "page00000000001", {"title": "x", "slug": "y"}, "pages")
    guest.append("create", "page00000000002", {"title": "x"}, "pages")
    worker.run_to_end(NEVER)
    assert "computed" in server.superuser().record("events", refused["id"])["error"]
    assert server.superuser().records("event_targets", filter='collection = "pages"')[0]["computed"] == ["slug"]
    cli(server, "attach", "pages", "--computed", "")
    later = guest.append("update", "page00000000002", {"slug": "z"}, "pages")
    worker.run_to_end(NEVER)
    assert server.superuser().record("events", later["id"])["error"] == ""
