"""serve: a PocketBase of its own, and the worker beside it."""

import json
import threading
from pathlib import Path
from subprocess import Popen
from typing import Annotated

import typer
from pydantic import SecretStr

from pocketbase_events.cli.monitored import monitored
from pocketbase_events.cli.options import JsonLogOption, MetricsOption, host_and_port
from pocketbase_events.cli.output import log_to_stderr, tell
from pocketbase_events.cli.signals import stopping
from pocketbase_events.errors import ProblemError
from pocketbase_events.jobs.admin_ui import write_admin_ui
from pocketbase_events.jobs.record import run_worker
from pocketbase_events.jobs.serve import set_up
from pocketbase_events.pb.embedded import Credentials, Folder, address, embedded
from pocketbase_events.settings import Settings

WATCH_INTERVAL = 0.5  # seconds between two looks whether the embedded PocketBase still runs


def serve(
    context: typer.Context,
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where PocketBase listens.")] = "127.0.0.1:8090",
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where everything is kept.")] = Path("pb_data"),
    metrics: MetricsOption = None,
    as_json: JsonLogOption = False,
) -> None:
    """Start a PocketBase of its own with a demo collection, and the worker beside it.

    In the demo anyone who reaches it may append to shopping_items and read rows and events.

    Example: pocketbase-events serve --http 127.0.0.1:9000 --dir demo
    """
    log_to_stderr(as_json=as_json)
    url = address(*host_and_port("--http", http))
    kept = Folder(folder.absolute())
    with kept.in_use():
        _serve(context.obj, url, http, kept, metrics)


def _serve(given: Settings, url: str, http: str, kept: Folder, metrics: str | None) -> None:
    credentials = kept.credentials(given)
    settings = given.model_copy(
        update={
            "url": url,
            "superuser_token": None,  # which is for another PocketBase
            "superuser_email": credentials.superuser_email,
            "superuser_password": SecretStr(credentials.superuser_password),
            "worker_password": SecretStr(credentials.worker_password),
        }
    )
    write_admin_ui(kept.path / "pb_hooks")
    stop, wake = threading.Event(), threading.Event()
    with (
        stopping(stop, wake),
        monitored(metrics, wake) as observer,
        embedded(kept.path, http, url, credentials) as process,
    ):
        set_up(settings, credentials, kept)
        _print_welcome(url, http, credentials, kept)
        threading.Thread(target=_watch, args=(process, stop, wake), daemon=True).start()
        run_worker(settings, stop, wake, observer)
        if process.poll() is not None:
            raise ProblemError(why=f"PocketBase ended by itself; see {kept.path / 'pocketbase.log'}.")


def _watch(process: Popen[bytes], stop: threading.Event, wake: threading.Event) -> None:
    """Stop the worker when the embedded PocketBase ends by itself."""
    while process.poll() is None and not stop.wait(WATCH_INTERVAL):
        pass
    stop.set()
    wake.set()


def _print_welcome(url: str, http: str, credentials: Credentials, kept: Folder) -> None:
    password = credentials.superuser_password if not credentials.set_up else f"in {kept.path / 'credentials.json'}"
    api = f"{url}/api/collections"
    item = {"collection": "shopping_items", "item_id": "milk00000000001"}
    example = {"type": "create", **item, "data": {"title": "Milk"}}
    body = json.dumps(example, separators=(",", ":"))
    tell(
        f"""
Admin UI   {url}/_/   (listening on {http})
  log in   {credentials.superuser_email}
  password {password}

Click an item of shopping_items, change it, and save; History, in the same form, shows who changed it before and takes
changes back. Events, at the top, is the whole log: as it happens, as it was, and checked by one click.

From a terminal: append an event, look at the row, look at the event:
  curl {api}/events/records -H 'Content-Type: application/json' -d '{body}'
  curl {api}/shopping_items/records
  curl {api}/events/records

This is a demo: anyone who can reach it may append to shopping_items, and read its rows and all events.
Everything is kept in {kept.path}. Ctrl-C stops PocketBase and the worker.
""",
    )
