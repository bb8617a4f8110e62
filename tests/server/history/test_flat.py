"""The history of an item takes the same time however long the log is."""

import time

import pytest
from support import Server, eventually, fill_log, item_id

from pocketbase_events.jobs.history import history


def seconds(server: Server, item: str) -> tuple[float, float]:
    """How long a client and the command's job take, at best: a search through the log would take a hundred times."""
    gateway, client = server.gateway(), server.worker_client()
    took: tuple[list[float], list[float]] = ([], [])
    wanted = {"filter": f'collection = "items" && item_id = "{item}"', "sort": "seq"}
    for _ in range(20):
        started = time.perf_counter()
        assert [event["type"] for event in client.records("events", **wanted)] == ["create", *["update"] * 4]
        took[0].append(time.perf_counter() - started)
        started = time.perf_counter()
        assert len(list(history(gateway, "items", item))) == 5
        took[1].append(time.perf_counter() - started)
    return min(took[0]), min(took[1])


@pytest.mark.slow
def test_the_history_of_an_item_is_found_by_its_index(server: Server) -> None:
    server.stop()
    fill_log(server, 1_000)
    server.start()
    short = seconds(server, item_id(100))
    server.stop()
    fill_log(server, 100_000)
    server.start()

    def as_fast() -> bool:
        return all(one < 5 * other for one, other in zip(seconds(server, item_id(10_000)), short, strict=True))

    eventually(as_fast, "a history that is found as fast in the long log, while the machine has nothing else to do")
