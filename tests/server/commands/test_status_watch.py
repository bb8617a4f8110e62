"""`status --watch`: a page that an operator leaves open."""

import re
import signal
import threading
import time
from datetime import UTC, datetime

import pytest
from support import DEADLINE, Server, create, eventually, item_id
from support.command_line import cli
from support.middlemen import HttpProxy, middleman
from support.screen import CODES, LEFT, screen
from support.working import working

from pocketbase_events.cli.status_page import page
from pocketbase_events.jobs.status.watching import LOOK_EVERY, Sight, watch

NOW = datetime.now(UTC)


@pytest.mark.parametrize(("columns", "rows"), [(60, 20), (200, 50)])
def test_it_shows_what_is_going_on_in_a_terminal_of_any_size_and_leaves_by_ctrl_c(
    server: Server, columns: int, rows: int
) -> None:
    with working(server), screen(server, "status", "--watch", columns=columns, rows=rows) as shown:
        eventually(lambda: shown.shows("All is well."), "the first picture")
        for label in ("head", "rate", "delay", "pending", "rejected", "worker", "attached"):
            assert any(line.startswith(label) for line in shown.picture), shown.picture
        assert len(shown.picture) <= rows
        assert max(map(len, shown.picture)) <= columns
        server.guest().append_all(*map(create, range(20)))
        server.guest().append("update", item_id(99), {"title": "x"})
        eventually(lambda: shown.shows("head      seq 20") and shown.shows("rejected  1"), "the next picture")
        shown.process.send_signal(signal.SIGINT)
        assert shown.process.wait(DEADLINE) == 0
        shown.join()
        assert CODES.sub("", shown.written.decode().rpartition(LEFT)[2]).strip() == "", "nothing is said at the end"


@pytest.mark.slow
def test_it_survives_a_restart_of_pocketbase_and_says_what_is_wrong_meanwhile_without_colour(server: Server) -> None:
    with screen(server, "status", "--watch", columns=60, rows=20, NO_COLOR="1") as shown:
        eventually(lambda: shown.shows("All is well."), "the first picture")
        server.stop()
        eventually(lambda: shown.shows("can't be reached"), "the bad news")
        assert not shown.shows("All is well.")
        server.start()
        eventually(lambda: shown.shows("All is well."), "the good news")
        assert not re.search(r"\x1b\[[\d;]*3\dm", shown.written.decode()), "no colours"


@pytest.mark.slow
def test_it_asks_for_no_more_than_one_thing_a_second(server: Server) -> None:
    with middleman(HttpProxy) as between:
        proxied = {"HTTP_PROXY": f"http://127.0.0.1:{between.port}", "NO_PROXY": ""}
        with screen(server, "status", "--watch", **proxied) as shown:
            eventually(lambda: shown.shows("All is well."), "the first picture")
            before, started = len(between.asked), time.monotonic()
            eventually(lambda: time.monotonic() - started > 65, "two rounds of everything", 90)
            asked, seconds = len(between.asked) - before, time.monotonic() - started
            assert 65 / LOOK_EVERY / 2 < asked <= seconds


def test_a_problem_is_shown_and_what_there_is_no_room_for_is_named(server: Server) -> None:
    assert server.superuser()("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    stop = threading.Event()
    stop.set()
    (sight,) = watch(server.gateway(), stop.wait, lambda: NOW, time.monotonic)
    lines = page(sight, server.url, NOW, 60, 20).plain.split("\n")
    assert any(line.startswith("The batch API is switched off") for line in lines)
    assert len(lines) == 20
    few = page(sight, server.url, NOW, 30, 10).plain.split("\n")
    assert (len(few), few[-3]) == (10, "… More: pocketbase-events status")
    assert page(Sight(trouble="It is gone."), server.url, NOW, 60, 20).plain.count("It is gone.") == 1


def test_without_a_terminal_or_with_json_it_says_what_to_do_instead(server: Server) -> None:
    assert "--watch needs a terminal" in cli(server, "status", "--watch", code=2).stderr
    assert "Leave one out" in cli(server, "status", "--watch", "--json", code=2).stderr
