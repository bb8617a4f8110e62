"""In every fault, a worker's health, its metrics and `status` tell the truth, within ten seconds on an idle machine."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests
from proxy import Proxy
from support import DEADLINE, WORKER, Server, command, eventually, free_port, start_copy, unlocked
from support.command_line import cli
from support.every_command import DONE, PROBLEM, UNREACHABLE

from pocketbase_events.core.batch import HEAD_ID
from pocketbase_events.jobs.monitor import FRESH, RENEWS_WITHIN

EVERY = 1.0  # seconds between two questions, as a monitoring asks
WELL = (200, "The worker records.")


class Watched:
    """A worker behind a proxy, and what it says of its health when it is asked every second."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self.proxy = Proxy(server.port)
        stack.callback(self.proxy.close)
        self._url = f"http://127.0.0.1:{free_port()}"
        environment = {**server.environment, "POCKETBASE_URL": self.proxy.url}
        environment.pop("POCKETBASE_SUPERUSER_PASSWORD")
        stack.enter_context(command("run", "--metrics", self._url.removeprefix("http://"), env=environment))
        eventually(self._answers, "the worker's answer")

    def _answers(self) -> bool:
        try:
            return bool(self.asked())
        except requests.ConnectionError:
            return False

    def asked(self) -> tuple[int, str]:
        answer = requests.get(f"{self._url}/health", timeout=DEADLINE)
        return answer.status_code, answer.text.strip()

    def is_in_trouble(self) -> bool:
        """What the dashboard shows."""
        return "pocketbase_events_trouble 1.0" in requests.get(f"{self._url}/metrics", timeout=DEADLINE).text

    def says(self, status: int, sentence: str) -> str:
        """Wait until it says so."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found = self.asked()
            if found[0] == status and sentence in found[1]:
                return found[1]
            time.sleep(EVERY)
        raise AssertionError(f"{status} {sentence!r} was not said within {DEADLINE} s, but {found}")


@pytest.fixture(scope="module")
def watched(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """An idle worker: nothing is pending."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("health") / "pocketbase"):
        with ExitStack() as stack:
            yield Watched(server, stack)


Fault = Callable[[Watched], Callable[[], object]]  # causes it, and returns what mends it


def batch_off(watched: Watched) -> Callable[[], object]:
    def switch(enabled: bool) -> None:
        assert watched.server.superuser()("PATCH", "/api/settings", json={"batch": {"enabled": enabled}}).ok

    switch(False)
    return lambda: switch(True)


def pocketbase_down(watched: Watched) -> Callable[[], object]:
    watched.server.stop()
    return watched.server.start


def credentials_refused(watched: Watched) -> Callable[[], object]:
    root = watched.server.superuser()
    account = root.records("event_workers")[0]["id"]

    def password(new: str) -> None:
        body = {"password": new, "passwordConfirm": new}
        assert root("PATCH", f"/api/collections/event_workers/records/{account}", json=body).ok

    password("another-password")
    return lambda: password(WORKER[1])


def contradiction(watched: Watched) -> Callable[[], object]:
    def head(hash_: str) -> None:
        with unlocked(watched.server) as database:
            database.execute("UPDATE event_head SET hash = ?", (hash_,))

    head("f" * 64)
    return lambda: head("")


def rate_limit(watched: Watched) -> Callable[[], object]:
    root, worker = watched.server.superuser(), watched.server.worker_client()
    rules = [{"label": "/api/", "maxRequests": 1, "duration": 300, "audience": "@auth"}]
    assert root("PATCH", "/api/settings", json={"rateLimits": {"enabled": True, "rules": rules}}).ok
    worker.record("event_status", HEAD_ID)  # the one request that is admitted
    return lambda: root("PATCH", "/api/settings", json={"rateLimits": {"enabled": False}})


def head_held(watched: Watched) -> Callable[[], object]:
    root = watched.server.superuser()
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    until = f"{datetime.now(UTC) + timedelta(minutes=5):%Y-%m-%d %H:%M:%S}.000Z"
    assert root.batch(("PATCH", path, {"hold_by": "a rebuild", "hold_until": until})).ok
    return lambda: root.batch(("PATCH", path, {"hold_by": "", "hold_until": ""}))


def realtime_lost(watched: Watched) -> Callable[[], object]:
    watched.proxy.reset_requests_to(b"GET /api/realtime")
    watched.proxy.close_streams()
    return watched.proxy.be_well


def test_a_fault_is_told_within_ten_seconds_if_nothing_else_keeps_the_machine_busy() -> None:
    assert FRESH + RENEWS_WITHIN + EVERY < 10


def more(*values: Any) -> Any:
    """Another case, for `make test-all`."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "status", "sentence", "code", "told"),
    [
        (batch_off, 503, "batch API is switched off. Run `pocketbase-events init`", PROBLEM, "pocketbase-events init"),
        more(pocketbase_down, 503, "can't be reached", UNREACHABLE, "can't be reached"),
        more(credentials_refused, 503, "refused the worker worker@example.com", UNREACHABLE, "refused the worker"),
        more(contradiction, 503, "The log contradicts itself", PROBLEM, "The log contradicts itself"),
        more(rate_limit, 503, "rate limiter refuses us", UNREACHABLE, "rate limiter refuses us"),
        more(head_held, 200, "The head is held by a rebuild until", DONE, "held      by a rebuild until"),
        more(realtime_lost, 200, "Realtime is not connected", DONE, "head"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_health_metrics_and_status_tell_of_a_fault_though_nothing_is_pending_and_that_it_is_over(
    watched: Watched, fault: Fault, status: int, sentence: str, code: int, told: str
) -> None:
    watched.says(*WELL)
    mend = fault(watched)
    try:
        said = watched.says(status, sentence)
        assert watched.is_in_trouble() is (status != HTTPStatus.OK)
        done = cli(watched.server, "status", code=code)
        assert told in done.stdout + done.stderr
    finally:
        mend()
    assert status == HTTPStatus.OK or "It has been so for" in said
    watched.says(*WELL)
    assert not watched.is_in_trouble()
