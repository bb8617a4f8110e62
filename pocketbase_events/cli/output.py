"""How the commands speak: reports on standard output, sentences and logs on standard error, exit codes."""

import json
import logging
import signal
import sys
from typing import Any

import structlog

PROBLEM, WRONG_USAGE, UNREACHABLE = 1, 2, 3  # exit codes
TERMINATED = 128 + signal.SIGTERM  # as a shell reports it
SHOWN = 20  # differences and problems listed on a terminal; --json has all


def log_to_stderr(*, as_json: bool) -> None:
    """Write logs to standard error, readable on a terminal, or as JSON."""
    terminal = sys.stderr.isatty() and not as_json
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if as_json else "%Y-%m-%d %H:%M:%S", utc=as_json),
            structlog.processors.JSONRenderer()
            if as_json
            else structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=14),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


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
