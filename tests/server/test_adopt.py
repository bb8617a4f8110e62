"""Rows that were there before the log are put under it: an event for each, and no row touched."""

import json
import random
import signal
import sqlite3
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from support import Client, Server, check_log, command, eventually, live_rows, run_command

from pocketbase_events.core.fold import unfit
from pocketbase_events.jobs import setup
from pocketbase_events.jobs.check import find
from pocketbase_events.jobs.record.worker import Step
from pocketbase_events.pb.database import Database

NEVER = threading.Event()
NOTES = "/api/collections/notes/records"
LONG_AGO = "2001-02-03 04:05:06.789Z"

NOTE_FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "text"},
    {"name": "json", "type": "json"},
    {"name": "number", "type": "number"},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
MARK = {"name": "deleted", "type": "bool"}


def cli(server: Server, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_command(*arguments, env=server.environment)
    assert "Traceback" not in done.stderr
    assert "is a bug" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def adopt(server: Server, *more: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    return cli(server, "attach", "notes", "--allow", "", "--adopt", *more, code=code)


def is_well(server: Server, name: str = "notes", rows: int | None = None) -> None:
    """Every row is what the log says, by PocketBase as by its file, and the log is whole."""
    check_log(server)
    with closing(Database(server.data)) as database:
        for source in (server.gateway(), database):
            drift = find(source, [name], lambda pages, _, __: iter(pages))
            assert drift.differences == []
            assert unfit(drift.targets[name], drift.fold.rows[name]) == []
            assert rows is None or drift.rows[name] == rows


def commands_agree(server: Server) -> None:
    """`check` and `verify` say that all is well."""
    done = cli(server, "check", "--json")
    assert (json.loads(done.stdout)["ok"], done.stderr) == (True, "")
    assert json.loads(cli(server, "verify", "--json").stdout)["ok"] is True


def query(server: Server, sql: str, *values: Any) -> list[Any]:
    with closing(server.database()) as database:
        return database.execute(sql, values).fetchall()


def stored(server: Server, name: str = "notes") -> dict[str, dict[str, Any]]:
    """The rows as they lie in the file, the mark aside, which may be new to them."""
    with closing(server.database()) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute(f"SELECT rowid AS place, * FROM {name}")]
    for row in rows:
        row.pop("deleted", None)
    return {row["id"]: row for row in rows}


def events_of(server: Server, name: str = "notes") -> list[tuple[str, str, int, str]]:
    """Type, item, seq and error of every event of a collection, in the order of insertion."""
    return query(server, "SELECT type, item_id, seq, error FROM events WHERE collection = ? ORDER BY rowid", name)


def pending(server: Server) -> int:
    return int(query(server, "SELECT COUNT(*) FROM events WHERE seq = 0 AND error = ''")[0][0])


def attached(server: Server) -> list[str]:
    return [name for (name,) in query(server, "SELECT collection FROM event_targets ORDER BY collection")]


def note(number: int) -> str:
    return f"note{number:011d}"


def with_notes(server: Server, count: int, *more: dict[str, Any], **rules: str) -> None:
    """A collection `notes` of so many rows that nobody has attached."""
    server.create_collection("notes", [*NOTE_FIELDS, *more], **rules)
    rows = ((note(n), f"note {n}", json.dumps({"n": n}), n, LONG_AGO, LONG_AGO) for n in range(1, count + 1))
    with closing(server.database()) as database, database:
        columns = "id, text, json, number, created, updated"
        database.executemany(f"INSERT INTO notes ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)


def put(server: Server, row: str, field: str, raw: str) -> None:
    """Give a row a value as it is to lie in the file."""
    with closing(server.database()) as database, database:
        database.execute(f"UPDATE notes SET {field} = ? WHERE id = ?", (raw, row))


# -- what is recorded --------------------------------------------------------------------------------------


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
    before = query(server, "SELECT * FROM notes")
    adopt(server)
    assert query(server, "SELECT * FROM notes") == before
    expected = [("create", 1), ("create", 2), ("delete", 2), ("create", 3), ("create", 4), ("delete", 4)]
    assert [(type_, item) for type_, item, _, _ in events_of(server)] == [(type_, note(n)) for type_, n in expected]
    is_well(server, rows=4)
    shown = json.loads(cli(server, "show", "notes", "--json").stdout)
    assert [row["deleted"] for row in shown] == [False, True, False, True]


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
        names = event.keys() - {"deleted"}
        assert {name: row[name] for name in names} == {name: event[name] for name in names}
        assert not names & {"photo", "key", "secret", "updated"}


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


@pytest.mark.parametrize("lowered", [{"maxRequests": 10}, {"maxRequests": 1000, "maxBodySize": 5000}])
def test_lowered_limits_of_the_batch_api_only_make_it_slower(server: Server, lowered: dict[str, int]) -> None:
    with_notes(server, 60)
    assert server.superuser()("PATCH", "/api/settings", json={"batch": {"enabled": True, "timeout": 3, **lowered}}).ok
    adopt(server)
    assert Counter(item for _, item, *_ in events_of(server)) == {note(number): 1 for number in range(1, 61)}
    is_well(server, rows=60)


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


# -- who may do what meanwhile, and then -------------------------------------------------------------------


def append(client: Client, item: str) -> int:
    body = {"type": "create", "collection": "notes", "item_id": item, "data": {"text": "new"}}
    return client("POST", "/api/collections/events/records", json=body).status_code


def test_events_are_admitted_once_the_rows_are_adopted_and_not_before(server: Server) -> None:
    with_notes(server, 3)
    guest, root = server.guest(), server.superuser()
    assert append(guest, note(10)) == 400
    setup.freeze(server.admin(), "notes", {}, lock=None)  # as attach --adopt begins
    assert append(guest, note(10)) == 400
    assert append(root, note(10)) == 200
    # Recorded before the rows are adopted, it can't be about a row; it is rejected.
    adopt(server)
    assert [(item, bool(seq), "not attached" in error) for _, item, seq, error in events_of(server)] == [
        (note(10), False, True), (note(1), True, False), (note(2), True, False), (note(3), True, False),
    ]  # fmt: skip
    assert append(guest, note(11)) == 200
    guest.append("update", note(1), {"text": "changed"}, collection="notes")
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    assert live_rows(server, ("text",), "notes")[note(1)] == {"text": "changed"}
    is_well(server, rows=4)


def test_nobody_writes_the_rows_while_they_are_adopted(server: Server) -> None:
    with_notes(server, 3, createRule="", updateRule="", deleteRule="")
    guest, root = server.guest(), server.superuser()
    assert guest("PATCH", f"{NOTES}/{note(1)}", json={"text": "before"}).ok
    setup.freeze(server.admin(), "notes", {}, lock=None)
    before = stored(server)
    for client in (guest, root, server.user("ann")):
        assert not client("PATCH", f"{NOTES}/{note(1)}", json={"text": "meanwhile"}).ok
        assert not client("DELETE", f"{NOTES}/{note(2)}").ok
        assert not client("POST", NOTES, json={"id": note(9)}).ok
    assert stored(server) == before
    adopt(server)
    is_well(server, rows=3)


def test_nobody_but_superusers_appends_what_looks_adopted(server: Server) -> None:
    with_notes(server, 1)
    adopt(server)
    clients = (server.guest(), server.user("ann"), server.worker_client())
    for number, client in enumerate(clients, 2):
        body = {"type": "create", "collection": "notes", "item_id": note(number), "data": {}, "adopted": True}
        client("POST", "/api/collections/events/records", json=body)
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    assert query(server, "SELECT item_id FROM events WHERE adopted") == [(note(1),)]
    is_well(server)


def test_the_lock_is_as_asked_for(server: Server) -> None:
    with_notes(server, 1)
    adopt(server, "--no-lock")
    assert server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "x"}).ok
    cli(server, "attach", "notes", "--lock")
    assert not server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "y"}).ok


