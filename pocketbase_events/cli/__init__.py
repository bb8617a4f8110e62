"""The command line: parse, wire, print, exit code. No rule of the domain lives here."""

import logging
import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from pocketbase_events import __version__
from pocketbase_events.cli.admin_ui import admin_ui
from pocketbase_events.cli.attach import attach
from pocketbase_events.cli.check import check
from pocketbase_events.cli.detach import detach
from pocketbase_events.cli.export import export
from pocketbase_events.cli.follow import follow
from pocketbase_events.cli.history import history
from pocketbase_events.cli.import_log import import_log
from pocketbase_events.cli.init import init
from pocketbase_events.cli.javascript import javascript
from pocketbase_events.cli.output import INTERRUPTED, PROBLEM, TERMINATED, UNREACHABLE, WRONG_USAGE, fail, tell
from pocketbase_events.cli.rebuild import rebuild
from pocketbase_events.cli.rejected import rejected
from pocketbase_events.cli.relay import relay
from pocketbase_events.cli.replica import replica
from pocketbase_events.cli.retry import retry
from pocketbase_events.cli.revert import revert
from pocketbase_events.cli.run import run
from pocketbase_events.cli.serve import serve
from pocketbase_events.cli.show import show
from pocketbase_events.cli.status import status
from pocketbase_events.cli.undo import undo
from pocketbase_events.cli.verify import verify
from pocketbase_events.errors import (
    CredentialsRefusedError,
    PocketBaseEventsError,
    TroubleError,
    WrongUsageError,
)
from pocketbase_events.settings import DEFAULT_URL, DEFAULT_WORKER_EMAIL, read_settings

SWITCH_INTERVAL = 0.0002  # seconds; a page that is read ahead comes in many small pieces, each waiting for its turn

app = typer.Typer(
    help="A trustworthy history for PocketBase: clients append events, a worker records them in a hash-chained"
    " log and writes the rows.",
    epilog="Passwords come from the environment only: POCKETBASE_SUPERUSER_PASSWORD,"
    " POCKETBASE_EVENTS_WORKER_PASSWORD. So does POCKETBASE_SUPERUSER_TOKEN, which replaces a superuser's email and"
    " password.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        tell(f"pocketbase-events {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="POCKETBASE_URL", help="PocketBase's address.")] = DEFAULT_URL,
    superuser_email: Annotated[
        str | None,
        typer.Option(
            envvar="POCKETBASE_SUPERUSER_EMAIL",
            help="Who sets up, attaches, imports, undoes, retries and removes rows.",
        ),
    ] = None,
    worker_email: Annotated[
        str, typer.Option(envvar="POCKETBASE_EVENTS_WORKER_EMAIL", help="The worker's account.")
    ] = DEFAULT_WORKER_EMAIL,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version, and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Read the settings that every command shares."""
    del version
    context.obj = read_settings(url=url, superuser_email=superuser_email, worker_email=worker_email)


for command in (serve, init, attach, detach, run, status, verify, check, rebuild, history, show, follow, export):
    app.command()(command)
app.command("import")(import_log)
app.command()(undo)
app.command()(revert)
app.command()(rejected)
app.command()(retry)
app.command()(relay)
app.command()(replica)
app.command()(javascript)
app.command()(admin_ui)


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    _prepare()
    try:
        app()
    except (TroubleError, CredentialsRefusedError) as error:
        fail(str(error), UNREACHABLE)
    except WrongUsageError as error:
        fail(str(error), WRONG_USAGE)
    except PocketBaseEventsError as error:
        fail(str(error), PROBLEM)
    except OSError as error:
        # Our output can't be written; Python would complain again while it exits.
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader is gone
            sys.exit(PROBLEM)
        fail(f"{error.filename or 'standard output'} can't be written ({error.strerror}).", PROBLEM)
    except Exception as error:  # noqa: BLE001 - no traceback ever reaches a user
        if ended := _ended_by(error):
            sys.exit(ended)
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at is not None else "?"
        fail(
            f"This is a bug in pocketbase-events ({type(error).__name__} at {where}). Please report it.",
            PROBLEM,
        )


def _ended_by(error: BaseException) -> int:
    """The exit code if a signal was ending the command when this was raised; else 0.

    Where it meets a thread that is about to wait, Python fails to release the lock (RuntimeError in `threading`).
    """
    while error.__context__ is not None:
        error = error.__context__
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED
        if isinstance(error, SystemExit) and isinstance(error.code, int):
            return error.code
    return 0


def _prepare() -> None:
    """Make the process behave: its streams, its warnings, its threads, and that it cleans up when it is terminated."""
    logging.captureWarnings(capture=True)
    sys.setswitchinterval(SWITCH_INTERVAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    if sys.stderr is None:  # it is closed, and what is opened next would take its place
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # half a surrogate pair, which rows may hold, can't be written as it is
            stream.reconfigure(errors="backslashreplace")
