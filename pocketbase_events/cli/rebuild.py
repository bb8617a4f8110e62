"""rebuild: make the rows what the log says."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.check import differences_in_words, tell_unfit
from pocketbase_events.cli.options import Collections, DirOption, JsonOption
from pocketbase_events.cli.output import PROBLEM, print_json, say
from pocketbase_events.cli.progress import counting, progress
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.check import Drift, find, refuse_other
from pocketbase_events.jobs.hold import Holding, holding, named
from pocketbase_events.jobs.rebuild import NEEDS_SUPERUSER, Rebuild, Rebuilt, needs_superuser
from pocketbase_events.pb.connect import gateway, source, superuser_gateway
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Source
from pocketbase_events.settings import Settings

EXAMPLES = 5  # differences shown before they are written


def rebuild(
    context: typer.Context,
    collections: Collections = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove rows that no event created without asking.")] = False,
    folder: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the rows equal to the log, while clients append and read.

    Only differing rows are written. The head of the log is held meanwhile, so events that are appended wait.

    Example: pocketbase-events rebuild notes
    """
    settings, started = context.obj, time.monotonic()
    with gateway(settings) as seen, source(settings, folder) as reader, _superuser(settings) as superuser:
        refuse_other(reader, seen)
        with progress() as watch:
            drift = find(reader, collections or [], watch)
        removing = _confirmed(drift, yes=yes)
        if needs_superuser(drift, removing=bool(removing)):
            if superuser is None:
                raise WrongUsageError(why=NEEDS_SUPERUSER)
            superuser.status()  # wrong credentials are told before anything is written
        held = named(seen, "rebuild")
        done, held_seconds = _write(reader, held, superuser, drift, removing)
    document = {
        "seq": done.seq,
        "collections": {name: _counts(done, name) for name in done.collections},
        "held_seconds": round(held_seconds, 3),
        "seconds": round(time.monotonic() - started, 3),
    }
    if as_json:
        print_json(document)
    else:
        _print_rebuilt(document)
    tell_unfit(drift)
    report_refused(done)


def _plan(drift: Drift) -> Table:
    table = Table("collection", "inserted", "updated", "removed", "unchanged")
    for name, rows in drift.rows.items():
        kinds = [each.kind for each in drift.differences if each.collection == name]
        writes = [kinds.count(kind) for kind in ("missing", "changed", "extra")]
        table.add_row(escape(name), *map(str, writes), str(rows - kinds.count("changed") - kinds.count("extra")))
    return table


@contextmanager
def _superuser(settings: Settings) -> Iterator[Gateway | None]:
    """PocketBase seen as the superuser, where one is given."""
    if settings.superuser_email is None or settings.superuser_password is None:
        yield None
        return
    with superuser_gateway(settings) as superuser:
        yield superuser


def _confirmed(drift: Drift, *, yes: bool) -> list[tuple[str, str]]:
    """The rows that may be removed, after the plan was shown and, where there are any, agreed to."""
    extra = [(each.collection, each.id) for each in drift.differences if each.kind == "extra"]
    if drift.differences:
        errors = Console(stderr=True)
        errors.print("What is to be done:", _plan(drift))
        for line in differences_in_words(drift, EXAMPLES):
            say(line)
    if extra and not yes:
        question = f"Remove {len(extra)} rows that no event created?"
        try:
            # Not click's own prompt, which writes to standard output, where the report goes.
            print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
            agreed = input().strip().lower() in ("y", "yes")
        except (EOFError, RuntimeError):
            raise WrongUsageError(why="Nobody answered. To remove rows without being asked, give --yes.") from None
        if not agreed:
            raise ProblemError(why="Nothing was changed.")
    return extra


def _write(
    reader: Source, held: Holding, superuser: Gateway | None, drift: Drift, removing: Sequence[tuple[str, str]]
) -> tuple[Rebuilt, float]:
    """Write what differs, under a hold; what was done, and for how many seconds the head was held."""
    if not drift.differences:
        return Rebuild(reader, held, superuser, drift, removing).ended(), 0.0
    with counting("writing", len(drift.differences)) as watch, holding(held):
        started = time.monotonic()
        done = Rebuild(reader, held, superuser, drift, removing).run(watch)
    return done, time.monotonic() - started


def _counts(done: Rebuilt, name: str) -> dict[str, int]:
    tally = done.collections[name]
    return {
        "inserted": tally.inserted,
        "updated": tally.updated,
        "removed": tally.removed,
        "unchanged": tally.unchanged,
    }


def _print_rebuilt(document: dict[str, Any]) -> None:
    table = Table("collection", "inserted", "updated", "removed", "unchanged")
    for name, counts in document["collections"].items():
        table.add_row(name, *map(str, counts.values()))
    Console().print(table)
    print(
        f"The rows are what the log says up to seq {document['seq']}. It took {document['seconds']} s;"
        f" the head was held for {document['held_seconds']} s."
    )


def report_refused(done: Rebuilt) -> None:
    """Tell the rows that could not be written; exit code 1 where there are any."""
    for (collection, item_id), why in done.refused.items():
        say(f"{collection} {item_id} could not be written: {why}")
    if done.refused:
        raise typer.Exit(PROBLEM)