# -- what is refused ---------------------------------------------------------------------------------------


def everything(server: Server) -> Any:
    """Collections, triggers, events and rows: whatever a command may change."""
    collections = server.superuser()("GET", "/api/collections", params={"perPage": 500}).json()["items"]
    for collection in collections:
        collection.pop("updated")
    triggers = query(server, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
    tables = [query(server, f"SELECT * FROM {name}") for name in ("events", "event_targets", "event_head", "notes")]
    return collections, triggers, tables


def test_rows_are_not_adopted_unasked(server: Server) -> None:
    with_notes(server, 3)
    before = everything(server)
    assert "--adopt" in cli(server, "attach", "notes", "--allow", "", code=2).stderr
    assert everything(server) == before


def test_adopting_again_changes_nothing(server: Server) -> None:
    with_notes(server, 3)
    adopt(server)
    server.guest().append("update", note(1), {"text": "changed"}, collection="notes")
    server.worker().run_to_end(NEVER)
    before = everything(server)
    assert "0 rows were adopted" in adopt(server).stdout
    assert everything(server) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["notes", "--allow", "nofield = 1"], "Check the rules"),
        (["notes", "--allow", "(data.text = 1"], "don't match"),
        (["nothere"], "no collection nothere"),
        (["users"], "type auth"),
        (["events"], "only base collections"),
    ],
)
def test_what_can_not_be_attached_is_told_before_anything_is_adopted(
    server: Server, arguments: list[str], says: str
) -> None:
    with_notes(server, 3)
    before = everything(server)
    assert says in cli(server, "attach", *arguments, "--adopt", code=2).stderr
    assert everything(server) == before
    assert server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "mine"}).ok


