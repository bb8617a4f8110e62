"""The command line: parse, wire, print, exit code. No rule of the domain lives here."""

import json
import logging
import os
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from typing import Annotated, Any
from uuid import uuid4

import structlog
import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events import install
from pocketbase_events.accounts import worker_token
from pocketbase_events.admin import administration
from pocketbase_events.errors import (
    CredentialsRefusedError,
    PocketBaseEventsError,
    ProblemError,
    TroubleError,
    WrongUsageError,
)
from pocketbase_events.gateway import Gateway
from pocketbase_events.inspection import report, retry
from pocketbase_events.realtime import WakeUp
from pocketbase_events.serve import Credentials, Folder, address, embedded
from pocketbase_events.settings import DEFAULT_URL, DEFAULT_WORKER_EMAIL, Settings
from pocketbase_events.signals import stopping
from pocketbase_events.worker import HOLD_INTERVAL, Step, Worker

PROBLEM, WRONG_USAGE, UNREACHABLE = 1, 2, 3  # exit codes
WATCH_INTERVAL = 0.5  # seconds between two looks whether the embedded PocketBase still runs

app = typer.Typer(
    help="A trustworthy history for PocketBase: clients append events, a worker records them in a hash-chained"
    " log and writes the rows.",
    epilog="Passwords come from the environment only: POCKETBASE_SUPERUSER_PASSWORD,"
    " POCKETBASE_EVENTS_WORKER_PASSWORD.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
JsonLogOption = Annotated[bool, typer.Option("--json", help="Logs as JSON, and reports as one JSON document.")]


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="POCKETBASE_URL", help="PocketBase's address.")] = DEFAULT_URL,
    superuser_email: Annotated[
        str | None,
        typer.Option(envvar="POCKETBASE_SUPERUSER_EMAIL", help="Who sets up, attaches, detaches and retries."),
    ] = None,
    worker_email: Annotated[
        str, typer.Option(envvar="POCKETBASE_EVENTS_WORKER_EMAIL", help="The worker's account.")
    ] = DEFAULT_WORKER_EMAIL,
) -> None:
    """Read the settings that every command shares."""
    given = {"url": url, "superuser_email": superuser_email, "worker_email": worker_email}
    try:
        context.obj = Settings.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        raise WrongUsageError(why=str(error.errors()[0]["msg"]).removeprefix("Value error, ") + ".") from None


@app.command()
def serve(
    context: typer.Context,
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where PocketBase listens.")] = "127.0.0.1:8090",
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where everything is kept.")] = Path("pb_data"),
    as_json: JsonLogOption = False,
) -> None:
    """Start a PocketBase of its own with a demo collection, and the worker beside it.

    In the demo anyone who reaches it may append to shopping_items and read rows and events.
    """
    _log_to_stderr(as_json=as_json)
    url = address(http)
    kept = Folder(folder.absolute())
    credentials = kept.credentials(context.obj)
    settings = context.obj.model_copy(
        update={
            "url": url,
            "superuser_email": credentials.superuser_email,
            "superuser_password": SecretStr(credentials.superuser_password),
            "worker_password": SecretStr(credentials.worker_password),
        }
    )
    stop, wake = threading.Event(), threading.Event()
    with stopping(stop, wake), embedded(kept.path, http, url, credentials) as process:
        _set_up(settings, credentials, kept)
        _print_welcome(url, http, credentials, kept)
        threading.Thread(target=_watch, args=(process, stop, wake), daemon=True).start()
        _work(settings, stop, wake)
        if process.poll() is not None:
            raise ProblemError(why=f"PocketBase ended by itself; see {kept.path / 'pocketbase.log'}.")


@app.command()
def init(context: typer.Context, as_json: JsonOption = False) -> None:
    """Create or upgrade the event log in a running PocketBase, and the worker's account. Needs a superuser.

    Safe to run again: list and view rules that you edited stay as they are.
    """
    with administration(context.obj) as admin:
        done = install.init(admin, context.obj)
    if as_json:
        _print_json({"locked": done.locked, "worker": {"email": done.worker_email, "password": done.password}})
        return
    print(f"The event log at {context.obj.url} is ready.")
    if done.password is not None:
        print(f"The worker's account is {done.worker_email}. Its password, shown this once:\n")
        print(f"  export POCKETBASE_EVENTS_WORKER_PASSWORD={done.password}\n")
    if not done.locked:
        print("This PocketBase has no SQL endpoint (0.39 and newer): superusers can still edit the log.")
    print("Next: pocketbase-events attach COLLECTION --allow RULE, then pocketbase-events run")


