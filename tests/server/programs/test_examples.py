"""The examples, killed again and again while they work: nothing is missed, nothing is counted twice."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import DEADLINE, Server, eventually
from support.working import AS_WORKER, working

from pocketbase_events import EventLog, new_id

EXAMPLES = Path(__file__).parents[3] / "examples"
KILLS = 4


@pytest.fixture
def log(server: Server) -> Iterator[EventLog]:
    """The log as the worker sees it, who works."""
    with working(server), EventLog(server.url, AS_WORKER) as seen:
        yield seen


@contextmanager
def example(server: Server, name: str, *arguments: str) -> Iterator[None]:
    """An example as a process, killed at the end."""
    errors = server.folder / f"{name}.stderr"
    with errors.open("w") as file:
        command = [sys.executable, str(EXAMPLES / name), *arguments]
        process = subprocess.Popen(command, env=server.environment, stderr=file)
    try:
        yield
        assert process.poll() is None, errors.read_text()
    finally:
        process.kill()
        process.wait(DEADLINE)


def killed_now_and_then(run: Callable[[], Any], seen: Callable[[], int], *counts: int) -> None:
    """Start a program anew each time it has come so far, and leave it to reach the last count."""
    for count in counts:
        with run():
            eventually(lambda count=count: seen() >= count, f"the program to come to {count}")


class Receiver(ThreadingHTTPServer):
    """Takes events, and fails now and then. `taken` has the seq of each event, `repeated` of those that came again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        self.keys: set[str] = set()
        self.taken: list[int] = []
        self.repeated: list[int] = []
        self.requests = 0


class _Take(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests += 1
        fails = self.server.requests % 20 == 5
        if not fails:
            key = self.headers["Idempotency-Key"]
            (self.server.repeated if key in self.server.keys else self.server.taken).append(event["seq"])
            self.server.keys.add(key)
        self.send_response(500 if fails else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.mark.slow
def test_the_webhook_misses_no_event_and_repeats_none_that_it_knows_was_taken(
    server: Server, log: EventLog, receiver: Receiver, tmp_path: Path
) -> None:
    for _ in range(60):
        log.append("create", "items", new_id(), {"title": "x"})
    place = str(tmp_path / "webhook.seq")
    killed_now_and_then(
        lambda: example(server, "webhook.py", receiver.url, place), lambda: len(receiver.taken), 10, 25, 40, 60
    )
    assert receiver.taken == list(range(1, 61))
    assert len(receiver.repeated) <= KILLS, "at most the one under way at each kill"


@pytest.mark.slow
def test_the_running_total_counts_each_payment_once(server: Server, log: EventLog) -> None:
    server.create_collection("payments", [{"name": "amount", "type": "number"}])
    server.create_collection("totals", [{"name": "state", "type": "json"}])
    for name in ("payments", "totals"):
        server.attach(name)
    payments = [log.append("create", "payments", new_id(), {"amount": amount}) for amount in range(1, 41)]

    def counted() -> int:
        rows = log.rows("totals")
        return sum(payment.seq <= rows[0]["state"]["seq"] for payment in payments) if rows else 0

    killed_now_and_then(lambda: example(server, "running_total.py"), counted, 5, 15, 30, 40)
    assert log.rows("totals")[0]["state"] == {"total": sum(range(1, 41)), "seq": payments[-1].seq}
    assert len(list(log.follow(collections=["totals"], until_head=True))) == 40


@pytest.mark.slow
def test_the_search_index_finds_what_the_rows_say(server: Server, log: EventLog, tmp_path: Path) -> None:
    server.create_collection("notes", [{"name": "body", "type": "text"}, {"name": "colour", "type": "text"}])
    server.attach("notes")
    ids = [new_id() for _ in range(30)]
    for place, note in enumerate(ids):
        log.append("create", "notes", note, {"body": f"milk number{place}"})
    file = str(tmp_path / "notes.db")

    def found(words: str) -> set[str]:
        command = [sys.executable, str(EXAMPLES / "search_index.py"), file, words]
        done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=DEADLINE, check=True)
        return {line.split()[0] for line in done.stdout.splitlines()}

    with example(server, "search_index.py", file):
        eventually(lambda: found("number3"), "some notes in the index")
    log.append("delete", "notes", ids[0])
    log.append("update", "notes", ids[1], {"body": "eggs"})
    log.append("update", "notes", ids[2], {"colour": "red"})
    with example(server, "search_index.py", file):
        eventually(lambda: found("eggs") == {ids[1]}, "the change in the index")
        assert found("milk") == set(ids[2:])


@pytest.mark.slow
def test_a_transfer_changes_both_accounts_or_neither_once_and_can_be_taken_back(server: Server, log: EventLog) -> None:
    server.create_collection("accounts", [{"name": "balance", "type": "number", "min": 0}])
    server.attach("accounts")
    ann, bob = (log.append("create", "accounts", new_id(), {"balance": 10}).item_id for _ in "ab")

    def transfer(name: str, amount: str) -> str:
        command = [sys.executable, str(EXAMPLES / "transfer.py"), name, ann, bob, amount]
        done = subprocess.run(
            command, env=server.environment, capture_output=True, text=True, timeout=DEADLINE, check=True
        )
        return done.stdout

    def balances() -> list[float]:
        return [server.superuser().record("accounts", account)["balance"] for account in (ann, bob)]

    assert transfer("first", "2.5") == transfer("first", "2.5") == "Moved: seq 3 and 4.\n"
    assert balances() == [7.5, 12.5]
    assert "Nothing was moved: PocketBase refused the row: balance:" in transfer("second", "8")
    assert balances() == [7.5, 12.5]
    assert len(log.undo(together="first").appended) == 2
    assert balances() == [10, 10]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_and_says_how_it_is_started(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 65
    assert f"python examples/{path.name}" in text