@pytest.mark.parametrize(
    "raw",
    ["[" * 300 + "]" * 300, "[" * 5000 + "]" * 5000, "[1e400]"],
    ids=["300 levels", "5000 levels", "no double"],
)
def test_a_row_that_no_event_can_carry_is_named_and_may_be_changed_and_tried_again(server: Server, raw: str) -> None:
    with_notes(server, 400)
    put(server, note(300), "json", raw)
    root, before = server.superuser(), stored(server)
    done = adopt(server, code=1)
    assert note(300) in done.stderr
    assert "attach --adopt" in done.stderr
    assert stored(server) == before
    assert attached(server) == ["items"]
    assert append(server.guest(), note(999)) == 400
    assert root("PATCH", f"{NOTES}/{note(300)}", json={"json": {"flat": True}}).ok
    adopt(server)
    assert Counter(item for _, item, *_ in events_of(server)) == {note(number): 1 for number in range(1, 401)}
    is_well(server, rows=400)


def test_half_a_surrogate_pair_is_recorded_as_pocketbase_shows_it_or_refused(server: Server) -> None:
    with_notes(server, 3)
    put(server, note(2), "json", '{"half": "\\ud83d"}')
    done = run_command("attach", "notes", "--allow", "", "--adopt", env=server.environment)
    if done.returncode == 0:
        is_well(server, rows=3)
    else:
        assert note(2) in done.stderr


# -- attached, detached, attached again --------------------------------------------------------------------


def again(server: Server) -> None:
    """A collection `notes` that was attached, got six rows by events (the last is deleted), and was detached."""
    server.create_collection("notes", NOTE_FIELDS)
    server.attach("notes")
    guest = server.guest()
    for number in range(1, 7):
        guest.append("create", note(number), {"text": f"note {number}", "number": number}, collection="notes")
    guest.append("delete", note(6), collection="notes")
    server.worker().run_to_end(NEVER)
    server.detach("notes")


def test_rows_that_the_log_explains_are_left_alone(server: Server) -> None:
    again(server)
    assert "0 rows were adopted" in adopt(server).stdout
    assert check_log(server).seq == 7
    is_well(server, rows=6)


