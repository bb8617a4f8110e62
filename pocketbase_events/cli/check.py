"""check: are the rows what the log says?"""

from collections.abc import Iterator
from typing import Any

import typer

from pocketbase_events.cli.options import (
    Collections,
    DirOption,
    FilesOption,
    FullOption,
    JsonOption,
    NatsOption,
    StreamOption,
)
from pocketbase_events.cli.output import KIND_COLOURS, PROBLEM, SHOWN, print_json, print_table, say, tell
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.table import Column
from pocketbase_events.cli.text import shown
from pocketbase_events.core.fold import Difference, Unfit, unfit
from pocketbase_events.core.suggestions import renames_suggested
from pocketbase_events.jobs.check import Drift, find_drift
from pocketbase_events.pb.connect import row_source
from pocketbase_events.stream.messages import DEFAULT_STREAM
from pocketbase_events.stream.source import log_from

COUNTS = [Column(name, whole=True) for name in ("collection", "rows", "missing", "changed", "extra")]
DIFFERENCES = (
    Column("kind", whole=True, colours=KIND_COLOURS),
    Column("collection", whole=True),
    Column("id", whole=True),
    Column("field", colours={"": "bold"}),
    Column("the row has", colours={"": "red"}),
    Column("the log says", colours={"": "green"}),
)


def check(
    context: typer.Context,
    collections: Collections = None,
    folder: DirOption = None,
    nats: NatsOption = None,
    stream: StreamOption = DEFAULT_STREAM,
    files: FilesOption = False,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say whether the rows are what the log says, and if not, which differ and how. Changes nothing.

    Example: pocketbase-events check notes
    """
    with row_source(context.obj, folder) as rows, log_from(rows, nats, stream) as seen, progress() as watch:
        drift = find_drift(seen, collections or [], watch, files=files)
    if as_json:
        print_json(_document(drift))
    else:
        _print_drift(drift, full=full)
    tell_unfit(drift)
    _suggest(drift)
    if drift.differences:
        raise typer.Exit(PROBLEM)


def _suggest(drift: Drift) -> None:
    """Say which fields were renamed, as it seems."""
    for name, target in drift.targets.items():
        for old, new in renames_suggested(target, drift.fold.rows[name], drift.differences):
            say(
                f'{name}: the rows have in "{new}" what the log says of "{old}". If the field was renamed, run:'
                f" pocketbase-events attach {name} --renamed {old}={new}"
            )


def print_differences(drift: Drift, most: int, *, full: bool = False, beside: bool = False) -> None:
    """Print the first differing rows, a line for each field, to standard output or beside it."""
    shorter = drift.differences if full else drift.differences[:most]
    rows = (row for each in shorter for row in _rows(each))
    print_table(DIFFERENCES, rows, full=full, beside=beside, way_to_the_rest="check --full")
    if len(shorter) < len(drift.differences):
        say(f"… and {len(drift.differences) - len(shorter)} more rows: check --full shows them.")


def tell_unfit(drift: Drift) -> None:
    """Say what the log says and today's schema can't hold, and what is lost outside of the log."""
    found = [each for name, target in drift.targets.items() for each in unfit(target, drift.fold.rows[name])]
    for each in (*found, *drift.outside.told()):
        say(_unfit_in_words(each))
    for seq in drift.fold.orphans[:SHOWN]:
        say(f"seq {seq} is about an item that no event created; it changes no row.")


def _rows(each: Difference) -> Iterator[tuple[str, ...]]:
    for name, (logged, live) in each.fields.items():
        yield each.kind, each.collection, each.id, name, shown(live), shown(logged)
    if not each.fields:
        yield each.kind, each.collection, each.id, "", "", ""


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


def _print_drift(drift: Drift, *, full: bool) -> None:
    print_table(
        COUNTS, ([name, str(rows), *map(str, drift.counts(name).values())] for name, rows in drift.rows.items())
    )
    if not drift.differences:
        tell(f"Every row is what the log says (up to seq {drift.fold.head.seq}).")
        return
    tell("")
    print_differences(drift, SHOWN, full=full)
    of_files = " --files" if drift.contents is not None else ""
    tell(f"\nMake the rows what the log says: pocketbase-events rebuild{of_files}")


def _unfit_in_words(each: Unfit) -> str:
    seqs = ", ".join(map(str, each.seqs)) + (
        f" and {each.count - len(each.seqs)} more" if each.count > len(each.seqs) else ""
    )
    what = f'{each.collection}: the field "{each.field}" {each.why} (seq {seqs}).'
    if each.kind == "gone":
        return (
            f"{what} Rows are compared and rebuilt without it. If it was renamed, say so before a rebuild, which would"
            f" empty the new one: pocketbase-events attach {each.collection} --renamed {each.field}=NEW"
        )
    if each.kind == "outside":
        return f"{what} The log can't bring them back, so this is not a difference, and rebuild leaves them out."
    if each.kind == "unseen":
        return (
            f"{what} Those may be gone, which is not a difference; the worker's account can't see whether they are. Run"
            " check as a superuser to know."
        )
    if each.kind == "closed":
        return f"{what} Rows are compared and rebuilt without it, until the field is changed back."
    return f"{what} A row that is missing can't be inserted with it: change the field back before you rebuild it."
