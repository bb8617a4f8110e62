"""PocketBase's rate limiter, of which each request in a batch takes its share."""

from contextlib import ExitStack
from typing import Any

import pytest
from support import Server, check_log, create, eventually, item_id
from support.workers import is_settled, start_worker

DURATION = 2  # seconds of a rule's window; PocketBase's own default rules have 3 to 10


def limit(server: Server, *rules: tuple[str, int]) -> None:
    found = [{"label": label, "maxRequests": most, "duration": DURATION} for label, most in rules]
    answer = server.superuser()("PATCH", "/api/settings", json={"rateLimits": {"enabled": True, "rules": found}})
    assert answer.ok, answer.text


def updates(count: int) -> list[dict[str, Any]]:
    return [{"type": "update", "item_id": item_id(n), "data": {"qty": n}} for n in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("*:create", "items:create"),
        pytest.param("items:create", "items:create", marks=pytest.mark.slow),
        pytest.param("/api/collections/events/", "events:update", marks=pytest.mark.slow),
    ],
)
def test_more_events_than_a_limit_admits_at_once_are_recorded_all_the_same_and_the_limit_is_named(
    server: Server, processes: ExitStack, rule: str, says: str
) -> None:
    server.guest().append_all(*(create(n) for n in range(50)))
    limit(server, (rule, 20))
    _, log = start_worker(processes, server)
    eventually(lambda: is_settled(server), "all records")
    assert check_log(server).seq == 50
    eventually(lambda: log.has(f"the limit for {says} is met"), "the limit's name")
    assert not log.has("rejected")


@pytest.mark.slow
def test_updates_that_a_limit_does_not_admit_at_once_are_recorded_all_the_same(
    server: Server, processes: ExitStack
) -> None:
    server.guest().append_all(*(create(n) for n in range(30)), *updates(30))
    limit(server, ("items:update", 7))
    _, log = start_worker(processes, server)
    eventually(lambda: is_settled(server), "all records")
    assert check_log(server).seq == 60
    eventually(lambda: log.has("the limit for items:update is met"), "the limit's name")


@pytest.mark.slow
def test_few_batches_a_second_are_made_the_most_of(server: Server, processes: ExitStack) -> None:
    server.guest().append_all(*(create(n) for n in range(300)))
    limit(server, ("/api/batch", 1))
    _, log = start_worker(processes, server)
    eventually(lambda: is_settled(server), "all records")
    eventually(lambda: log.has("the limit for /api/batch is met"), "the limit's name")
    assert check_log(server).seq == 300
