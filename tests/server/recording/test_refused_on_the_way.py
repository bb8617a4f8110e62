"""Transactions that a proxy refuses, that take too long, or that nobody answers."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from proxy import Proxy, page
from support import DEADLINE, Server, check_log, create, item_id, live_rows
from support.hooks import hook

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.record import Step, Worker, run

NEVER = threading.Event()
BATCH = b"POST /api/batch"


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    between = Proxy(server.port)
    yield between
    between.close()


@pytest.fixture
def worker(server: Server, proxy: Proxy) -> Iterator[Worker]:
    """A worker behind the proxy."""
    with run.gateway(server.settings(url=proxy.url), answers_within=DEADLINE) as seen:
        yield run.worker(seen)


def error_of(server: Server, event: dict[str, Any]) -> str:
    return str(server.superuser().record("events", event["id"])["error"])


def larger_than(limit: int, answer: bytes) -> Callable[[bytes], bytes | None]:
    """A proxy's limit of the body's size."""

    def guard(request: bytes) -> bytes | None:
        return answer if len(request) > limit and request.startswith(BATCH) else None

    return guard


def that_holds(word: bytes, answer: bytes) -> Callable[[bytes], bytes | None]:
    """A firewall that does not like a word in a batch."""

    def guard(request: bytes) -> bytes | None:
        return answer if word in request and request.startswith(BATCH) else None

    return guard


def test_a_proxy_that_takes_no_large_bodies_makes_transactions_smaller(
    server: Server, proxy: Proxy, worker: Worker
) -> None:
    server.guest().append_all(*(create(number) for number in range(200)))
    proxy.guard(larger_than(5_000, page("413 Request Entity Too Large")))
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 200
    assert proxy.hits


def test_an_event_that_alone_is_too_large_for_a_proxy_is_rejected(server: Server, proxy: Proxy, worker: Worker) -> None:
    guest = server.guest()
    guest.append("create", item_id(1), {"title": "before"})
    bad = guest.append("create", item_id(2), {"title": "x" * 4000})
    guest.append("create", item_id(3), {"title": "after"})
    proxy.guard(larger_than(4000, page("413 Payload Too Large")))
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert "a proxy before it" in error_of(server, bad)
    assert live_rows(server, ("id",)).keys() == {item_id(1), item_id(3)}


@pytest.mark.parametrize(
    "status", ["403 Forbidden", "406 Not Acceptable", "500 Internal Server Error", "502 Bad Gateway", "504 Time-out"]
)
def test_an_event_that_a_firewall_refuses_is_rejected_and_the_others_go_on(
    server: Server, proxy: Proxy, worker: Worker, status: str
) -> None:
    guest = server.guest()
    guest.append_all(*(create(number) for number in range(30)))
    bad = guest.append("create", item_id(30), {"title": "<script>"})
    guest.append("create", item_id(31), {"title": "after"})
    proxy.guard(that_holds(b"<script>", page(status)))
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert re.search(rf"can't be given this event: .*{status[:3]}", error_of(server, bad))
    assert check_log(server).seq == 31


def test_a_firewall_that_refuses_every_transaction_is_trouble_and_costs_no_event(
    server: Server, proxy: Proxy, worker: Worker
) -> None:
    server.guest().append("create", item_id(1), {"title": "x"})
    proxy.guard(that_holds(b"event_head", page("403 Forbidden")))
    for _ in range(10):
        with pytest.raises(TroubleError, match="403"):
            worker.run_to_end(NEVER)
    proxy.be_well()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 1


def test_a_page_for_people_is_no_commit(server: Server, proxy: Proxy, worker: Worker) -> None:
    server.guest().append("create", item_id(1), {"title": "x"})
    proxy.guard(that_holds(b"event_head", page("200 OK")))
    with pytest.raises(TroubleError):
        worker.run_to_end(NEVER)
    proxy.be_well()
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert (worker.tally.recorded, check_log(server).seq) == (1, 1)


def test_a_transaction_that_is_carried_out_after_it_was_given_up_is_not_taken_for_another_workers(
    server: Server, proxy: Proxy, worker: Worker
) -> None:
    server.guest().append_all(*(create(number) for number in range(30)))
    late: list[bytes] = []

    def guard(request: bytes) -> bytes | None:
        is_transaction = request.startswith(BATCH) and b"event_head" in request
        if is_transaction and not late:
            late.append(request)
            return page("504 Gateway Time-out")
        if is_transaction and len(late) == 1:
            late.append(sent_on(server, late[0]))
        return None

    proxy.guard(guard)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert late[1].startswith(b"HTTP/1.1 200")
    assert check_log(server).seq == 30


def sent_on(server: Server, request: bytes) -> bytes:
    """How PocketBase's answer to a request begins."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request)
        return connection.recv(65536)


def test_answers_that_get_lost_cost_no_event_and_double_nothing(server: Server, proxy: Proxy, worker: Worker) -> None:
    server.guest().append_all(*(create(number) for number in range(100)))
    proxy.drop_the_answer_to(BATCH, 3)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert (worker.tally.recorded, worker.tally.rejected) == (100, 0)
    assert check_log(server).seq == 100


SLEEP = """onRecordCreateRequest((e) => {
  const wait = String(e.record.get("title")).match(/^sleep (\\d+)$/);
  if (wait) sleep(Number(wait[1]));
  e.next();
}, "items")"""


def set_time_out(server: Server, seconds: int) -> None:
    settings = {"batch": {"enabled": True, "maxRequests": 1000, "timeout": seconds}}
    assert server.superuser()("PATCH", "/api/settings", json=settings).ok


def test_an_event_that_takes_longer_than_the_time_out_is_rejected_and_the_others_go_on(
    server: Server, worker: Worker
) -> None:
    hook(server, SLEEP)
    guest = server.guest()
    guest.append_all(*(create(number) for number in range(60)))
    bad = guest.append("create", item_id(60), {"title": "sleep 1500"})
    guest.append_all(*(create(number) for number in range(61, 100)))
    set_time_out(server, 1)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert "longer than its batch time-out" in error_of(server, bad)
    assert check_log(server).seq == 99


@pytest.mark.slow
def test_a_time_out_that_was_raised_is_followed(server: Server, proxy: Proxy, worker: Worker) -> None:
    hook(server, SLEEP)
    set_time_out(server, 10)
    guest = server.guest()
    guest.append_all(create(1), {**create(2), "data": {"title": "sleep 4500"}}, create(3))
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert check_log(server).seq == 3
    # From then on it is waited for at once, and its collection's rows are written alone.
    guest.append_all({**create(4), "data": {"title": "sleep 4500"}}, create(5))
    attempts: list[bytes] = []
    proxy.guard(lambda request: attempts.append(request) if b"sleep 4500" in request else None)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert len(attempts) == 1
    assert check_log(server).seq == 5


@pytest.mark.slow
@pytest.mark.parametrize("endings", [1, 4])
def test_an_event_that_is_only_sometimes_slow_is_recorded_in_the_end(
    server: Server, worker: Worker, endings: int
) -> None:
    script = f"""onRecordCreateRequest((e) => {{
      const times = $app.store().get("times") || 0;
      $app.store().set("times", times + 1);
      if (times < {endings}) sleep(1500);
      e.next();
    }}, "items")"""
    hook(server, script)
    server.guest().append_all(create(1), create(2))
    set_time_out(server, 1)
    assert worker.run_to_end(NEVER) is Step.IDLE
    assert (worker.tally.recorded, worker.tally.rejected) == ((2, 0) if endings == 1 else (1, 1))
