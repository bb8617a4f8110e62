"""serve, init, attach, detach: what sets things up."""

import json
import threading
from pathlib import Path
from subprocess import Popen
from typing import Annotated
from uuid import uuid4

import typer
from pydantic import SecretStr

from pocketbase_events.cli.options import JsonLogOption, JsonOption
from pocketbase_events.cli.output import log_to_stderr, print_json, say
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.signals import stopping
from pocketbase_events.errors import CredentialsRefusedError, ProblemError
from pocketbase_events.jobs import setup
from pocketbase_events.jobs.adopt import Adopted
from pocketbase_events.jobs.adopt import adopt as adopt_rows
from pocketbase_events.jobs.record.run import settle, work, worker
from pocketbase_events.logs import log
from pocketbase_events.pb.admin import Admin, administration
from pocketbase_events.pb.connect import gateway, superuser_gateway
from pocketbase_events.pb.embedded import Credentials, Folder, address, embedded
from pocketbase_events.settings import Settings

NAMED = 10  # items in a sentence
WATCH_INTERVAL = 0.5  # seconds between two looks whether the embedded PocketBase still runs


def serve(
    context: typer.Context,
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where PocketBase listens.")] = "127.0.0.1:8090",
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where everything is kept.")] = Path("pb_data"),
    as_json: JsonLogOption = False,
) -> None:
    """Start a PocketBase of its own with a demo collection, and the worker beside it.

    In the demo anyone who reaches it may append to shopping_items and read rows and events.

    Example: pocketbase-events serve --http 127.0.0.1:9000 --dir demo
    """
    log_to_stderr(as_json=as_json)
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
        work(settings, stop, wake)
        if process.poll() is not None:
            raise ProblemError(why=f"PocketBase ended by itself; see {kept.path / 'pocketbase.log'}.")


def init(context: typer.Context, as_json: JsonOption = False) -> None:
    """Create or upgrade the event log in a running PocketBase, and the worker's account. Needs a superuser.

    Safe to run again: list and view rules that you edited stay as they are.

    Example: pocketbase-events init
    """
    with administration(context.obj) as admin:
        done = setup.init(admin, context.obj)
    if as_json:
        print_json({"locked": done.locked, "worker": {"email": done.worker_email, "password": done.password}})
        return
    print(f"The event log at {context.obj.url} is ready.")
    if done.password is not None:
        print(f"The worker's account is {done.worker_email}. Its password, shown this once:\n")
        print(f"  export POCKETBASE_EVENTS_WORKER_PASSWORD={done.password}\n")
    if not done.locked:
        print("This PocketBase has no SQL endpoint (0.39 and newer): superusers can still edit the log.")
    print("Next: pocketbase-events attach COLLECTION --allow RULE, then pocketbase-events run")


def attach(
    context: typer.Context,
    collection: Annotated[
        str, typer.Argument(metavar="COLLECTION", help="A base collection; one that has rows with --adopt.")
    ],
    create: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append create events.")] = None,
    update: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append update events.")] = None,
    delete: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append delete events.")] = None,
    allow: Annotated[str | None, typer.Option(metavar="RULE", help="All three rules at once.")] = None,
    lock: Annotated[
        bool | None,
        typer.Option(help="Keep superusers, too, from writing its rows: as a rule, where PocketBase is 0.39 or newer."),
    ] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Record a create event for each row that is there already.")
    ] = False,
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
    log_to_stderr(as_json=as_json)
    adopted = Adopted(0, [])
    with administration(context.obj) as admin:
        if adopt:
            adopted = _adopt(context.obj, admin, collection, chosen, lock=lock)
        looked_into = setup.attach(admin, collection, chosen, lock=lock, adopted=adopt)
    if len(looked_into) > 1:
        say(
            f"Warning: the rules look into {', '.join(sorted(looked_into))}. PocketBase multiplies their rows at each"
            " append, which becomes slow; see the README on rules for owners."
        )
    if adopted.gone:
        _say_gone(collection, adopted.gone)
    if as_json:
        print_json({"collection": collection})
        return
    print(f"{collection} is attached: append events to write its rows.")
    if adopt:
        print(f"{adopted.rows} rows were adopted.")


def detach(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="An attached collection.")],
    as_json: JsonOption = False,
) -> None:
    """Take a collection out of the log; rows and events stay. Needs a superuser.

    Example: pocketbase-events detach notes
    """
    with administration(context.obj) as admin:
        setup.detach(admin, collection)
    if as_json:
        print_json({"collection": collection})
        return
    print(f"{collection} is detached. Its rows and events stay; superusers write its rows from now on.")


def _adopt(settings: Settings, admin: Admin, collection: str, rules: dict[str, str], *, lock: bool | None) -> Adopted:
    """Record the rows of a collection that is not attached yet."""
    with gateway(settings) as seen:
        seen.token()  # or the collection would stay frozen for want of a worker
    target = setup.freeze(admin, collection, rules, lock=lock)
    if target is None:
        return Adopted(0, [])
    try:
        with (
            gateway(settings) as seen,
            gateway(settings) as recording,
            superuser_gateway(settings) as superuser,
            progress() as watch,
        ):
            recorder, never = worker(recording), threading.Event()
            return adopt_rows(seen, superuser, target, lambda: settle(recorder, never), uuid4, watch)
    except ProblemError:
        setup.thaw(admin, collection)
        raise


def _say_gone(collection: str, gone: list[str]) -> None:
    named = ", ".join(gone[:NAMED]) + (f" and {len(gone) - NAMED} more" if len(gone) > NAMED else "")
    say(
        f"The log has items that {collection} has no row of: {named}. To have them again, run:"
        f" pocketbase-events rebuild {collection}"
    )


def _set_up(settings: Settings, credentials: Credentials, kept: Folder) -> None:
    """Set the embedded PocketBase up, and its demo where that was never completed."""
    try:
        with administration(settings) as admin:
            setup.init(admin, settings)
            if not credentials.set_up:
                setup.install_demo(admin)
                kept.keep(credentials.model_copy(update={"set_up": True}))
    except CredentialsRefusedError as error:
        if not credentials.set_up:
            raise
        # The password was changed in the admin UI; the worker needs none of it.
        log.warning("not_upgraded", why=str(error))


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
