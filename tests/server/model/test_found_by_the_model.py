"""What the model led to."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from support import NEVER, Server, check_log, create, live_rows, query
from support import item_id as nth

from pocketbase_events.core.transaction import Outcome, Transaction
from pocketbase_events.errors import ProblemError
from pocketbase_events.jobs.record import Step
from pocketbase_events.jobs.retry import retry


def test_a_worker_that_finds_each_rejection_made_already_is_in_no_trouble(server: Server) -> None:
    server.guest().append_all(*({"type": "update", "item_id": f"none{n:011d}", "data": {"no": 1}} for n in range(400)))
    faster, slower = server.worker(), server.worker()
    gateway = slower._gateway  # noqa: SLF001 - another worker comes in between, again and again
    transact = gateway.transact

    def transact_late(transaction: Transaction, **waits: float) -> Outcome:
        faster.run_once()
        return transact(transaction, **waits)

    gateway.transact = transact_late  # type: ignore[method-assign]
    while slower.run_to_end(NEVER) is not Step.IDLE:
        pass
    assert query(server, "SELECT COUNT(*) FROM events WHERE seq = 0 AND error != ''") == [(400,)]
    check_log(server)


@pytest.mark.parametrize("column", ["note", "NOTE", "[Note]"])
def test_an_event_that_comes_first_has_the_unique_value_however_the_index_spells_its_field(
    server: Server, column: str
) -> None:
    indexes = [f"CREATE UNIQUE INDEX `idx_note` ON `items` ({column}) WHERE `title` = 'x'"]
    assert server.superuser()("PATCH", "/api/collections/items", json={"indexes": indexes}).ok
    guest = server.guest()
    guest.append("create", nth(1), {"title": "x"})
    first = guest.append("create", nth(2), {"title": "x", "note": "a"})
    late = guest.append("update", nth(1), {"note": "a"})
    server.worker().run_to_end(NEVER)
    assert server.superuser().record("events", first["id"])["error"] == ""
    assert "note: " in server.superuser().record("events", late["id"])["error"]
    assert live_rows(server, ("note",)) == {nth(1): {"note": ""}, nth(2): {"note": "a"}}


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes 20 times, without the five slowest: then something else may have kept the machine busy."""
    times = []
    for _ in range(20):
        started = time.monotonic()
        work()
        times.append(time.monotonic() - started)
    return sum(sorted(times)[:15])


def test_reading_a_short_log_keeps_nobody_waiting(server: Server) -> None:
    # PocketBase answers who asks for what is not there again and again up to half a second late.
    server.guest().append_all(create(1), create(2))
    server.worker().run_to_end(NEVER)
    gateway = server.gateway()
    assert [event.seq for page in gateway.log(0, 2) for event in page] == [1, 2]
    assert seconds(lambda: list(gateway.log(0, 2))) < 1


def test_looking_for_rows_that_are_missing_keeps_nobody_waiting(server: Server) -> None:
    server.create_collection("notes", [{"name": "body", "type": "text"}])
    server.attach("notes")
    gateway = server.gateway()
    target = gateway.targets()["notes"]
    assert gateway.rows_by_id(target, [nth(1)]) == {}
    assert seconds(lambda: gateway.rows_by_id(target, [nth(1)])) < 1


def test_rejected_events_are_retried_whatever_the_limits_of_the_batch_api(server: Server) -> None:
    server.guest().append_all(*({"type": "update", "item_id": nth(n), "data": {"no": 1}} for n in range(30)))
    server.worker().run_to_end(NEVER)
    batch = {"enabled": True, "maxRequests": 10, "timeout": 3}
    assert server.superuser()("PATCH", "/api/settings", json={"batch": batch}).ok
    assert len(retry(server.admin(), [], everything=True)) == 30


def test_a_retry_reports_that_the_batch_api_is_off(server: Server) -> None:
    server.guest().append("update", nth(1), {"no": 1})
    server.worker().run_to_end(NEVER)
    batch = {"enabled": False, "maxRequests": 0, "timeout": 0}
    assert server.superuser()("PATCH", "/api/settings", json={"batch": batch}).ok
    with pytest.raises(ProblemError, match="Batch requests are not allowed"):
        retry(server.admin(), [], everything=True)
