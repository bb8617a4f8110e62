"""init: the event log in a running PocketBase, and the worker's account."""

import typer

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json, tell
from pocketbase_events.jobs import setup
from pocketbase_events.pb.admin import administration


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
    tell(f"The event log at {context.obj.url} is ready.")
    if done.password is not None:
        tell(f"The worker's account is {done.worker_email}. Its password, shown this once:\n")
        tell(f"  export POCKETBASE_EVENTS_WORKER_PASSWORD={done.password}\n")
    if done.other_workers:
        tell(
            f"Besides this account, event_workers has {done.other_workers}: anyone with its password can record events."
            " Delete it in the admin UI, unless a worker uses it."
        )
    if not done.locked:
        tell("This PocketBase has no SQL endpoint (0.39 and newer): superusers can still edit the log.")
    tell("Next: pocketbase-events attach COLLECTION --allow RULE, then pocketbase-events run")
