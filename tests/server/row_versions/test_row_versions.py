"""Rows carry the seq of the last event that changed them."""

import json
from typing import Any

import pytest
from support import NEVER, Server, seq_of
from support.checking import silent
from support.command_line import as_json, cli
from support.recording import outcome, why


def schema(server: Server, name: str) -> dict[str, Any]:
    return dict(server.superuser()("GET", f"/api/collections/{name}").json())


def seqs(server: Server, name: str, **params: Any) -> dict[str, int]:
    return {row["id"]: row["seq"] for row in server.superuser().records(name, **params)}


def row(number: int) -> str:
    return f"row{number:012d}"


def test_attach_adds_a_field_with_an_index_and_rows_carry_the_seq_of_their_last_event(
    shared: Server, notes: str
) -> None:
    cli(shared, "attach", notes, "--allow", "")
    field = schema(shared, notes)["fields"][-1]
    assert (field["name"], field["type"], field["onlyInt"]) == ("seq", "number", True)
    assert "help" not in field or "No event sets it" in field["help"]  # PocketBase has help texts since 0.38
    assert any("(`seq`)" in index for index in schema(shared, notes)["indexes"])
    guest, start = shared.guest(), seq_of(shared)
    for type_, number, data in (
        ("create", 1, {"title": "a"}),
        ("create", 2, None),
        ("create", 3, None),
        ("update", 1, {"title": "b"}),
        ("delete", 2, None),
    ):
        guest.append(type_, row(number), data, notes)
    shared.worker().run_to_end(NEVER)
    changed = guest.records(notes, filter=f"seq > {start + 3}", sort="seq")
    assert [(each["id"], each["seq"], each["deleted"]) for each in changed] == [
        (row(1), start + 4, False),
        (row(2), start + 5, True),
    ]
    silent(shared, notes)


def test_without_versions_rows_have_no_seq(shared: Server, notes: str) -> None:
    cli(shared, "attach", notes, "--allow", "", "--no-seq")
    assert "seq" not in {field["name"] for field in schema(shared, notes)["fields"]}
    shared.guest().append("create", row(1), None, notes)
    refused = why(shared, shared.guest().append("update", row(1), {"title": "b"}, notes, expected_seq=1))
    assert "carry no seq" in refused


def test_a_field_seq_of_its_own_stays_the_owners(shared: Server, notes: str) -> None:
    shared.edit_fields(notes, lambda fields: fields.append({"name": "seq", "type": "number"}))
    assert 'Its own field "seq" stays' in cli(shared, "attach", notes, "--allow", "").stderr
    assert 'field "seq" of its own' in cli(shared, "attach", notes, "--seq", code=2).stderr
    shared.guest().append("create", row(1), {"seq": 77}, notes)
    assert outcome(shared, shared.guest().append("update", row(1), {"title": "b"}, notes))["seq"] > 0
    assert seqs(shared, notes) == {row(1): 77}
    silent(shared, notes)


@pytest.mark.parametrize("given", [("create", {"seq": 5}), ("update", {"seq": 5}), ("update", {"seq+": 5})])
def test_no_event_sets_it(shared: Server, notes: str, given: tuple[str, Any]) -> None:
    shared.attach(notes)
    type_, data = given
    if type_ == "update":
        shared.guest().append("create", row(1), None, notes)
    assert "Leave it out of data" in why(shared, shared.guest().append(type_, row(1), data, notes))
    cli(shared, "attach", notes, "--no-seq")
    assert "Leave it out of data" in why(shared, shared.guest().append(type_, row(1), data, notes))


@pytest.mark.slow
def test_a_collection_that_is_attached_gets_it_later_with_its_deleted_rows(shared: Server, notes: str) -> None:
    shared.attach(notes)
    cli(shared, "attach", notes, "--no-seq")
    guest, start = shared.guest(), seq_of(shared)
    for number in (1, 2, 3):
        guest.append("create", row(number), None, notes)
    guest.append("update", row(1), {"title": "x"}, notes)
    guest.append("delete", row(2), None, notes)
    shared.worker().run_to_end(NEVER)
    assert set(seqs(shared, notes).values()) == {0}
    told = cli(shared, "attach", notes, "--seq", "--history", "", "--dry-run").stderr
    assert all(word in told for word in ("its rows get a field seq", "shown to their actors, and to: everyone"))
    assert "3 rows were given their seq" in cli(shared, "attach", notes, "--seq").stdout
    assert seqs(shared, notes) == {row(1): start + 4, row(2): start + 5, row(3): start + 3}
    silent(shared, notes)
    assert "0 rows were given their seq" in cli(shared, "attach", notes, "--seq").stdout
    assert as_json(shared, "status")["ok"]


