"""rejected: the events that could not be applied, each with the reason."""

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json
from pocketbase_events.pb.connect import gateway


def rejected(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the rejected events, each with the reason.

    Example: pocketbase-events rejected
    """
    with gateway(context.obj) as seen:
        events = seen.rejected()
    if as_json:
        keys = ("id", "collection", "item_id", "type", "error", "created")
        print_json([{key: event[key] for key in keys} for event in events])
        return
    if not events:
        print("No event is rejected.")
        return
    table = Table("id", "event", "why", "appended", show_lines=True)
    for event in events:
        what = f"{event['type']} {event['collection']} {event['item_id']}"
        table.add_row(event["id"], escape(what), escape(event["error"]), event["created"][:19])
    Console().print(table)
