"""history: every event of an item."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json, say, short
from pocketbase_events.jobs import history as past
from pocketbase_events.pb.connect import gateway


def history(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="A collection of the log.")],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The id of an item.")],
    as_json: JsonOption = False,
) -> None:
    """Tell every recorded event of an item: who changed what, from what to what, and when.

    Example: pocketbase-events history notes abc123def456ghi
    """
    with gateway(context.obj) as seen:
        events = list(past.history(seen, collection, item))
    if as_json:
        print_json(events)
        return
    if not events:
        say(f"The log has no event of {item} in {collection}.")
        return
    table = Table("seq", "when (UTC)", "type", "actor", "field", "from", "to")
    for event in events:
        changes = [(name, short(old), short(new)) for name, (old, new) in event["changes"].items()] or [("", "", "")]
        for place, change in enumerate(changes):
            first = (
                (str(event["seq"]), event["timestamp"][:19], event["type"], event["actor"]) if not place else ("",) * 4
            )
            table.add_row(*map(escape, (*first, *change)), end_section=place == len(changes) - 1)
    Console().print(table)
