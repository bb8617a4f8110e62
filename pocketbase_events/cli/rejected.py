"""rejected: the events that could not be applied, each with the reason."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pocketbase_events.cli.options import JsonOption, LimitOption
from pocketbase_events.cli.output import KIND_COLOURS, PAGE, is_terminal, print_json, print_table, say, tell
from pocketbase_events.cli.table import Column
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs import rejected as jobs
from pocketbase_events.pb.admin import administration
from pocketbase_events.pb.connect import gateway
from pocketbase_events.settings import Settings

COLUMNS = (
    Column("id", whole=True),
    Column("appended (UTC)", whole=True),
    Column("type", whole=True, colours=KIND_COLOURS),
    Column("collection", whole=True),
    Column("item", whole=True),
    Column("why"),
)


def rejected(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="With --dismiss: the events.")] = None,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="Delete rejected events. Needs a superuser.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --dismiss: all rejected events.")] = False,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rejected events, each with the reason. Newest first.

    Examples: pocketbase-events rejected; pocketbase-events rejected --dismiss abc123def456ghi
    """
    if dismiss and bool(ids) == everything:
        raise WrongUsageError(why="Name the events to dismiss by their ids, or give --all.")
    if not dismiss and (ids or everything):
        raise WrongUsageError(why="Ids and --all say which events to dismiss. Give --dismiss as well.")
    if dismiss:
        _dismiss(context.obj, ids or [], everything=everything, as_json=as_json)
    else:
        _list(context.obj, limit, as_json=as_json)


def _dismiss(settings: Settings, ids: Sequence[str], *, everything: bool, as_json: bool) -> None:
    with administration(settings) as admin:
        dismissed = jobs.dismiss(admin, ids, everything=everything)
    if as_json:
        print_json({"dismissed": dismissed})
    else:
        tell(f"{len(dismissed)} rejected {'event was' if len(dismissed) == 1 else 'events were'} deleted.")


def _list(settings: Settings, limit: int | None, *, as_json: bool) -> None:
    with gateway(settings) as seen:
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
