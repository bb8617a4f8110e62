"""show: the rows as the log has them, at any moment."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json, say, short
from pocketbase_events.cli.progress import progress
from pocketbase_events.core.events import timestamp_of
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs import history as past
from pocketbase_events.pb.connect import gateway

MAX_DIGITS = 15  # of a seq; more are beyond the end of any log


def show(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="A collection of the log.")],
    item: Annotated[
        str | None, typer.Argument(metavar="ITEM", help="The id of an item; all, where none is named.")
    ] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="SEQ|TIME", help="A seq, or a time (UTC unless it names a zone).")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the rows as the log has them, now or at any moment.

    Example: pocketbase-events show notes --at '2026-01-31 09:30'
    """
    moment = _moment(at)
    with gateway(context.obj) as seen, progress() as watch:
        rows = past.rows_at(seen, collection, item, moment, watch)
    if as_json:
        print_json(rows)
        return
    if not rows and item is not None:
        say(f"The log has no event of {item} in {collection} by then.")
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*map(escape, names or ["id"]))
    for row in rows:
        table.add_row(*(escape(short(row[name])) if name in row else "" for name in names))
    Console().print(table)


def _moment(at: str) -> int | str | None:
    """What --at names: a seq, a timestamp of the log, or now."""
    if not at:
        return None
    if at.isascii() and at.isdigit():
        return int(at.lstrip("0")[:MAX_DIGITS] or 0)
    try:
        moment = datetime.fromisoformat(at)
        return timestamp_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise WrongUsageError(why=f"--at takes a seq or a time such as '2026-01-31 09:30', not {at}.") from None
