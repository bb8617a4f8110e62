"""The lock of rows, changed in the data folder of a PocketBase that is stopped."""

import signal
import subprocess
from pathlib import Path

import pytest
from support import NEVER, Server
from support.command_line import as_json, cli

REWRITES = """migrate((app) => { app.db().newQuery("UPDATE items SET qty = qty + 1").execute(); });"""

pytestmark = pytest.mark.usefixtures("locks")


def starts(server: Server) -> bool:
    """Whether PocketBase starts, its migrations done."""
    command = [server.binary, "migrate", "up", "--dir", str(server.data)]
    folders = ["--migrationsDir", str(server.folder / "pb_migrations"), "--hooksDir", str(server.folder / "pb_hooks")]
    return subprocess.run([*command, *folders], capture_output=True, check=False).returncode == 0


def test_a_migration_that_rewrites_locked_rows_is_let_through_and_locked_again(server: Server) -> None:
    server.guest().append("create", "item00000000001", {"title": "x"})
    server.worker().run_to_end(NEVER)
    server.stop()
    (server.folder / "pb_migrations" / "2_rewrites.js").write_text(REWRITES)
    assert not starts(server)
    assert "open to superusers" in cli(server, "attach", "items", "--no-lock", "--dir", str(server.data)).stdout
    assert starts(server)
    cli(server, "attach", "items", "--lock", "--dir", str(server.data))
    assert not list(server.data.glob("data.db-*")), "SQLite's own files are gone, as PocketBase leaves them"
    server.start()
    assert as_json(server, "check", code=1)["differences"][0]["fields"] == {"qty": [0, 1]}
    assert as_json(server, "status")["targets"] == [{"collection": "items", "locked": True}]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["items"], "takes --lock or --no-lock"),
        (["items", "--lock", "--allow", ""], "takes --lock or --no-lock"),
        (["items", "--lock", "--adopt"], "takes --lock or --no-lock"),
        (["nothere", "--lock"], "not attached"),
    ],
)
def test_with_a_folder_it_locks_and_opens_attached_collections_and_nothing_else(
    server: Server, arguments: list[str], says: str
) -> None:
    server.stop()
    assert says in cli(server, "attach", *arguments, "--dir", str(server.data), code=2).stderr


def test_a_folder_in_use_is_left_alone(server: Server, tmp_path: Path) -> None:
    server.back_up("a.zip")  # which costs PocketBase its locks of the file, before 0.40
    told = cli(server, "attach", "items", "--no-lock", "--dir", str(server.data), code=2).stderr
    assert "PocketBase is running" in told
    assert as_json(server, "status")["targets"] == [{"collection": "items", "locked": True}]
    assert (
        "There is no data.db" in cli(server, "attach", "items", "--lock", "--dir", str(tmp_path / "x"), code=2).stderr
    )


def test_a_folder_in_which_pocketbase_was_killed_is_opened_after_it_has_closed_it(server: Server) -> None:
    server.stop(signal.SIGKILL)
    opens = ("attach", "items", "--no-lock", "--dir", str(server.data))
    assert "If it was killed, start and stop it." in cli(server, *opens, code=2).stderr
    server.start()
    server.stop()
    assert "open to superusers" in cli(server, *opens).stdout
