"""What `import pocketbase_events` gives."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import pocketbase_events
from pocketbase_events.cli import app


@pytest.mark.parametrize("name", pocketbase_events.__all__)
def test_each_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(pocketbase_events, name)
    assert name in dir(pocketbase_events)
    assert name == "__version__" or found.__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Worker'"):
        _ = pocketbase_events.Worker


def test_importing_it_is_cheap_since_names_are_imported_when_they_are_used() -> None:
    code = "import sys, pocketbase_events; print(*{'requests', 'pydantic', 'structlog'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "\n"


def test_the_command_and_the_package_tell_one_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pocketbase-events {pocketbase_events.__version__}\n"
    assert version("pocketbase-events") == pocketbase_events.__version__
