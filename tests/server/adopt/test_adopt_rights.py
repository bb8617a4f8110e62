"""Who may do what while rows are adopted, and afterwards."""

from support import NEVER, Server, live_rows, query
from support.adopting import NOTES, adopt, append, events_of, is_well, note, stored, with_notes
from support.command_line import cli

from pocketbase_events.jobs.adopt import freeze
from pocketbase_events.jobs.attach_plan import Wish, plan
from pocketbase_events.jobs.record import Step
from pocketbase_events.jobs.targets import installation


def freeze_notes(server: Server) -> None:
    admin = server.admin()
    freeze(admin, plan(admin, installation(admin), "notes", Wish()))


def test_events_are_admitted_once_the_rows_are_adopted_and_not_before(server: Server) -> None:
    with_notes(server, 3)
    guest, root = server.guest(), server.superuser()
    assert append(guest, note(10)) == 400
    freeze_notes(server)  # as attach --adopt begins
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
    freeze_notes(server)
    before = stored(server)
    for client in (guest, root, server.user("ann")):
        assert not client("PATCH", f"{NOTES}/{note(1)}", json={"text": "meanwhile"}).ok
        assert not client("DELETE", f"{NOTES}/{note(2)}").ok
        assert not client("POST", NOTES, json={"id": note(9)}).ok
    assert stored(server) == before
    adopt(server)
    is_well(server, rows=3)


def test_only_superusers_append_what_looks_adopted(server: Server) -> None:
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
