"""Events that PocketBase lets nobody change, or that make it crash: the line goes on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import NEVER, Server, check_log, eventually, item_id, live_rows, query, start_copy, unlocked
from support.hooks import hook
from support.working import working

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.record import Step
from pocketbase_events.jobs.status import report

HOOKS = """
onRecordUpdateRequest((e) => {
  const [what, status] = e.record.get("reason").split(" ");
  if (what === "stuck") throw new ApiError(Number(status), "", {});
  if (what === "named") throw new BadRequestError("", { hash: new ValidationError("odd", "not this one") });
  if (what === "unrecorded" && e.record.get("seq") > 0) throw new ApiError(Number(status), "hands off", {});
  if (what === "sleep") sleep(5000);
  if (what === "crash") $os.exit(1);
  e.next();
}, "events");
onBatchRequest((e) => {
  for (const record of $app.findAllRecords("events", $dbx.hashExp({ reason: "vanishing" }))) $app.delete(record);
  e.next();
});
onRecordCreateRequest((e) => {
  if (e.record.get("note") === "crash") $os.exit(1);
  e.next();
}, "items");
"""
RECORDED = "SELECT seq FROM events WHERE id = ? AND seq > 0"


@pytest.fixture(scope="module")
def hooked(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase whose hooks refuse to change events, by their reasons."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("untouchable") / "pocketbase"):
        hook(server, HOOKS)
        yield server


ids = iter(range(1, 10_000))


def append(server: Server, reason: str = "", **data: Any) -> dict[str, Any]:
    return dict(server.guest().append("create", item_id(next(ids)), {"title": "x", **data}, reason=reason))


def event(server: Server, appended: dict[str, Any]) -> dict[str, Any]:
    return server.superuser().record("events", appended["id"])


def dismiss(server: Server, appended: dict[str, Any]) -> None:
    assert server.superuser()("DELETE", f"/api/collections/events/records/{appended['id']}").status_code == 204


@pytest.mark.parametrize("reason", ["stuck 404", "named", pytest.param("sleep", marks=pytest.mark.slow)])
def test_an_event_that_can_be_neither_recorded_nor_rejected_is_passed_over_and_stays_pending(
    hooked: Server, reason: str, caplog_events: list[dict[str, Any]]
) -> None:
    before, stuck, later = (append(hooked, each) for each in ("", reason, ""))
    worker = hooked.worker()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert event(hooked, before)["seq"] < event(hooked, later)["seq"]
    assert (event(hooked, stuck)["seq"], event(hooked, stuck)["error"]) == (0, "")
    assert [each["id"] for each in caplog_events if each["event"] == "left_aside"] == [stuck["id"]]
    check_log(hooked)
    dismiss(hooked, stuck)


def test_status_names_an_event_that_is_passed_over(hooked: Server) -> None:
    stuck, _ = append(hooked, "stuck 403"), append(hooked)
    hooked.worker().run_to_end(NEVER)
    with unlocked(hooked) as database:
        database.execute("UPDATE events SET created = '2026-01-01 00:00:00.000Z' WHERE seq = 0")
    told = report(hooked.gateway(), lambda _: None, lambda: datetime.now(UTC)).problems
    assert [
        each for each in told if f"The event {stuck['id']} (create items {stuck['item_id']}) is passed over" in each
    ]
    dismiss(hooked, stuck)


@pytest.mark.parametrize("status", [403, 404])
def test_an_event_that_can_be_rejected_only_is_rejected(hooked: Server, status: int) -> None:
    refused, later = append(hooked, f"unrecorded {status}"), append(hooked)
    assert hooked.worker().run_to_end(NEVER) is Step.IDLE
    assert event(hooked, refused)["error"].startswith("PocketBase refused the event: Hands off.")
    assert event(hooked, later)["seq"] > 0


def test_if_it_is_alone_it_is_trouble_until_another_event_passes(hooked: Server) -> None:
    stuck, worker = append(hooked, "stuck 404"), hooked.worker()
    with pytest.raises(TroubleError, match=stuck["id"]):
        worker.run_to_end(NEVER)
    later = append(hooked)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert event(hooked, later)["seq"] > 0
    dismiss(hooked, stuck)


def test_an_event_that_is_deleted_meanwhile_is_not_taken_for_one_that_is_refused(hooked: Server) -> None:
    gone, later = append(hooked, "vanishing"), append(hooked)
    assert hooked.worker().run_to_end(NEVER) is Step.IDLE
    assert hooked.superuser()("GET", f"/api/collections/events/records/{gone['id']}").status_code == 404
    assert event(hooked, later)["seq"] > 0
    check_log(hooked)


@pytest.mark.slow
def test_an_event_that_makes_pocketbase_crash_is_rejected_and_others_go_on(hooked: Server) -> None:
    with restarted(hooked):
        before, bad, later = append(hooked), append(hooked, note="crash"), append(hooked, title="after")
        with working(hooked):
            eventually(lambda: query(hooked, RECORDED, later["id"]), "the event after it", 120)
    assert "gave no answer" in event(hooked, bad)["error"]
    assert live_rows(hooked, ("title",))[later["item_id"]] == {"title": "after"}
    assert event(hooked, before)["seq"] < event(hooked, later)["seq"]
    check_log(hooked)


@pytest.mark.slow
def test_an_event_whose_every_change_makes_pocketbase_crash_is_passed_over(hooked: Server) -> None:
    with restarted(hooked):
        bad, later = append(hooked, "crash"), append(hooked)
        with working(hooked):
            eventually(lambda: query(hooked, RECORDED, later["id"]), "the event after it", 120)
    assert (event(hooked, bad)["seq"], event(hooked, bad)["error"]) == (0, "")
    check_log(hooked)
    dismiss(hooked, bad)


def test_its_group_is_passed_over_with_it_and_recorded_whole_once_the_hook_is_mended(server: Server) -> None:
    hook(server, HOOKS)
    bodies = [
        {"id": f"group{n:010d}", "type": "create", "collection": "items", "item_id": item_id(next(ids)),
         "data": {"title": "x"}, "together": "save", "reason": "stuck 404" if n == 1 else ""}
        for n in range(3)
    ]  # fmt: skip
    assert server.guest().batch(*(("POST", "/api/collections/events/records", body) for body in bodies)).ok
    later = append(server)
    server.worker().run_to_end(NEVER)
    assert event(server, later)["seq"] > 0
    assert {(event(server, body)["seq"], event(server, body)["error"]) for body in bodies} == {(0, "")}
    hook(server, "")
    server.worker().run_to_end(NEVER)
    seqs = [event(server, body)["seq"] for body in bodies]
    assert seqs == [seqs[0], seqs[0] + 1, seqs[0] + 2]
    assert seqs[0] > event(server, later)["seq"]
    check_log(server, retried=True)


@contextmanager
def restarted(server: Server) -> Iterator[None]:
    """Start PocketBase anew whenever it ends, as a service manager does."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            if server.process is not None and server.process.poll() is not None:
                server.launch()  # it may crash before it is seen to be healthy

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
