"""A collection that is attached, detached and attached again."""

from typing import Any

from support import NEVER, Server, check_log, run_command
from support.adopting import NOTE_FIELDS, NOTES, adopt, events_of, is_well, note, stored


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


def unstamped(server: Server) -> dict[str, dict[str, Any]]:
    """The rows as they lie in the file, without `updated`: a row that had a seq before gets a new one."""
    return {key: {**row, "updated": None} for key, row in stored(server).items()}


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
    before = unstamped(server)
    adopt(server)
    assert unstamped(server) == before
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
