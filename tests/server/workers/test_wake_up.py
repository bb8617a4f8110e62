"""What wakes the worker up."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import requests
from sseclient import SSEClient
from support import DEADLINE, Server, eventually
from support.workers import hears, start_worker

from pocketbase_events.jobs.retry import retry
from pocketbase_events.pb.realtime import PENDING, WakeUp


@contextmanager
def listening(server: Server, token: str) -> Iterator[list[str]]:
    """What PocketBase sends to those who subscribe as the wake-up does."""
    received: list[str] = []
    with requests.get(f"{server.url}/api/realtime", stream=True, timeout=DEADLINE) as stream:

        def receive() -> None:
            with suppress(requests.RequestException):
                for message in SSEClient(stream.iter_content(4096)).events():
                    received.append(message.data)  # noqa: PERF401 - each is to be seen when it comes

        thread = threading.Thread(target=receive)
        thread.start()
        eventually(lambda: received, "the connection")
        body = {"clientId": json.loads(received.pop())["clientId"], "subscriptions": [PENDING.subscription]}
        headers = {"Authorization": token}
        assert requests.post(f"{server.url}/api/realtime", json=body, headers=headers, timeout=DEADLINE).ok
        yield received
        stream.raw.shutdown()
        thread.join(DEADLINE)


def test_only_pending_events_wake_a_worker(server: Server) -> None:
    gateway, worker, wake = server.gateway(), server.worker(), threading.Event()
    waking = WakeUp(server.url, gateway.token, lambda _: wake.set())
    waking.start()
    assert wake.wait(DEADLINE), "the connection wakes it"
    with ExitStack() as stack, listening(server, gateway.token()) as received:
        stack.callback(waking.stop)
        guest = server.guest()
        for number, title in enumerate(("recorded", "rejected")):
            wake.clear()
            event = guest.append("create", "item00000000001", {"title": "x"})
            assert wake.wait(DEADLINE), f"the event to be {title}"
            wake.clear()
            worker.run_to_end(threading.Event())
            eventually(lambda count=2 * number + 2: len(received) == count, f"the message that it is {title}")
            assert not wake.wait(0.2)
        retry(server.admin(), [event["id"]], everything=False)
        assert wake.wait(DEADLINE), "the event to be retried"


@pytest.mark.parametrize("message", ["", "no JSON", "[]", "null", '{"record": null}', '{"record": {}}'])
def test_a_message_that_cannot_be_read_wakes_the_worker_to_be_sure(message: str) -> None:
    assert PENDING.news(message) == [None]


def test_realtime_wakes_the_worker_at_once(server: Server, processes: ExitStack) -> None:
    start_worker(processes, server)
    eventually(lambda: hears(server), "three records in a row that take no look")
