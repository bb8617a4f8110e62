"""PocketBase's own JavaScript SDK as the client: the recipe against a running worker."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import DEADLINE, Server, check_log, command, eventually, live_rows

pytestmark = pytest.mark.usefixtures("javascript_packages")
FOLDER = Path(__file__).parents[1] / "javascript"
ONLY_LIVE_ITEMS = "@collection.items.id ?= item_id && @collection.items.deleted ?= false"


@contextmanager
def _node(server: Server, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A script started as the user Ann; killed at the end if it still runs."""
    ann = {"PB_URL": server.url, "PB_EMAIL": "ann@example.com", "PB_PASSWORD": "user-password"}
    started = ["node", "--enable-source-maps", str(FOLDER / script), *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(started, env={**os.environ, **ann}, text=True, **pipes) as node:
        try:
            yield node
        finally:
            if node.poll() is None:
                node.kill()


def _printed(node: subprocess.Popen[str]) -> Any:
    """What the script printed, once it has ended by itself and well."""
    printed, complaints = node.communicate(timeout=DEADLINE)
    assert node.returncode == 0, complaints
    return json.loads(printed)


def _end(worker: subprocess.Popen[str]) -> None:
    worker.terminate()
    _, complaints = worker.communicate(timeout=DEADLINE)
    assert worker.returncode == 0, complaints


def test_a_user_of_the_javascript_sdk_appends_events_and_reads_the_rows(server: Server) -> None:
    ann = server.user("ann")
    server.attach("items", delete_rule=ONLY_LIVE_ITEMS)
    with command("run", env=server.environment) as worker, _node(server, "scenario.mjs") as node:
        result = _printed(node)
        _end(worker)
    assert sorted(result["seqs"]) == list(range(1, 27)), "a place each"
    assert check_log(server).seq == 26
    rejected = ann.record("events", result["rejected"])
    assert (rejected["seq"], rejected["error"]) == (0, result["error"])
    assert '"colour"' in result["error"]
    events = server.superuser().records("events")
    assert {event["actor"] for event in events} == {ann.user_id}
    assert sorted(event["seq"] for event in events) == list(range(27)), "recorded once each, and one rejected"
    row = live_rows(server, ("title", "qty", "deleted"))[result["item"]]
    assert row == {"title": "Milk", "qty": 6, "deleted": True}


@pytest.mark.slow
def test_a_client_that_waits_for_its_event_outlives_a_crash_of_pocketbase(server: Server) -> None:
    ann = server.user("ann")
    event = {"type": "create", "collection": "items", "item_id": "milk00000000001", "data": {"title": "Milk"}}
    with _node(server, "append_one.mjs", json.dumps(event)) as node:
        eventually(lambda: ann.records("events"), "the append")
        server.stop(signal.SIGKILL)
        server.start()
        with command("run", env=server.environment) as worker:
            record = _printed(node)
            _end(worker)
    assert record["seq"] == 1
    assert check_log(server).seq == 1
    assert live_rows(server, ("title",)) == {"milk00000000001": {"title": "Milk"}}
