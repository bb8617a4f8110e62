"""Streams and answers that get lost between worker and PocketBase."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from proxy import Proxy
from support import DEADLINE, Server, check_log, eventually, live_rows, seq_of
from support.workers import hears, is_settled, start_worker

from pocketbase_events.pb.realtime import WakeUp


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A network between the worker and PocketBase."""
    between = Proxy(server.port)
    yield between
    between.close()


@pytest.mark.slow
def test_a_stream_that_died_silently_is_noticed_and_replaced(
    server: Server, processes: ExitStack, proxy: Proxy
) -> None:
    start_worker(processes, server, POCKETBASE_URL=proxy.url)
    guest = server.guest()
    guest.append("create", "item00000000001", {"title": "x"})
    eventually(lambda: seq_of(server) == 1, "the first record")
    proxy.silence_streams()
    guest.append("create", "item00000000002", {"title": "x"})
    eventually(lambda: seq_of(server) == 2, "the record that polling finds")
    eventually(lambda: hears(server), "the new stream")
    check_log(server)


@pytest.mark.slow
def test_a_stream_is_connected_again_though_the_network_swallowed_the_first_attempt(
    server: Server, proxy: Proxy
) -> None:
    proxy.swallow()
    wake_up = WakeUp(proxy.url, server.gateway().token, lambda _: None)
    wake_up.start()
    try:
        eventually(lambda: proxy.hits, "the attempt")
        proxy.be_well()
        eventually(lambda: wake_up.connected, "the stream")
    finally:
        wake_up.stop()


def test_an_answer_that_got_lost_after_the_commit_doubles_nothing(
    server: Server, processes: ExitStack, proxy: Proxy
) -> None:
    _, log = start_worker(processes, server, POCKETBASE_URL=proxy.url)
    guest = server.guest()
    for number in range(5):
        proxy.dropped.clear()
        proxy.drop_the_answer_to(b"POST /api/batch")
        guest.append("create", f"item{number:011d}", {"title": "x"})
        assert proxy.dropped.wait(DEADLINE)
        eventually(lambda: is_settled(server), "the record")
    guest.append("update", "item00000000000", {"qty": 1})
    eventually(lambda: seq_of(server) == 6, "the last record")
    check_log(server)
    assert len(live_rows(server, ("id",))) == 5
    assert not log.has("conflict")
    assert not log.has("rejected")
