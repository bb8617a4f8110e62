"""A command that a signal ends while its threads wait."""

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from pocketbase_events import cli


def terminate() -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


def ended(monkeypatch: pytest.MonkeyPatch, app: Callable[[], object]) -> int | str | None:
    """The exit code of a command line that does this."""
    monkeypatch.setattr(cli, "_prepare", lambda: None)
    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


@pytest.mark.parametrize(("how", "code"), [(interrupt, 130), (terminate, 143)])
def test_a_lock_that_python_loses_by_a_signal_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: Callable[[], NoReturn], code: int
) -> None:
    def app() -> None:
        try:
            how()
        finally:
            raise RuntimeError("release unlocked lock")  # as `threading.Condition` does

    assert ended(monkeypatch, app) == code
    assert capsys.readouterr().err == ""


def test_the_same_without_a_signal_is_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def app() -> None:
        raise RuntimeError("release unlocked lock")

    assert ended(monkeypatch, app) == 1
    assert "This is a bug in pocketbase-events (RuntimeError at test_ended_by_a_signal.py:" in capsys.readouterr().err
