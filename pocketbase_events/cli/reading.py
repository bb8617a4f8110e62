"""verify, check, history, show, export: what only reads the log."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.shared import PROBLEM, JsonOption, gateway, is_no_file, print_json, say
from pocketbase_events.core.events import timestamp_of
from pocketbase_events.core.fold import Difference, Unfit, unfit
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs import history as past
from pocketbase_events.jobs.check import Drift, find
from pocketbase_events.jobs.verify import Verdict, verify_file
from pocketbase_events.jobs.verify import verify as verify_log
from pocketbase_events.pb.database import Database
from pocketbase_events.pb.source import Source
from pocketbase_events.settings import Settings

MAX_DIGITS = 15  # of a seq; more are beyond the end of any log
SHOWN = 20  # differences and problems listed on a terminal; --json has all

Collections = Annotated[
    list[str] | None, typer.Argument(metavar="COLLECTION", help="Attached collections; all, where none is named.")
]
DirOption = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        help="PocketBase's data folder, where it is on this machine: read its database file, which is faster.",
    ),
]


def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="An export, instead of PocketBase.")
    ] = None,
    folder: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the whole chain: every event, its hash, its place, and the head.

    Examples: pocketbase-events verify; pocketbase-events verify --file backup.jsonl
    """
    if file is not None and folder is not None:
        raise WrongUsageError(why="Give --file or --dir, not both.")
    with progress() as watch:
        if file is not None:
            verdict = verify_file(file, watch)
        else:
            with source(context.obj, folder) as seen:
                verdict = verify_log(seen, watch)
    report_verdict(verdict, as_json=as_json)


