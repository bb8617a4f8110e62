"""show: the rows as the log has them, at any moment."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from pocketbase_events.cli.moment import MOMENT, moment_of
from pocketbase_events.cli.options import FullOption, JsonOption, LimitOption
from pocketbase_events.cli.output import PAGE, is_terminal, print_json, print_table, say
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.table import Column
from pocketbase_events.cli.text import shown
from pocketbase_events.core.json_text import Json
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs import history as past
from pocketbase_events.pb.connect import gateway

Row = dict[str, Json]


def show(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="A collection of the log.")],
    item: Annotated[str | None, typer.Argument(metavar="ITEM", help="The id of an item; all if none is named.")] = None,
    at: Annotated[str, typer.Option("--at", metavar="SEQ|TIME", help=MOMENT)] = "",
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="FIELD=VALUE", help="Only rows with this value. May be given several times."),
    ] = None,
    sort: Annotated[
        str, typer.Option("--sort", metavar="FIELD", help="Order by a field; -FIELD: the other way round.")
    ] = "",
    limit: LimitOption = None,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the rows as the log has them, now or at any moment.

    Examples: pocketbase-events show notes --at '2026-01-31 09:30';
    pocketbase-events show notes --filter deleted=false --sort -priority --limit 10
    """
    moment, wanted = moment_of("--at", at), [_wanted(text) for text in filters or []]
    with gateway(context.obj) as seen, progress() as watch:
        rows = past.rows_at(seen, collection, item, moment, watch)
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["id"]
    _refuse_unknown([*(name for name, _ in wanted), sort.removeprefix("-")], rows, names)
    found = _sorted([row for row in rows if all(_has(row, *each) for each in wanted)], sort)
    shorter = found[: limit or (PAGE if is_terminal() and not as_json else len(found))]
    if as_json:
        print_json(shorter)
        return
    if not rows and item is not None:
        say(f"The log has no event of {item} in {collection} by then.")
        return
    columns = [Column(name, whole=name in ("id", "deleted")) for name in names]
    print_table(columns, ([_cell(row, name) for name in names] for row in shorter), full=full)
    if len(shorter) < len(found):
        say(f"… and {len(found) - len(shorter)} more rows: --limit {len(found)} shows them.")


def _cell(row: Row, name: str) -> str:
    """A value as JSON, which tells 1 from "1"; an id as it is, to be copied."""
    return row["id"] if name == "id" else shown(row[name]) if name in row else ""


def _wanted(text: str) -> tuple[str, list[Json]]:
    """The field that a filter names, and the values that it may have: as JSON, or as the text that it is."""
    name, equals, value = text.partition("=")
    if not equals:
        raise WrongUsageError(why=f"--filter takes FIELD=VALUE, not {text}.")
    try:
        return name, [value, json.loads(value)]
    except (ValueError, RecursionError):
        return name, [value]


def _has(row: Row, name: str, values: Sequence[Json]) -> bool:
    """Whether a row has one of these values; true is not 1."""
    return any(
        row.get(name) == value and isinstance(row.get(name), bool) == isinstance(value, bool) for value in values
    )


def _refuse_unknown(asked: Sequence[str], rows: Sequence[Row], names: Sequence[str]) -> None:
    unknown = [name for name in asked if name and name not in names]
    if rows and unknown:
        raise WrongUsageError(why=f"No row has the field {unknown[0]}. The fields are: {', '.join(names)}.")


def _sorted(rows: list[Row], sort: str) -> list[Row]:
    """The rows by a field: nothing first, then false, true, numbers, texts, and everything else by its JSON."""
    if not sort:
        return rows
    return sorted(rows, key=lambda row: _rank(row.get(sort.removeprefix("-"))), reverse=sort.startswith("-"))


def _rank(value: Json) -> tuple[int, float, str]:
    match value:
        case None:
            return 0, 0, ""
        case bool():
            return 1, value, ""
        case int() | float():
            return 2, value, ""
        case str():
            return 3, 0, value
        case _:
            return 4, 0, json.dumps(value, sort_keys=True)
