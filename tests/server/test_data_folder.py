"""`--dir` reads the folder of a PocketBase that was stopped, killed or copied, and writes nothing into it."""

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import NEVER, Server, create, item_id, start_copy
from support.command_line import cli

from pocketbase_events.errors import TroubleError
from pocketbase_events.pb.database import Database

COUNT = 40
COMMANDS = (["verify"], ["check", "items"])


@pytest.fixture(scope="module")
def server(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with recorded events of which some are in its write-ahead log only."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("data") / "pocketbase"):
        server.guest().append_all(*(create(number) for number in range(COUNT)))
        server.worker().run_to_end(NEVER)
        yield server


@pytest.fixture(scope="module")
def killed(server: Server) -> Path:
    """The data folder that it leaves when it is killed."""
    server.stop(signal.SIGKILL)
    assert (server.data / "data.db-wal").stat().st_size > 0
    return server.data


@pytest.fixture
def folder(killed: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(killed, tmp_path / "copy"))


def stopped(folder: Path, tmp_path: Path) -> Path:
    """The folder after its PocketBase was started and stopped again."""
    server = Server(tmp_path / "again")
    server.folder.mkdir()
    shutil.move(folder, server.data)
    server.start()
    server.close()
    return server.data


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a folder with its time and its bytes."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def assert_readable_and_unwritten(server: Server, folder: Path) -> None:
    before = content(folder)
    for command in COMMANDS:
        found = json.loads(cli(server, *command, "--json", "--dir", str(folder)).stdout)
        assert found["ok"]
        assert found.get("events", found.get("seq")) == COUNT
    assert content(folder) == before


def test_the_folder_of_a_killed_pocketbase_is_read_whole_and_not_written(server: Server, folder: Path) -> None:
    assert_readable_and_unwritten(server, folder)


def test_the_folder_of_a_stopped_pocketbase_is_read_whole_and_not_written(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    assert_readable_and_unwritten(server, stopped(folder, tmp_path))


def test_a_clean_copy_of_the_database_alone_is_read_whole_and_not_written(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    data = stopped(folder, tmp_path)
    with closing(Database(data)):
        (tmp_path / "backup").mkdir()
        shutil.copy(data / "data.db", tmp_path / "backup")
    assert_readable_and_unwritten(server, tmp_path / "backup")


def test_a_copy_that_lacks_a_file_is_reported_with_what_to_do_and_not_written(server: Server, folder: Path) -> None:
    (folder / "data.db-shm").unlink()
    before = content(folder)
    said = cli(server, "verify", "--dir", str(folder), code=2).stderr
    assert content(folder) == before
    told = said.split("Run: ")[1].split()
    assert told[0] == "touch"
    Path(told[1]).touch()
    assert_readable_and_unwritten(server, folder)


def test_a_pocketbase_that_starts_meanwhile_is_noticed(folder: Path, tmp_path: Path) -> None:
    data = stopped(folder, tmp_path)
    again = Server(data.parent)
    with closing(Database(data)) as database:
        assert database.status().seq == COUNT
        again.start()
        try:
            again.guest().append("update", item_id(1), {"qty": 1})
            with pytest.raises(TroubleError, match="was started"):
                database.status()
        finally:
            again.close()