@app.command()
def attach(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="A base collection without rows.")],
    create: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append create events.")] = None,
    update: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append update events.")] = None,
    delete: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append delete events.")] = None,
    allow: Annotated[str | None, typer.Option(metavar="RULE", help="All three rules at once.")] = None,
    lock: Annotated[
        bool | None,
        typer.Option(help="Keep superusers, too, from writing its rows: as a rule, where PocketBase is 0.39 or newer."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a collection under the log. Needs a superuser.

    A RULE is PocketBase's rule language over the event that is appended (its data, item_id and actor).
    An empty RULE admits everyone; without a rule only superusers may append. Run again, it changes what is given.

    Example: pocketbase-events attach notes --allow '@request.auth.id != ""'
    """
    given = {"create_rule": create, "update_rule": update, "delete_rule": delete}
    rules = {rule: allow if value is None else value for rule, value in given.items()}
    chosen = {rule: value for rule, value in rules.items() if value is not None}
    with administration(context.obj) as admin:
        looked_into = install.attach(admin, collection, chosen, lock=lock)
    if len(looked_into) > 1:
        _say(
            f"Warning: the rules look into {', '.join(sorted(looked_into))}. PocketBase multiplies their rows at each"
            " append, which becomes slow; see the README on rules for owners."
        )
    if as_json:
        _print_json({"collection": collection})
        return
    print(f"{collection} is attached: append events to write its rows.")


@app.command()
def detach(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="An attached collection.")],
    as_json: JsonOption = False,
) -> None:
    """Take a collection out of the log; rows and events stay. Needs a superuser."""
    with administration(context.obj) as admin:
        install.detach(admin, collection)
    if as_json:
        _print_json({"collection": collection})
        return
    print(f"{collection} is detached. Its rows and events stay; superusers write its rows from now on.")


@app.command()
def run(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Process what is pending, and exit.")] = False,
    as_json: JsonLogOption = False,
) -> None:
    """Record events as they are appended, until SIGTERM or Ctrl-C. Needs the worker's password, or a superuser."""
    _log_to_stderr(as_json=as_json)
    stop, wake = threading.Event(), threading.Event()
    with stopping(stop, wake):
        if not once:
            _work(context.obj, stop, wake)
            return
        with _gateway(context.obj) as gateway:
            worker = _worker(gateway)
            while worker.run_to_end(stop) in (Step.CONFLICT, Step.HELD) and not stop.wait(HOLD_INTERVAL):
                pass
        tally = {"recorded": worker.tally.recorded, "rejected": worker.tally.rejected}
        if as_json:
            _print_json(tally)
        else:
            print("Recorded {recorded}, rejected {rejected}.".format(**tally))


@app.command()
def status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Say whether all is well, and if not, what is wrong (exit code 1)."""
    with _gateway(context.obj) as gateway:
        looked = report(gateway)
    if as_json:
        _print_json(looked.document)
    else:
        _print_status(looked.document)
    for problem in looked.problems:
        _say(problem)
    if looked.problems:
        raise typer.Exit(PROBLEM)


@app.command()
def rejected(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the rejected events, each with the reason."""
    with _gateway(context.obj) as gateway:
        events = gateway.rejected()
    if as_json:
        keys = ("id", "collection", "item_id", "type", "error", "created")
        _print_json([{key: event[key] for key in keys} for event in events])
        return
    if not events:
        print("No event is rejected.")
        return
    table = Table("id", "event", "why", "appended", show_lines=True)
    for event in events:
        what = f"{event['type']} {event['collection']} {event['item_id']}"
        table.add_row(event["id"], escape(what), escape(event["error"]), event["created"][:19])
    Console().print(table)


@app.command(name="retry")
def retry_command(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Of rejected events.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rejected events.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make rejected events pending again. Needs a superuser."""
    if bool(ids) == everything:
        raise WrongUsageError(why="Name the events to retry by their ids, or give --all.")
    with administration(context.obj) as admin:
        retried = retry(admin, ids or [], everything=everything)
    if as_json:
        _print_json({"retried": retried})
        return
    print(f"{len(retried)} {'event is' if len(retried) == 1 else 'events are'} pending again.")


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    logging.captureWarnings(capture=True)
    try:
        app()
    except (TroubleError, CredentialsRefusedError) as error:
        _fail(str(error), UNREACHABLE)
    except WrongUsageError as error:
        _fail(str(error), WRONG_USAGE)
    except PocketBaseEventsError as error:
        _fail(str(error), PROBLEM)
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PROBLEM)
    except Exception as error:  # noqa: BLE001 - no traceback ever reaches a user
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at is not None else "?"
        _fail(
            f"This is a bug in pocketbase-events ({type(error).__name__} at {where}). Please report it.",
            PROBLEM,
        )


def _gateway(settings: Settings) -> closing[Gateway]:
    return closing(Gateway(settings.url, lambda: worker_token(settings)))


def _worker(gateway: Gateway) -> Worker:
    return Worker(gateway, now=lambda: datetime.now(UTC), new_id=uuid4, timer=time.monotonic)


def _work(settings: Settings, stop: threading.Event, wake: threading.Event) -> None:
    """Work until told to stop. Wrong credentials end it at the start; a PocketBase that is down does not."""
    with _gateway(settings) as gateway:
        try:
            gateway.token()
        except TroubleError as error:
            structlog.get_logger().warning("waiting_for_pocketbase", why=str(error))
        wake_up = WakeUp(settings.url, gateway.token, wake)
        wake_up.start()
        try:
            _worker(gateway).run(stop, wake, silent=wake_up.reconnect)
        finally:
            wake_up.stop()
    structlog.get_logger().info("stopped")


def _set_up(settings: Settings, credentials: Credentials, kept: Folder) -> None:
    """Set the embedded PocketBase up, and its demo where that was never completed."""
    try:
        with administration(settings) as admin:
            install.init(admin, settings)
            if not credentials.set_up:
                install.install_demo(admin)
                kept.keep(credentials.model_copy(update={"set_up": True}))
    except CredentialsRefusedError as error:
        if not credentials.set_up:
            raise
        # The password was changed in the admin UI; the worker needs none of it.
        structlog.get_logger().warning("not_upgraded", why=str(error))


def _watch(process: Popen[bytes], stop: threading.Event, wake: threading.Event) -> None:
    """Stop the worker when the embedded PocketBase ends by itself."""
    while process.poll() is None and not stop.wait(WATCH_INTERVAL):
        pass
    stop.set()
    wake.set()


def _log_to_stderr(*, as_json: bool) -> None:
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _print_welcome(url: str, http: str, credentials: Credentials, kept: Folder) -> None:
    password = credentials.superuser_password if not credentials.set_up else f"in {kept.path / 'credentials.json'}"
    api = f"{url}/api/collections"
    item = {"collection": "shopping_items", "item_id": "milk00000000001"}
    example = {"type": "create", **item, "data": {"title": "Milk"}}
    body = json.dumps(example, separators=(",", ":"))
    print(
        f"""
Admin UI   {url}/_/   (listening on {http})
  log in   {credentials.superuser_email}
  password {password}

Append an event, look at the row, look at the event:
  curl {api}/events/records -H 'Content-Type: application/json' -d '{body}'
  curl {api}/shopping_items/records
  curl {api}/events/records

This is a demo: whoever reaches it may append to shopping_items, and read its rows and all events.
Everything is kept in {kept.path}. Ctrl-C stops PocketBase and the worker.
""",
        flush=True,
    )


def _print_status(document: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    head = document["head"]
    table.add_row("head", f"seq {head['seq']}  {head['hash'][:12]}")
    waiting = document["oldest_pending_seconds"]
    table.add_row("pending", f"{document['pending']}" + (f" (for {waiting:.0f} s)" if document["pending"] else ""))
    table.add_row("rejected", f"{document['rejected']}")
    if document["hold"]:
        table.add_row("held", f"by {document['hold']['by']} until {document['hold']['until']}")
    table.add_row("log", "locked" if document["locked"] else "not locked against superusers")
    for target in document["targets"]:
        table.add_row("attached", f"{target['collection']}" + (" (locked)" if target["locked"] else ""))
    Console(highlight=False).print(table)


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _fail(sentence: str, code: int) -> None:
    _say(f"Error: {sentence}")
    sys.exit(code)
