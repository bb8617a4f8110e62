"""An import that is killed, and one beside workers and clients."""

import json
import random
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from proxy import Proxy
from support import NEVER, Server, check_log, command, eventually, is_held, seq_of
from support.command_line import cli
from support.exports import LONG, assert_sound, events_of, let_go


@pytest.mark.slow
def test_an_import_that_is_killed_again_and_again_can_be_repeated(server: Server, long_log: tuple[Path, Path]) -> None:
    chance, file, seqs = random.Random(5), str(long_log[1]), [0]
    for turn in range(7):
        with command("import", file, env=server.environment) as process:
            try:
                process.wait(chance.uniform(0.25, 1.0))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait(20)
        if turn < 6:  # the last one's hold ends by itself
            let_go(server)
        seqs.append(seq_of(server))
        cli(server, "verify")
    assert seqs == sorted(seqs)
    cli(server, "import", file)
    assert check_log(server).seq == LONG
    assert len(events_of(server)) == LONG
    cli(server, "verify")
    cli(server, "check")
    again = cli(server, "export").stdout
    assert [json.loads(line) for line in again.splitlines()] == [
        json.loads(line) for line in long_log[1].read_text().splitlines()
    ]


@pytest.mark.slow
def test_a_worker_and_clients_beside_an_import_come_after_it(
    server: Server, long_log: tuple[Path, Path], file: Path
) -> None:
    guest, loaded = server.guest(), LONG // 3
    file.write_bytes(b"".join(long_log[1].read_bytes().splitlines(keepends=True)[:loaded]))
    worker_only = {**server.environment, "POCKETBASE_SUPERUSER_PASSWORD": ""}
    with (
        closing(Proxy(server.port)) as between,
        command("run", env=worker_only, stderr=subprocess.DEVNULL) as worker,
        command("import", str(file), env={**server.environment, "POCKETBASE_URL": between.url}) as process,
    ):
        between.be_far_away(0.1)  # so that it takes its time
        eventually(lambda: is_held(server), "the import's hold")
        count = 0
        while process.poll() is None:
            guest.append("create", f"mine{count:011d}", {"title": "beside"})
            count += 1
            NEVER.wait(0.02)
        assert process.returncode == 0, process.communicate()
        eventually(lambda: seq_of(server) == loaded + count, "the record of what was appended")
        assert worker.poll() is None
    assert count > 5
    assert check_log(server, retried=True).seq == loaded + count
    mine = [row[0] for row in events_of(server) if row[5].startswith("mine")]
    assert mine == list(range(loaded + 1, loaded + count + 1))
    assert_sound(server)


def test_what_would_keep_rows_from_being_built_is_reported_before_anything_is_imported(
    server: Server, file: Path
) -> None:
    assert server.superuser()("PATCH", "/api/collections/items", json={"name": "things"}).ok
    assert "items is attached, but that collection was deleted" in cli(server, "import", str(file), code=1).stderr
    assert events_of(server) == []
    assert seq_of(server) == 0
    assert not is_held(server)
