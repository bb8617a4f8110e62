"""What the package tells of itself, as a library and as a command."""

import subprocess
import sys
from pathlib import Path

import pytest

from pocketbase_events.cli.output import log_to_stderr
from pocketbase_events.logs import log


def run(code: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout, done.stderr


TELL = (
    "from pocketbase_events.logs import log; log.warning('rejected', id='abc', why='100% wrong'); log.info('recorded')"
)


def test_a_library_prints_nothing_and_configures_nothing() -> None:
    same = "import logging; print(logging.root.handlers, logging.root.level, logging.lastResort.level)"
    untouched, _ = run(same)
    assert run(f"{TELL}; {same}") == (untouched, "")


def test_an_application_that_configures_logging_gets_each_entry_as_a_readable_line() -> None:
    _, errors = run(f"import logging; logging.basicConfig(level='INFO'); {TELL}")
    assert errors.splitlines() == [
        "WARNING:pocketbase_events:rejected id=abc why=100% wrong",
        "INFO:pocketbase_events:recorded",
    ]


def test_an_entry_has_its_name_and_its_facts_as_attributes(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("rejected", id="abc", msg="a fact may have any name")
    record = caplog.records[0]
    assert (record.event, record.facts) == ("rejected", {"id": "abc", "msg": "a fact may have any name"})  # type: ignore[attr-defined]


def test_the_command_line_writes_them_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(as_json=True)
    log.info("recorded", events=3)
    log.debug("nothing that anybody needs")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert '"event": "recorded", "events": 3, "level": "info"' in printed.err


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    code = "from pocketbase_events.cli.output import log_to_stderr; log_to_stderr(as_json=False)"
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", f"{code}; {TELL}; print('goes on')"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, check=True)
    assert done.stdout == b"goes on\n"
