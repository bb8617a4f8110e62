"""A revert that is cut off says how far it has come, and goes on when it is run again."""

import signal
import subprocess
import threading
from contextlib import closing
from itertools import count

import pytest
from proxy import Proxy, page
from support import DEADLINE, Server, command, eventually, query
from support.command_line import cli
from support.working import AS_WORKER, working

from pocketbase_events import EventLog, NewEvent, new_id

EVENTS = 900


@pytest.mark.slow
def test_a_revert_that_is_interrupted_leaves_whole_groups_and_the_next_one_completes_it(server: Server) -> None:
    server.attach("items")
    groups, third, is_over = count(1), threading.Event(), threading.Event()

    def held_back(request: bytes) -> bytes | None:
        """The third group does not arrive, so that the revert is still at work when it is interrupted."""
        if not request.startswith(b"POST /api/batch") or next(groups) < 3:
            return None
        third.set()
        is_over.wait(DEADLINE)
        return page("503 Service Unavailable")

    with working(server), EventLog(server.url, AS_WORKER) as log, closing(Proxy(server.port)) as proxy:
        proxy.guard(held_back)
        for _ in range(EVENTS // 100):
            log.append_together([NewEvent("create", "items", new_id(), {"title": "x"}) for _ in range(100)])
        environment = {**server.environment, "POCKETBASE_URL": proxy.url}
        arguments = ("revert", "items", "--to", "0", "--yes")
        with command(*arguments, env=environment, stderr=subprocess.PIPE) as process:
            assert third.wait(DEADLINE)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=DEADLINE)
        is_over.set()
        assert process.returncode not in (0, 1, 2, 3)
        assert out == ""
        assert f"200 of {EVENTS} events were recorded, and perhaps some more. To take them back: " in err
        eventually(lambda: log.pending() == 0)
        assert log.head().seq == EVENTS + 200
        cli(server, "revert", "items", "--to", "0", "--yes")
        assert query(server, "SELECT COUNT(*) FROM items WHERE NOT deleted") == [(0,)]
        assert log.head().seq == 2 * EVENTS