def test_rows_that_were_edited_while_detached_are_recorded_anew(server: Server) -> None:
    again(server)
    root = server.superuser()
    edits: list[tuple[str, str, dict[str, Any] | None]] = [
        ("PATCH", f"{NOTES}/{note(1)}", {"text": "edited", "json": {"by": "hand"}}),
        ("PATCH", f"{NOTES}/{note(2)}", {"number": 0}),
        ("PATCH", f"{NOTES}/{note(3)}", {"deleted": True}),
        ("PATCH", f"{NOTES}/{note(6)}", {"deleted": False}),
        ("POST", NOTES, {"id": note(7), "text": "new"}),
    ]
    assert root.batch(*edits).ok
    before = stored(server)
    adopt(server)
    assert stored(server) == before
    new = [(type_, item) for type_, item, seq, _ in events_of(server) if seq > 7]
    expected = [("create", 1), ("create", 2), ("create", 3), ("delete", 3), ("create", 6), ("create", 7)]
    assert new == [(type_, note(number)) for type_, number in expected]
    is_well(server, rows=7)
    server.guest().append("update", note(6), {"text": "alive"}, collection="notes")
    server.worker().run_to_end(NEVER)
    is_well(server, rows=7)


def test_a_row_that_was_removed_while_detached_is_not_passed_over_in_silence(server: Server) -> None:
    again(server)
    assert server.superuser()("DELETE", f"{NOTES}/{note(1)}").ok
    done = adopt(server)
    told = run_command("check", "notes", env=server.environment)
    # Either the log and the rows agree now, or whoever adopts is told that they don't.
    assert told.returncode == 0 or note(1) in done.stdout + done.stderr


# -- while everything goes on, and stops -------------------------------------------------------------------


def test_killed_at_any_moment_and_run_again_it_completes(server: Server) -> None:
    choose = random.Random(4)
    with_notes(server, 2000)
    before = stored(server)
    killed = []
    for kill in range(6):
        wanted = choose.randint(kill * 250, kill * 250 + 249)

        def far_enough(wanted: int = wanted, *, recorded: bool = kill % 2 == 0) -> bool:
            return sum(seq > 0 or not recorded for _, _, seq, _ in events_of(server)) >= wanted

        with command("attach", "notes", "--allow", "", "--adopt", env=server.environment) as process:
            eventually(far_enough, "some progress")
            process.kill()
            killed.append(process.wait(10) == -signal.SIGKILL)
    assert sum(killed) >= 4, "it was killed in the middle of its work"
    adopt(server)
    assert stored(server) == before
    assert attached(server) == ["items", "notes"]
    found = events_of(server)
    assert pending(server) == 0
    assert {item for type_, item, seq, _ in found if type_ == "create" and seq} == before.keys()
    assert not any(error for *_, error in found)
    assert check_log(server).seq == len(found)
    commands_agree(server)


@contextmanager
def appending(server: Server, sent: list[str]) -> Iterator[None]:
    """Three clients that append to `items` all the time."""
    stop = threading.Event()

    def append_on(name: str) -> None:
        client, number = Client(server.url), 0
        with client.session:
            while not stop.wait(0.02):
                item, number = f"{name}{number:014d}", number + 1
                sent.append(client.append("create", item, {"title": "x", "qty": number})["id"])
                sent.append(client.append("update", item, {"note": "y"})["id"])

    threads = [threading.Thread(target=append_on, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_beside_a_worker_and_clients_of_another_collection_nobody_loses_an_event(server: Server) -> None:
    with_notes(server, 1000)
    before, sent = stored(server), []
    with command("run", env=server.environment, stderr=subprocess.DEVNULL):
        with appending(server, sent):
            eventually(lambda: len(live_rows(server, ("id",))) > 5, "the first rows")
            adopt(server)
            at_end = len(sent)
            eventually(lambda: len(sent) > at_end + 20, "more events")
        eventually(lambda: pending(server) == 0, "all records")
    assert stored(server) == before
    items = events_of(server, "items")
    assert len(items) == len(sent)
    assert not any(error for *_, error in items)
    assert check_log(server).seq == len(items) + 1000
    is_well(server, rows=1000)
    commands_agree(server)


def test_a_collection_whose_adoption_was_given_up_is_given_back_by_detach(server: Server) -> None:
    with_notes(server, 300)
    with command("attach", "notes", "--allow", "", "--adopt", env=server.environment) as process:
        eventually(lambda: events_of(server), "some progress")
        process.kill()
        process.wait(10)
    cli(server, "detach", "notes")
    assert server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "free again"}).ok
    assert "is not attached" in cli(server, "detach", "notes", code=2).stderr
