"""Rows and events that a hook of the owner's refuses, with whatever status, at whatever moment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import NEVER, Server, check_log, create, item_id, live_rows, start_copy
from support.hooks import hook
from support.recording import why

from pocketbase_events.jobs.record import Step

REFUSALS = """
onRecordCreateRequest((e) => { REFUSE; e.next() }, "items");
onRecordUpdateRequest((e) => { REFUSE; e.next() }, "items");
onRecordUpdateRequest((e) => {
  if (e.record.get("collection") === "items" && e.record.get("item_id").startsWith("unmarkable"))
    throw new ApiError(Number(e.record.get("item_id").slice(10, 13)), "hands off", {});
  e.next();
}, "events");
onBatchRequest((e) => {
  for (const each of e.batch) {
    const note = String((each.body || {}).note || "");
    if (note.startsWith("whole")) throw new ApiError(Number(note.slice(5)), "no such batches", {});
  }
  e.next();
});
"""
# A handler sees nothing of what is outside of it.
REFUSE = """const said = String(e.record.get("note")).split(":");
  if (said[0] === "ApiError") throw new ApiError(Number(said[1]), said[2] || "", {});
  if (said[0] === "Error") throw new Error(said[1]);
  if (said[0] === "throw") throw said[1]"""


@pytest.fixture(scope="module")
def hooked(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase whose hooks refuse what a row's note tells them to."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("hooked") / "pocketbase"):
        hook(server, REFUSALS.replace("REFUSE", REFUSE))
        yield server


def items() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield item_id(number)


ids = items()


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 413, 418, 422, 429, 500, 501, 502, 503, 507])
@pytest.mark.parametrize("type_", ["create", "update"])
def test_a_refusal_of_whatever_status_costs_its_event_and_reaches_its_author(
    hooked: Server, type_: str, status: int
) -> None:
    guest, refusal, item, later = hooked.guest(), {"note": f"ApiError:{status}:not today"}, next(ids), next(ids)
    if type_ == "update":
        guest.append("create", item, {"title": "x"})
        hooked.worker().run_to_end(NEVER)
    bad = guest.append(type_, item, {"title": "x", **refusal} if type_ == "create" else refusal)
    guest.append("create", later, {"title": "after"})
    assert "PocketBase refused the row: Not today." in why(hooked, bad)
    assert live_rows(hooked, ("title",))[later] == {"title": "after"}
    check_log(hooked)


@pytest.mark.parametrize("note", ["Error:oops", "throw:a text", "ApiError:500", "ApiError:503", "ApiError:403"])
def test_a_hook_that_breaks_without_a_reason_stops_nobody(hooked: Server, note: str) -> None:
    guest, later = hooked.guest(), next(ids)
    bad = guest.append("create", next(ids), {"title": "x", "note": note})
    guest.append("create", later, {"title": "after"})
    assert "PocketBase refused the row" in why(hooked, bad)
    assert later in live_rows(hooked, ("id",))


@pytest.mark.parametrize("status", [400, 401, 403, 409, 500, 502, 503])
def test_a_batch_that_is_refused_as_a_whole_is_narrowed_down_to_its_event(hooked: Server, status: int) -> None:
    guest, before, later = hooked.guest(), next(ids), next(ids)
    guest.append("create", before, {"title": "before"})
    bad = guest.append("create", next(ids), {"title": "x", "note": f"whole{status}"})
    guest.append("create", later, {"title": "after"})
    assert "can't be given this event" in why(hooked, bad)
    assert {before, later} <= live_rows(hooked, ("id",)).keys()
    check_log(hooked)


def test_many_refused_events_among_many_good_ones_cost_nobody_else(hooked: Server) -> None:
    guest = hooked.guest()
    notes = {3: "ApiError:500:no", 17: "ApiError:403:no", 18: "ApiError:503:no", 60: "whole403", 61: "ApiError:409:no"}
    events = [{**create(n), "item_id": next(ids)} for n in range(100)]
    for place, note in notes.items():
        events[place]["data"] = {"title": "x", "note": note}
    guest.append_all(*events)
    worker = hooked.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert (worker.tally.recorded, worker.tally.rejected) == (95, 5)
    check_log(hooked)


@pytest.mark.parametrize("status", [403, 409, 500, 503])
@pytest.mark.slow
def test_an_event_that_can_be_neither_recorded_nor_rejected_is_left_aside_once_others_pass(
    hooked: Server, status: int, caplog_events: list[dict[str, Any]]
) -> None:
    guest, root, worker = hooked.guest(), hooked.superuser(), hooked.worker()
    stuck = guest.append("create", f"unmarkable{status}00", {"title": "x"})
    later = next(ids)
    guest.append("create", later, {"title": "after"})
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert later in live_rows(hooked, ("id",))
    assert [entry["id"] for entry in caplog_events if entry["event"] == "left_aside"] == [stuck["id"]]
    assert root.record("events", stuck["id"])["seq"] == 0
    assert root("DELETE", f"/api/collections/events/records/{stuck['id']}").status_code == 204
    check_log(hooked)
