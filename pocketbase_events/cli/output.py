"""How the commands speak: reports on standard output, sentences and logs on standard error, exit codes."""

import json
import logging
import os
import select
import signal
import sys
from collections.abc import Iterable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from rich.console import Console

from pocketbase_events.cli.table import Column, Screen, lines_of
from pocketbase_events.cli.text import printable, wrapped
from pocketbase_events.logs import LOGGER

PROBLEM, WRONG_USAGE, UNREACHABLE = 1, 2, 3  # exit codes
INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM  # as a shell reports it
SHOWN = 20  # differences and problems that are listed; --json has all
PAGE = 50  # rows of a table on a terminal, unless told otherwise
KIND_COLOURS = {
    "create": "green",
    "update": "yellow",
    "delete": "red",
    "missing": "red",
    "changed": "yellow",
    "extra": "magenta",
}


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
        with suppress(OSError, ValueError):  # the disk is full, the reader is gone, or the stream is closed
            _write(line)


def _write(line: str) -> None:
    """Write a line to standard error at once: nothing stays in a buffer that could not be written later either.

    If the reader has stopped reading, the line is lost.
    """
    try:
        file = sys.stderr.fileno()
    except OSError:  # not a file, but an object of this process
        print(line, file=sys.stderr)
        return
    if select.select([], [file], [], 0)[1]:
        os.write(file, f"{line}\n".encode(errors="backslashreplace"))


def log_to_stderr(*, as_json: bool) -> None:
    """Write logs to standard error, readable on a terminal, or as JSON."""
    terminal = sys.stderr.isatty() and not as_json
    lines = _Lines(
        _printable_facts,
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
    print(printable(json.dumps(document, ensure_ascii=False)))


def tell(text: str) -> None:
    """Write text to standard output."""
    print(_fitting(text, Console()), flush=True)


def say(sentence: str, *, end: str = "\n") -> None:
    """Write a sentence to standard error."""
    print(_fitting(sentence, Console(stderr=True)), end=end, file=sys.stderr, flush=True)


def fail(sentence: str, code: int) -> None:
    """Say what went wrong, and exit."""
    say(f"Error: {sentence}")
    sys.exit(code)


def print_table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    full: bool = False,
    beside: bool = False,
    way_to_the_rest: str = "--full",
) -> None:
    """Write a table to standard output, or beside the report to standard error; say how to see what is cut in it."""
    console, cells = Console(stderr=beside), list(rows)
    screen = Screen(console.width if console.is_terminal else None, console.color_system is not None, full)
    lines = list(lines_of(columns, cells, screen))
    for line in lines:
        print(line, file=sys.stderr if beside else sys.stdout)
    if screen.width is not None and lines != list(lines_of(columns, cells, replace(screen, full=True))):
        say(f"Values that end in … are cut: {way_to_the_rest} shows them whole.")


def is_terminal() -> bool:
    """Whether standard output is a terminal, so that a person reads it page by page."""
    return Console().is_terminal


def _fitting(text: str, console: Console) -> str:
    """The text as it is printed: on a terminal, words are not broken at the end of a line."""
    lines = printable(text, keep="\n").split("\n")
    if console.is_terminal:
        lines = [part for line in lines for part in wrapped(line, console.width)]
    return "\n".join(lines)


def _printable_facts(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Text that clients wrote reaches logs as well."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in line.items()}