def test_rows_that_pocketbase_refuses_to_change_are_told_with_what_to_do(shared: Server, notes: str) -> None:
    cli(shared, "attach", notes, "--allow", "", "--no-seq")
    start = seq_of(shared)
    outcome(shared, shared.guest().append("create", row(1), None, notes))
    shared.edit_fields(notes, lambda fields: fields.append({"name": "code", "type": "text", "required": True}))
    told = cli(shared, "attach", notes, "--seq", code=1).stderr
    assert f"1 rows of {notes} could not be given their seq, {row(1)} first: " in told
    assert f"code: Cannot be blank. (created by seq {start + 1}) Put that right, then run: " in told
    assert f"pocketbase-events attach {notes} --seq" in told
    shared.edit_fields(notes, lambda fields: [each.update(required=False) for each in fields if each["name"] == "code"])
    assert "1 rows were given their seq" in cli(shared, "attach", notes, "--seq").stdout


def test_filling_in_that_was_interrupted_is_told_and_run_again(shared: Server, notes: str) -> None:
    cli(shared, "attach", notes, "--allow", "", "--no-seq")
    guest, start = shared.guest(), seq_of(shared)
    guest.append("create", row(1), None, notes)
    target = next(each for each in shared.superuser().records("event_targets") if each["collection"] == notes)
    shared.admin().update("event_targets", target["id"], versioned=True)  # and the collection is not changed yet
    assert outcome(shared, guest.append("update", row(1), {"title": "x"}, notes))["seq"] == start + 2
    assert f"attach {notes} --seq" in as_json(shared, "status", code=1)["problems"][0]
    cli(shared, "attach", notes, "--seq")
    assert seqs(shared, notes) == {row(1): start + 2}
    assert as_json(shared, "status")["ok"]


def test_rebuild_resets_a_seq_that_was_changed_by_hand(shared: Server, notes: str) -> None:
    cli(shared, "attach", notes, "--allow", "", *(["--no-lock"] if shared.locks else []))
    seq = outcome(shared, shared.guest().append("create", row(1), None, notes))["seq"]
    assert shared.superuser()("PATCH", f"/api/collections/{notes}/records/{row(1)}", json={"seq": 4711}).ok
    told = as_json(shared, "check", notes, code=1)["differences"]
    assert [each["fields"] for each in told] == [{"seq": [seq, 4711]}]
    cli(shared, "rebuild", notes)
    assert seqs(shared, notes) == {row(1): seq}


def test_adopted_rows_have_0_until_an_event_changes_them(shared: Server, notes: str) -> None:
    root, guest = shared.superuser(), shared.guest()
    for number in (1, 2):
        assert root("POST", f"/api/collections/{notes}/records", json={"id": row(number), "title": "a"}).ok
    cli(shared, "attach", notes, "--allow", "", "--adopt")
    assert set(seqs(shared, notes).values()) == {0}
    seq = outcome(shared, guest.append("update", row(1), {"title": "b"}, notes))["seq"]
    assert seqs(shared, notes) == {row(1): seq, row(2): 0}
    silent(shared, notes)


def test_detach_leaves_it_and_adopting_again_brings_it_up_to_date(shared: Server, notes: str) -> None:
    shared.attach(notes)
    guest, root = shared.guest(), shared.superuser()
    first = outcome(shared, guest.append("create", row(1), {"title": "a"}, notes))["seq"]
    shared.detach(notes)
    assert seqs(shared, notes) == {row(1): first}
    assert root("POST", f"/api/collections/{notes}/records", json={"id": row(2), "seq": 12345}).ok
    done = cli(shared, "attach", notes, "--allow", "", "--adopt")
    assert "1 rows were given their seq" in done.stdout
    assert seqs(shared, notes) == {row(1): first, row(2): seq_of(shared)}
    silent(shared, notes)
    assert "seq" not in json.dumps(guest.records("events", filter="1 = 1"))


def test_status_misses_the_index(shared: Server, notes: str) -> None:
    shared.attach(notes)
    assert shared.superuser()("PATCH", f"/api/collections/{notes}", json={"indexes": []}).ok
    assert f"attach {notes}" in next(
        problem for problem in as_json(shared, "status", code=1)["problems"] if "index" in problem
    )
    cli(shared, "attach", notes)
    assert as_json(shared, "status")["ok"]
