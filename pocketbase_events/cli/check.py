"""check: are the rows what the log says?"""

from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.options import Collections, DirOption, JsonOption
from pocketbase_events.cli.output import PROBLEM, SHOWN, print_json, say, short
from pocketbase_events.cli.progress import progress
from pocketbase_events.core.fold import Difference, Unfit, unfit
from pocketbase_events.jobs.check import Drift, find_drift
from pocketbase_events.pb.connect import row_source


def check(
    context: typer.Context,
    collections: Collections = None,
    folder: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether the rows are what the log says, and if not, which differ and how. Changes nothing.

    Example: pocketbase-events check notes
    """
    with row_source(context.obj, folder) as seen, progress() as watch:
        drift = find_drift(seen, collections or [], watch)
    if as_json:
        print_json(_document(drift))
    else:
        _print_drift(drift)
    tell_unfit(drift)
    if drift.differences:
        raise typer.Exit(PROBLEM)


def differences_in_words(drift: Drift, most: int) -> Iterator[str]:
    """A line for each of the first differences."""
    for each in drift.differences[:most]:
        yield f"{each.kind:8} {each.collection} {each.id}{_fields_in_words(each)}"
    if len(drift.differences) > most:
        yield f"… and {len(drift.differences) - most} more; --json lists all of them."


def tell_unfit(drift: Drift) -> None:
    """Tell on standard error what the log says and today's schema can't hold."""
    found = [each for name, target in drift.targets.items() for each in unfit(target, drift.fold.rows[name])]
    for each in (*found, *drift.outside.told()):
        say(_unfit_in_words(each))
    for seq in drift.fold.orphans[:SHOWN]:
        say(f"seq {seq} is about an item that no event created; it changes no row.")


def _drift_table(drift: Drift) -> Table:
    table = Table("collection", "rows", "missing", "changed", "extra")
    for name, rows in drift.rows.items():
        table.add_row(escape(name), str(rows), *map(str, drift.counts(name).values()))
    return table


def _document(drift: Drift) -> dict[str, Any]:
    return {
        "ok": not drift.differences,
        "seq": drift.fold.head.seq,
        "collections": {name: {"rows": rows, **drift.counts(name)} for name, rows in drift.rows.items()},
        "differences": [
            {
                "collection": each.collection,
                "id": each.id,
                "kind": each.kind,
                "fields": {name: list(values) for name, values in each.fields.items()},
            }
            for each in drift.differences
        ],
    }


def _print_drift(drift: Drift) -> None:
    Console().print(_drift_table(drift))
    for line in differences_in_words(drift, SHOWN):
        print(line)
    if drift.differences:
        print("Make the rows what the log says: pocketbase-events rebuild")
    else:
        print(f"Every row is what the log says (up to seq {drift.fold.head.seq}).")


def _fields_in_words(each: Difference) -> str:
    if not each.fields:
        return ""
    return ": " + ", ".join(
        f"{name} is {short(live)}, the log says {short(logged)}" for name, (logged, live) in each.fields.items()
    )


def _unfit_in_words(each: Unfit) -> str:
    seqs = ", ".join(map(str, each.seqs)) + (
        f" and {each.count - len(each.seqs)} more" if each.count > len(each.seqs) else ""
    )
    what = f'{each.collection}: the field "{each.field}" {each.why} (seq {seqs}).'
    if each.kind == "gone":
        return (
            f"{what} Rows are compared and rebuilt without it. If it was renamed, give it its old name back before a"
            " rebuild, which would empty the new one."
        )
    if each.kind == "outside":
        return f"{what} The log can't bring them back, so that is no difference, and rebuild leaves them out."
    if each.kind == "closed":
        return f"{what} Rows are compared and rebuilt without it, until the field is changed back."
    return f"{what} A row that is missing can't be inserted with it: change the field back before you rebuild it."
