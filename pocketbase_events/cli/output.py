"""How the commands speak: reports on standard output, sentences and logs on standard error, exit codes."""

import json
import logging
import os
import select
import signal
import sys
from contextlib import suppress
from typing import Any

import structlog

from pocketbase_events.logs import LOGGER

PROBLEM, WRONG_USAGE, UNREACHABLE = 1, 2, 3  # exit codes
TERMINATED = 128 + signal.SIGTERM  # as a shell reports it
SHOWN = 20  # differences and problems listed on a terminal; --json has all


class _Lines(logging.Handler):
    """Writes each log entry as a line to standard error. A line that can't be written is lost; the work goes on."""

    def __init__(self, *steps: structlog.typing.Processor) -> None:
        super().__init__()
        self._steps = steps

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        told = vars(record)  # with what `logs` has added
        line: Any = {"event": told["event"], **told["facts"], "level": level}
        for step in self._steps:
            line = step(None, level, line)
        with suppress(OSError, ValueError):  # the disk is full, whoever read it has left, the stream is closed
            _write(line)


def _write(line: str) -> None:
    """Write a line to standard error at once: nothing stays in a buffer that could not be written later either.

    If whoever reads it has stopped reading, the line is lost.
    """
    try:
        file = sys.stderr.fileno()
    except OSError:  # it is no file, but something in this process
        print(line, file=sys.stderr)
        return
    if select.select([], [file], [], 0)[1]:
        os.write(file, f"{line}\n".encode(errors="backslashreplace"))


def log_to_stderr(*, as_json: bool) -> None:
    """Write logs to standard error, readable on a terminal, or as JSON."""
    terminal = sys.stderr.isatty() and not as_json
    lines = _Lines(
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%Y-%m-%d %H:%M:%S", utc=as_json),
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=14),
    )
    logger = logging.getLogger(LOGGER)
    logger.handlers = [lines]
    logger.setLevel(logging.INFO)


def print_json(document: object) -> None:
    """Write one JSON document to standard output."""
    print(json.dumps(document, ensure_ascii=False))


def say(sentence: str) -> None:
    """Write a sentence to standard error."""
    print(sentence, file=sys.stderr)


def fail(sentence: str, code: int) -> None:
    """Say what went wrong, and exit."""
    say(f"Error: {sentence}")
    sys.exit(code)


def short(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value as JSON, cut to what a table has room for."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - what a table has room for
