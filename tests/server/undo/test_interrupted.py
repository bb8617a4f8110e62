"""A revert that is cut off says how far it has come, and goes on when it is run again."""

import signal
import subprocess

import pytest
from support import Server, command, eventually, query
from support.command_line import cli
from support.working import AS_WORKER, working

from pocketbase_events import EventLog, NewEvent, new_id

EVENTS = 900


@pytest.mark.slow
def test_a_revert_that_is_interrupted_leaves_whole_groups_and_the_next_one_completes_it(server: Server) -> None:
    server.attach("items")
    with working(server), EventLog(server.url, AS_WORKER) as log:
        for _ in range(EVENTS // 100):
            log.append_together([NewEvent("create", "items", new_id(), {"title": "x"}) for _ in range(100)])
        with command(
            "revert", "items", "--to", "0", "--yes", env=server.environment, stderr=subprocess.PIPE
        ) as process:
            eventually(lambda: log.head().seq > EVENTS, "the first group")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert process.returncode not in (0, 1, 2, 3)
        assert out == ""
        assert f" of {EVENTS} events were recorded, and perhaps some more. To take them back: " in err
        eventually(lambda: log.pending() == 0)
        assert log.head().seq % 100 == 0
        assert log.head().seq < 2 * EVENTS
        cli(server, "revert", "items", "--to", "0", "--yes")
        assert query(server, "SELECT COUNT(*) FROM items WHERE NOT deleted") == [(0,)]
        assert log.head().seq == 2 * EVENTS
