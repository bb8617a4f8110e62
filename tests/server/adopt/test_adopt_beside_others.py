"""Adopting beside workers and clients, killed, and given up."""

import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import Client, Server, check_log, command, eventually, live_rows, pending
from support.adopting import NOTES, adopt, attached, commands_agree, events_of, is_well, note, stored, with_notes
from support.command_line import cli


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_it_completes(server: Server) -> None:
    choose = random.Random(4)
    with_notes(server, 2000)
    before = stored(server)
    killed = []
    for kill in range(6):
        wanted = choose.randint(kill * 250, kill * 250 + 249)

        def far_enough(wanted: int = wanted, *, recorded: bool = kill % 2 == 0) -> bool:
            return sum(seq > 0 or not recorded for _, _, seq, _ in events_of(server)) >= wanted

        with command("attach", "notes", "--allow", "", "--adopt", env=server.environment) as process:
            eventually(far_enough, "some progress")
            process.kill()
            killed.append(process.wait(10) == -signal.SIGKILL)
    assert sum(killed) >= 4, "it was killed in the middle of its work"
    adopt(server)
    assert stored(server) == before
    assert attached(server) == ["items", "notes"]
    found = events_of(server)
    assert pending(server) == 0
    assert {item for type_, item, seq, _ in found if type_ == "create" and seq} == before.keys()
    assert not any(error for *_, error in found)
    assert check_log(server).seq == len(found)
    commands_agree(server)


@contextmanager
def appending(server: Server, sent: list[str]) -> Iterator[None]:
    """Three clients that append to `items` all the time."""
    stop = threading.Event()

    def append_on(name: str) -> None:
        client, number = Client(server.url), 0
        with client.session:
            while not stop.wait(0.02):
                item, number = f"{name}{number:014d}", number + 1
                sent.append(client.append("create", item, {"title": "x", "qty": number})["id"])
                sent.append(client.append("update", item, {"note": "y"})["id"])

    threads = [threading.Thread(target=append_on, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_beside_a_worker_and_clients_of_another_collection_nobody_loses_an_event(server: Server) -> None:
    with_notes(server, 1000)
    before, sent = stored(server), []
    with command("run", env=server.environment, stderr=subprocess.DEVNULL):
        with appending(server, sent):
            eventually(lambda: len(live_rows(server, ("id",))) > 5, "the first rows")
            adopt(server)
            at_end = len(sent)
            eventually(lambda: len(sent) > at_end + 20, "more events")
        eventually(lambda: pending(server) == 0, "all records")
    assert stored(server) == before
    items = events_of(server, "items")
    assert len(items) == len(sent)
    assert not any(error for *_, error in items)
    assert check_log(server).seq == len(items) + 1000
    is_well(server, rows=1000)
    commands_agree(server)


@pytest.mark.slow
def test_a_collection_whose_adoption_was_given_up_is_given_back_by_detach(server: Server) -> None:
    with_notes(server, 300)
    with command("attach", "notes", "--allow", "", "--adopt", env=server.environment) as process:
        eventually(lambda: events_of(server), "some progress")
        process.kill()
        process.wait(10)
    cli(server, "detach", "notes")
    assert server.superuser()("PATCH", f"{NOTES}/{note(1)}", json={"text": "free again"}).ok
    assert "is not attached" in cli(server, "detach", "notes", code=2).stderr
