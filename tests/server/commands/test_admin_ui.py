"""`admin-ui`: the hook file and the extension, in a folder of hooks."""

import os
from pathlib import Path

from support import run_command


def test_it_writes_the_hook_file_and_the_folder_beside_what_is_there(tmp_path: Path) -> None:
    hooks = tmp_path / "pb_hooks"
    done = run_command("admin-ui", str(hooks), env={**os.environ})
    assert done.returncode == 0
    assert "Restart PocketBase" in done.stderr
    assert {path.name for path in hooks.iterdir()} == {"pocketbase_events.pb.js", "pocketbase_events"}
    extension = hooks / "pocketbase_events"
    assert all((extension / name).exists() for name in ("main.js", "index.js", "admin_ui/events_page/index.js"))
    assert not any("@version@" in path.read_text() for path in hooks.rglob("*.js"))
    (hooks / "main.pb.js").write_text("// the owner's")
    (extension / "admin_ui" / "of_an_older_version.js").write_text("")
    assert run_command("admin-ui", str(hooks), env={**os.environ}).returncode == 0
    assert (hooks / "main.pb.js").read_text() == "// the owner's"
    assert not (extension / "admin_ui" / "of_an_older_version.js").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pb_hooks").write_text("")
    done = run_command("admin-ui", str(tmp_path / "pb_hooks"), env={**os.environ})
    assert done.returncode == 2
    assert "is a file. Name the folder pb_hooks" in done.stderr
