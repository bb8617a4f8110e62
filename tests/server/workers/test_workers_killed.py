"""The log stays whole whatever many clients, workers and PocketBase do at once."""

import random
import signal
import threading
from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from support import EMPTY, NAMES, Client, Server, check_log, eventually, fold_log, live_rows, seq_of
from support.workers import is_settled, start_worker


class Clients:
    """Sixteen clients that append 3,000 events of all types, bad ones among them, and never give up."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.seed = server, seed
        self.ids: list[str] = []
        self._threads = [threading.Thread(target=self._append, args=(number,)) for number in range(16)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _append(self, number: int) -> None:
        choose = random.Random(self.seed * 100 + number)
        client, mine = Client(self.server.url), []
        with client.session:
            for turn in range(188):
                item = choose.choice(mine) if mine and choose.random() < 0.7 else f"i{number:02d}x{turn:011d}"
                type_, data = self._event(choose, new=item not in mine)
                if type_ == "create":
                    mine.append(item)
                # A client's own id makes it safe to try again when the answer was lost.
                record_id = f"e{number:02d}x{turn:011d}"
                self.ids.append(record_id)
                self._send(client, {
                    "id": record_id, "type": type_, "collection": "items", "item_id": item, "data": data,
                })  # fmt: skip

    @staticmethod
    def _event(choose: random.Random, *, new: bool) -> tuple[str, Any]:
        if choose.random() < 0.05:
            return choose.choice([("create", {}), ("update", {"qty": "x"}), ("update", {"x": 1}), ("delete", [1])])
        if new:
            return "create", {"title": f"t{choose.random()}", "qty": choose.randint(0, 9)}
        if choose.random() < 0.08:
            return "delete", None
        field = choose.choice(["title", "qty", "done", "note"])
        values = {"title": "again", "qty": choose.random() * 100, "done": choose.random() < 0.5, "note": "n"}
        return "update", {field: values[field]}

    @staticmethod
    def _send(client: Client, event: dict[str, Any]) -> None:
        def sent() -> bool:
            try:
                answer = client("POST", "/api/collections/events/records", json=event)
            except requests.RequestException:
                return False
            taken = answer.status_code == 400 and "id" in answer.json()["data"]
            return answer.status_code == 200 or taken

        eventually(sent, "an answer")


def check_everything(server: Server, clients: Clients) -> None:
    """Every event recorded or rejected with a reason, the chain whole, the rows equal to the fold of the log."""
    with server.database() as database:
        events = database.execute("SELECT id, seq, error FROM events").fetchall()
    database.close()
    assert sorted(event[0] for event in events) == sorted(clients.ids)
    states = Counter("recorded" if seq_ else "rejected" if error else "pending" for _, seq_, error in events)
    assert states["pending"] == 0
    assert states["rejected"] > 50
    assert check_log(server).seq == states["recorded"] > 2000
    fold = {key: {**EMPTY, **row} for key, row in fold_log(server).items()}
    assert live_rows(server, NAMES) == fold


@pytest.mark.slow
def test_sixteen_clients_at_once_end_in_a_whole_log(server: Server, processes: ExitStack) -> None:
    start_worker(processes, server)
    clients = Clients(server, seed=1)
    clients.start()
    eventually(lambda: not clients.busy and is_settled(server), "the end of it", deadline=300)
    check_everything(server, clients)


@pytest.mark.slow
def test_the_log_stays_whole_while_worker_and_pocketbase_are_killed(server: Server, processes: ExitStack) -> None:
    choose = random.Random(2)
    process, _ = start_worker(processes, server)
    clients = Clients(server, seed=2)
    clients.start()
    for kill in range(8):
        wanted = seq_of(server) + choose.randint(20, 150)
        eventually(lambda wanted=wanted: seq_of(server) >= wanted or not clients.busy, "some progress")
        if kill % 2:
            server.stop(signal.SIGKILL)
            server.start()
        else:
            process.kill()
            process, _ = start_worker(processes, server)
    eventually(lambda: not clients.busy and is_settled(server), "the end of it", deadline=300)
    check_everything(server, clients)
