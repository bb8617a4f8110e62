"""What every command shares: its options, the way to PocketBase, and how it speaks."""

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import structlog
import typer

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.worker import GIVES_UP_AFTER, HOLD_INTERVAL, Step, Worker
from pocketbase_events.pb.accounts import superuser_token, worker_token
from pocketbase_events.pb.connection import ANSWERS_WITHIN, Connection
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.realtime import WakeUp
from pocketbase_events.settings import Settings

PROBLEM, WRONG_USAGE, UNREACHABLE = 1, 2, 3  # exit codes
TERMINATED = 128 + signal.SIGTERM  # as a shell reports it

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
JsonLogOption = Annotated[bool, typer.Option("--json", help="Logs as JSON, and reports as one JSON document.")]


@contextmanager
def gateway(settings: Settings, *, answers_within: float = ANSWERS_WITHIN) -> Iterator[Gateway]:
    """PocketBase, seen as the worker."""
    connection = Connection(settings.url, lambda: worker_token(settings), answers_within=answers_within)
    with closing(connection):
        yield Gateway(connection)


@contextmanager
def superuser_gateway(settings: Settings) -> Iterator[Gateway]:
    """PocketBase, seen as the superuser."""
    with closing(Connection(settings.url, lambda: superuser_token(settings))) as connection:
        yield Gateway(connection)


def worker(seen: Gateway) -> Worker:
    """A worker with a real clock, timer and event ids."""
    return Worker(seen, now=lambda: datetime.now(UTC), new_id=uuid4, timer=time.monotonic)


def settle(recorder: Worker, stop: threading.Event) -> None:
    """Record until nothing is pending, whoever else records beside it, or until `stop` is set."""
    while recorder.run_to_end(stop) in (Step.CONFLICT, Step.HELD) and not stop.wait(HOLD_INTERVAL):
        pass


def work(settings: Settings, stop: threading.Event, wake: threading.Event) -> None:
    """Work until told to stop. Wrong credentials end it at the start; a PocketBase that is down does not."""
    with gateway(settings, answers_within=GIVES_UP_AFTER) as seen:
        try:
            seen.token()
        except TroubleError as error:
            structlog.get_logger().warning("waiting_for_pocketbase", why=str(error))
        wake_up = WakeUp(settings.url, seen.token, wake)
        wake_up.start()
        try:
            worker(seen).run(stop, wake, silent=wake_up.reconnect)
        finally:
            wake_up.stop()
    structlog.get_logger().info("stopped")


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


def is_no_file(path: Path) -> bool:
    """Whether there is something of that name that is no file: a folder, a pipe."""
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False


def fail(sentence: str, code: int) -> None:
    """Say what went wrong, and exit."""
    say(f"Error: {sentence}")
    sys.exit(code)
