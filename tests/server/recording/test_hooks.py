"""The owner's own hooks."""

from contextlib import suppress

from support import NEVER, Server, check_log, live_rows
from support.hooks import hook
from support.recording import why

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.record import Step


def test_what_a_hook_says_against_a_row_reaches_the_author(server: Server) -> None:
    refusal = 'if (e.record.get("qty") == 13) throw new BadRequestError("No 13.")'
    hook(server, f'onRecordCreate((e) => {{ {refusal}; e.next() }}, "items")')
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x", "qty": 12})
    bad = guest.append("create", "item00000000002", {"title": "x", "qty": 13})
    assert "No 13." in why(server, bad)
    assert check_log(server).seq == 1


def test_a_hook_that_fails_after_the_commit_doubles_nothing(server: Server) -> None:
    hook(server, 'onRecordAfterCreateSuccess((e) => { e.next(); throw new Error("too late") }, "items")')
    guest, worker = server.guest(), server.worker()
    for number in range(3):
        guest.append("create", f"item{number:011d}", {"title": "x"})
        with suppress(TroubleError):
            worker.run_to_end(NEVER)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 3
    assert len(live_rows(server, ("id",))) == 3
