"""Every line of Python in docs/python.md, run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import SUPERUSER, Server, eventually
from support.working import working

PAGE = (Path(__file__).parents[3] / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
LAST = next(block for block in BLOCKS if "def test_" in block)


def test_what_the_page_shows_works(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.create_collection("notes", [{"name": "body", "type": "text"}])
    server.create_collection("counters", [{"name": "visits", "type": "number"}])
    server.attach("notes")
    server.attach("counters")
    server.user("ann")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    here: dict[str, object] = {}
    with working(server):
        for block in BLOCKS:
            if block != LAST:
                code = block.replace("http://127.0.0.1:8090", server.url).replace("her-password", "user-password")
                code = code.replace("root-password", SUPERUSER[1])
                exec(code, here)  # noqa: S102 - our own page
    shown = capsys.readouterr().out
    assert 'notes has no field "colour". Its fields are: body.' in shown
    assert "1 create" in shown
    assert "undo of seq 2\n[]" in shown
    eventually(lambda: not here["thread"].is_alive(), "the worker's end")  # type: ignore[attr-defined]


def test_the_tests_that_the_page_shows_pass(tmp_path: Path) -> None:
    (tmp_path / "test_notes.py").write_text(LAST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    assert "1 passed" in done.stdout
