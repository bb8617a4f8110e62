"""What a rebuild asks before it removes rows, and whom it lets do it."""

import subprocess
from typing import Any

from support import DEADLINE, NAMES, Server, command, item_id, live_rows
from support.rebuilding import WORKER_ONLY, edit, edit_unlocked, is_silent, rebuild, told


def answered(server: Server, answer: str) -> subprocess.CompletedProcess[str]:
    with command("rebuild", env=server.environment, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(answer, timeout=DEADLINE)
    return subprocess.CompletedProcess([], process.returncode, out, err)


def test_rows_are_removed_only_after_a_yes(opened: Server) -> None:
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    before = live_rows(opened, NAMES)
    for answer, code, says in (("n\n", 1, "Nothing was changed"), ("", 2, "--yes")):
        done = answered(opened, answer)
        assert done.returncode == code
        assert "Remove 1 rows that no event created?" in done.stderr
        assert says in done.stderr
        assert live_rows(opened, NAMES) == before
    assert answered(opened, "y\n").returncode == 0
    assert is_silent(opened)


def test_the_plan_and_some_differences_are_shown_before_anything_is_written(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    edit(opened, "DELETE FROM items WHERE id = ?", item_id(2))
    said = told(opened, code=0)
    lines = [line.split() for line in said.splitlines()]
    assert ["items", "1", "1", "0", "18"] in lines
    assert ["changed", "items", item_id(1), "qty", "5", "0"] in lines
    assert ["missing", "items", item_id(2)] in lines


def test_the_workers_account_is_enough_if_nothing_is_removed(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    edit(opened, "DELETE FROM items WHERE id = ?", item_id(2))
    rebuild(opened, **WORKER_ONLY)
    assert is_silent(opened)
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    edit(opened, "UPDATE items SET qty = 5 WHERE id = ?", item_id(1))
    before = live_rows(opened, NAMES)
    assert "POCKETBASE_SUPERUSER_PASSWORD" in told(opened, "--yes", code=2, **WORKER_ONLY)
    assert live_rows(opened, NAMES) == before


def test_small_batch_limits_are_kept_to(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    batch = {"enabled": True, "maxRequests": 4, "timeout": 3}
    assert opened.superuser()("PATCH", "/api/settings", json={"batch": batch}).ok
    rebuild(opened, "--yes")
    assert is_silent(opened)


def test_a_batch_api_that_is_off_is_reported(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    assert opened.superuser()("PATCH", "/api/settings", json={"batch": {"enabled": False}}).ok
    assert "pocketbase-events init" in told(opened, code=3)


def test_a_folder_of_another_pocketbase_is_refused(opened: Server, tmp_path: Any) -> None:
    (tmp_path / "copy").mkdir()
    opened.stop()
    (tmp_path / "copy" / "data.db").write_bytes((opened.data / "data.db").read_bytes())
    edit_unlocked(opened, "UPDATE events SET hash = 'other' WHERE seq = 20")
    edit_unlocked(opened, "UPDATE event_head SET hash = 'other'")
    opened.start()
    assert "Check --dir" in told(opened, "--dir", str(tmp_path / "copy"), code=2)


def test_rows_are_read_from_the_data_folder_if_one_is_given(opened: Server) -> None:
    edit(opened, "UPDATE items SET qty = 5")
    edit(opened, "INSERT INTO items (id, title) VALUES ('extra0000000001', 'extra')")
    done = rebuild(opened, "--yes", "--dir", str(opened.folder))
    assert done["collections"]["items"] == {"inserted": 0, "updated": 20, "removed": 1, "unchanged": 0}
    assert is_silent(opened)
