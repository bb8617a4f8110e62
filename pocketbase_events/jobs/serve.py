"""Setting up the PocketBase that `serve` starts, with its demo collection."""

import json
from typing import Any

from pocketbase_events.errors import CredentialsRefusedError
from pocketbase_events.jobs.attach import attach
from pocketbase_events.jobs.setup import init
from pocketbase_events.jobs.targets import RULES
from pocketbase_events.logs import log
from pocketbase_events.pb.admin import Admin, Collection, administration
from pocketbase_events.pb.embedded import Credentials, Folder
from pocketbase_events.pb.schema_files import schema_file
from pocketbase_events.settings import Settings

SHOPPING = "shopping_items"
# What the demo begins with, so that there is something to look at: events, in order.
DEMO: tuple[dict[str, Any], ...] = (
    {"type": "create", "item_id": "bread0000000001", "data": {"title": "Bread", "qty": 1}},
    {"type": "create", "item_id": "apples000000001", "data": {"title": "Apples", "qty": 4}},
    {"type": "create", "item_id": "candles00000001", "data": {"title": "Candles", "qty": 10}},
    {"type": "update", "item_id": "bread0000000001", "data": {"note": "rye, not wheat"}},
    {"type": "update", "item_id": "apples000000001", "data": {"qty": 12}, "reason": "guests on Sunday"},
    {"type": "delete", "item_id": "candles00000001", "data": None, "reason": "found some in the drawer"},
    {"type": "update", "item_id": "bread0000000001", "data": {"done": True}},
)


def set_up(settings: Settings, credentials: Credentials, folder: Folder) -> None:
    """Set the embedded PocketBase up, and its demo if that was never completed.

    Raises:
        CredentialsRefusedError: if the superuser's password is not what the folder says, and there is no log yet.
        PocketBaseEventsError: as `init` and `attach` do.
    """
    try:
        with administration(settings) as admin:
            init(admin, settings)
            if not credentials.set_up:
                install_demo(admin)
                fill_demo(admin)
                folder.keep(credentials.model_copy(update={"set_up": True}))
    except CredentialsRefusedError as error:
        if not credentials.set_up:
            raise
        # The password was changed in the admin UI. The worker does not need it.
        log.warning("not_upgraded", why=str(error))


def install_demo(admin: Admin) -> None:
    """Create and attach the demo's collection, and open it: anyone appends, and reads rows and events."""
    demo: list[Collection] = json.loads(schema_file("demo.json").read_text())
    events = next(collection for collection in admin.collections() if collection["name"] == "events")
    admin.import_collections([*demo, {**events, "listRule": "", "viewRule": ""}])
    for collection in demo:
        attach(admin, collection["name"], dict.fromkeys(RULES, ""), lock=None)


def fill_demo(admin: Admin) -> None:
    """Append the events that the demo begins with, but for those that an earlier start has, before it was stopped."""
    for event in DEMO[admin.count("events") :]:
        admin.create("events", collection=SHOPPING, **event)