def check(
    context: typer.Context,
    collections: Collections = None,
    folder: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether the rows are what the log says, and if not, which differ and how. Changes nothing.

    Example: pocketbase-events check notes
    """
    with source(context.obj, folder) as seen, progress() as watch:
        drift = find(seen, collections or [], watch)
    if as_json:
        print_json(_document(drift))
    else:
        _print_drift(drift)
    tell_unfit(drift)
    if drift.differences:
        raise typer.Exit(PROBLEM)


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
        changes = [(name, _short(old), _short(new)) for name, (old, new) in event["changes"].items()] or [("", "", "")]
        for place, change in enumerate(changes):
            first = (
                (str(event["seq"]), event["timestamp"][:19], event["type"], event["actor"]) if not place else ("",) * 4
            )
            table.add_row(*map(escape, (*first, *change)), end_section=place == len(changes) - 1)
    Console().print(table)


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
        table.add_row(*(escape(_short(row[name])) if name in row else "" for name in names))
    Console().print(table)


def export(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; standard output, where none is named.")
    ] = None,
) -> None:
    """Write the recorded log as JSON Lines, an event a line, and verify it on the way.

    Example: pocketbase-events export backup.jsonl
    """
    with gateway(context.obj) as seen, progress() as watch, _sink(file) as sink:
        verdict = verify_log(seen, watch, sink)
    say(f"Exported {verdict.events} events, the last with the hash {verdict.head.hash or '(none)'}.")
    if verdict.problems:
        _say_problems(verdict)
        say("The export has the log as it is, but `import` will refuse it.")
        raise typer.Exit(PROBLEM)


@contextmanager
def source(settings: Settings, folder: Path | None) -> Iterator[Source]:
    """What reads the log and the rows: the database file where its folder is given, else the API."""
    if folder is None:
        with gateway(settings) as seen:
            yield seen
    else:
        with closing(Database(folder)) as database:
            yield database


def report_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Print what was found in a chain; exit code 1 when it is a problem."""
    if as_json:
        print_json({
            "ok": not verdict.problems,
            "events": verdict.events,
            "head": {"seq": verdict.head.seq, "hash": verdict.head.hash},
            "problems": [{"seq": problem.seq, "reason": problem.reason} for problem in verdict.problems],
        })  # fmt: skip
    elif not verdict.problems:
        print(f"All {verdict.events} events are as they were recorded. The last hash is {verdict.head.hash or 'none'}.")
    else:
        _say_problems(verdict)
    if verdict.problems:
        raise typer.Exit(PROBLEM)


def _drift_table(drift: Drift) -> Table:
    table = Table("collection", "rows", "missing", "changed", "extra")
    for name, rows in drift.rows.items():
        kinds = [each.kind for each in drift.differences if each.collection == name]
        table.add_row(escape(name), str(rows), *(str(kinds.count(kind)) for kind in ("missing", "changed", "extra")))
    return table


def differences_in_words(drift: Drift, most: int) -> Iterator[str]:
    """A line for each of the first differences."""
    for each in drift.differences[:most]:
        yield f"{each.kind:8} {each.collection} {each.id}{_fields_in_words(each)}"
    if len(drift.differences) > most:
        yield f"… and {len(drift.differences) - most} more; --json lists all of them."


def tell_unfit(drift: Drift) -> None:
    """Tell on standard error what the log says and today's schema can't hold."""
    for name, target in drift.targets.items():
        for each in unfit(target, drift.fold.rows[name]):
            say(_unfit_in_words(each))
    for seq in drift.fold.orphans[:SHOWN]:
        say(f"seq {seq} is about an item that no event created; it changes no row.")


def _document(drift: Drift) -> dict[str, Any]:
    counts = {
        name: {
            "rows": rows,
            **{
                kind: sum((each.collection, each.kind) == (name, kind) for each in drift.differences)
                for kind in ("missing", "changed", "extra")
            },
        }
        for name, rows in drift.rows.items()
    }
    return {
        "ok": not drift.differences,
        "seq": drift.fold.head.seq,
        "collections": counts,
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
        f"{name} is {_short(live)}, the log says {_short(logged)}" for name, (logged, live) in each.fields.items()
    )


def _unfit_in_words(each: Unfit) -> str:
    seqs = ", ".join(map(str, each.seqs)) + (
        f" and {each.count - len(each.seqs)} more" if each.count > len(each.seqs) else ""
    )
    what = f'{each.collection}: the field "{each.field}" {each.why} (seq {seqs}).'
    if each.why == "is gone":
        return (
            f"{what} Rows are compared and rebuilt without it. If it was renamed, give it its old name back before a"
            " rebuild, which would empty the new one."
        )
    if each.why.startswith("can't be set"):
        return f"{what} Rows are compared and rebuilt without it, until the field is changed back."
    return f"{what} A row that is missing can't be inserted with it: change the field back before you rebuild it."


def _say_problems(verdict: Verdict) -> None:
    for problem in verdict.problems[:SHOWN]:
        say(f"seq {problem.seq}: {problem.reason}")
    if len(verdict.problems) > SHOWN:
        say(f"… and {len(verdict.problems) - SHOWN} more; verify --json lists all of them.")
    say(f"The log is not what was recorded: {len(verdict.problems)} problems in {verdict.events} events.")


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - what a table has room for


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


@contextmanager
def _sink(file: Path | None) -> Iterator[Callable[[str], object]]:
    """Where an export goes. A file appears under its name once it is whole."""
    if file is None and sys.stdout is None:
        raise ProblemError(why="Standard output can't be written: it is closed. Name a FILE.")
    if file is None:
        yield sys.stdout.write
        sys.stdout.flush()
        return
    part = file if is_no_file(file) else file.with_name(file.name + ".part")
    try:
        with part.open("w") as stream:
            yield stream.write
            stream.flush()
            if part != file:  # which is a file then, neither pipe nor device
                os.fsync(stream.fileno())
                part.replace(file)
    except OSError as error:
        raise WrongUsageError(why=f"{file} can't be written ({error.strerror}).") from None
    finally:
        if part != file:
            with suppress(OSError):
                part.unlink()
