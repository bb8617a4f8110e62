"""rejected: the events that could not be applied, each with the reason."""

from typing import Any

import typer

from pocketbase_events.cli.options import JsonOption, LimitOption
from pocketbase_events.cli.output import KIND_COLOURS, PAGE, is_terminal, print_json, print_table, say, tell
from pocketbase_events.cli.table import Column
from pocketbase_events.pb.connect import gateway

COLUMNS = (
    Column("id", whole=True),
    Column("appended (UTC)", whole=True),
    Column("type", whole=True, colours=KIND_COLOURS),
    Column("collection", whole=True),
    Column("item", whole=True),
    Column("why"),
)


def rejected(context: typer.Context, limit: LimitOption = None, as_json: JsonOption = False) -> None:
    """List the rejected events, each with the reason. Newest first.

    Example: pocketbase-events rejected
    """
    with gateway(context.obj) as seen:
        events = seen.rejected()
    if as_json:
        keys = ("id", "collection", "item_id", "type", "error", "created")
        print_json([{key: event[key] for key in keys} for event in events[-(limit or len(events)) :]])
        return
    if not events:
        tell("No event is rejected.")
        return
    newest = events[-(limit or (PAGE if is_terminal() else len(events))) :][::-1]
    print_table(COLUMNS, (_row(event) for event in newest), full=True)
    if len(newest) < len(events):
        say(f"… and {len(events) - len(newest)} older events: --limit {len(events)} shows them.")


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    return event["id"], event["created"], event["type"], event["collection"], event["item_id"], event["error"]
