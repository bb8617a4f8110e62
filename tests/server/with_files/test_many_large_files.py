"""Files take disk, not memory, and whatever is killed, no row lacks its file."""

import random
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from proxy import Proxy
from support import Server, check_log, command, eventually, item_id, seq_of
from support.command_line import as_json
from support.pictures import append, stored_files, with_pictures
from support.workers import is_settled, start_worker

MB = 1_000_000
MOST_MEMORY = 200 * 2**10  # KB


def most_memory(process: int) -> int:
    """The most memory that a process has had so far, in KB; 0 if it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except ProcessLookupError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


@pytest.mark.slow
def test_sixty_pending_events_of_five_megabytes_stay_within_200_mb(server: Server) -> None:
    with_pictures(server)
    guest = server.guest()
    for number in range(60):
        append(guest, "create", item_id(number), {"picture": 0}, ("large.bin", bytes([number]) * (5 * MB)))
    # Not the child's `ru_maxrss`, which begins with the memory of the process that started it.
    with command("run", "--once", env=server.environment) as worker:
        peak = 0
        while worker.poll() is None:
            peak = max(peak, most_memory(worker.pid))
    assert worker.returncode == 0
    assert seq_of(server) == 60
    assert 10 * 2**10 < peak < MOST_MEMORY
    assert len(stored_files(server)) == len(stored_files(server, "events")) == 60


@pytest.mark.slow
def test_killed_in_the_middle_of_uploads_no_row_lacks_its_file_and_nothing_is_left_behind(
    server: Server, tmp_path: Path
) -> None:
    with_pictures(server)
    guest, choose, room = server.guest(), random.Random(7), tmp_path / "room"
    room.mkdir()
    for number in range(24):
        append(guest, "create", item_id(number), {"picture": 0}, ("large.bin", bytes([number]) * MB))
    while not is_settled(server):
        with ExitStack() as stack:
            worker, _ = start_worker(stack, server, TMPDIR=str(room))
            before = seq_of(server)
            eventually(
                lambda before=before: is_settled(server) or seq_of(server) > before + choose.randrange(2, 8), "work"
            )
            worker.kill()
            worker.wait()
    check_log(server)
    assert list(room.iterdir()) == [], "no temporary file"
    assert len(stored_files(server)) == 24, "no orphan"
    assert as_json(server, "check", "--files")["ok"]
    assert as_json(server, "verify", "--files")["ok"]


@pytest.mark.slow
def test_a_killed_pocketbase_leaves_the_files_of_one_transaction_at_most(server: Server) -> None:
    with_pictures(server)
    guest, kills = server.guest(), 0
    for number in range(40):
        append(guest, "create", item_id(number), {"picture": 0}, ("large.bin", bytes([number]) * MB))
    with ExitStack() as stack:
        # Through this process, so that it does not record all of them before it is seen to have begun.
        proxy = stack.enter_context(closing(Proxy(server.port)))
        start_worker(stack, server, POCKETBASE_URL=proxy.url)
        while not is_settled(server):
            before = seq_of(server)
            eventually(lambda before=before: is_settled(server) or seq_of(server) > before + 5, "work")
            if not is_settled(server):
                server.stop(signal.SIGKILL)
                server.start()
                kills += 1
    check_log(server)
    assert kills
    assert 40 <= len(stored_files(server)) <= 40 + kills
    assert as_json(server, "check", "--files")["ok"]
    assert as_json(server, "verify", "--files")["ok"]
