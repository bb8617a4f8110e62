"""show: the rows as the log has them, at any moment."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.moment import MOMENT, moment_of
from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json, say, short
from pocketbase_events.cli.progress import progress
from pocketbase_events.jobs import history as past
from pocketbase_events.pb.connect import gateway


def show(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="A collection of the log.")],
    item: Annotated[
        str | None, typer.Argument(metavar="ITEM", help="The id of an item; all, where none is named.")
    ] = None,
    at: Annotated[str, typer.Option("--at", metavar="SEQ|TIME", help=MOMENT)] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the rows as the log has them, now or at any moment.

    Example: pocketbase-events show notes --at '2026-01-31 09:30'
    """
    moment = moment_of("--at", at)
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
