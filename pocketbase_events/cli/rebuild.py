"""rebuild: make the rows what the log says."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from pocketbase_events.cli.check import print_differences, tell_unfit
from pocketbase_events.cli.options import Collections, DirOption, FilesOption, JsonOption
from pocketbase_events.cli.output import PROBLEM, print_json, print_table, say, tell
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.questions import agreed
from pocketbase_events.cli.table import Column
from pocketbase_events.jobs import rebuild as job
from pocketbase_events.jobs.check import Drift
from pocketbase_events.jobs.hold import hold_of
from pocketbase_events.pb.connect import gateway, row_source, superuser_if_given

EXAMPLES = 5  # differing rows shown before they are written
COUNTS = [Column(name, whole=True) for name in ("collection", "inserted", "updated", "removed", "unchanged")]


def rebuild(
    context: typer.Context,
    collections: Collections = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove rows that no event created without asking.")] = False,
    folder: DirOption = None,
    files: FilesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the rows equal to the log, while clients append and read.

    Only rows that differ are written. Meanwhile the head of the log is held: new events wait.

    Example: pocketbase-events rebuild notes
    """
    settings, started = context.obj, time.monotonic()
    with (
        gateway(settings) as seen,
        row_source(settings, folder) as reader,
        superuser_if_given(settings) as superuser,
        progress() as watch,
    ):
        held = hold_of(seen, "rebuild")
        done = job.rebuild(
            reader,
            held,
            superuser,
            collections or [],
            confirm=lambda drift: _confirmed(drift, yes=yes),
            watch=watch,
            files=files,
        )
    document = {
        "seq": done.seq,
        "collections": {name: asdict(tally) for name, tally in done.collections.items()},
        "held_seconds": round(done.held_seconds, 3),
        "seconds": round(time.monotonic() - started, 3),
    }
    if as_json:
        print_json(document)
    else:
        _print_rebuilt(document, left=len(done.refused))
    tell_unfit(done.drift)
    say_generated(done)
    report_refused(done)


def say_generated(done: job.Rebuilt) -> None:
    """Say which fields PocketBase has given new values, of rows that were missing."""
    for name, tally in done.collections.items():
        fields = [field.name for field in done.drift.targets[name].fields if field.is_generated]
        if tally.inserted and fields:
            say(
                f"{name}: the rows that were inserted have new values of {', '.join(fields)}, unless an event gave one."
                " PocketBase generates them."
            )


def report_refused(done: job.Rebuilt) -> None:
    """Say which rows could not be written; exit code 1 if there are any."""
    for (collection, item_id), why in done.refused.items():
        say(f"{collection} {item_id} could not be written: {why}")
    if done.refused:
        raise typer.Exit(PROBLEM)


def _confirmed(drift: Drift, *, yes: bool) -> bool:
    """Show the plan; ask if rows are to be removed."""
    say("Plan:")
    print_table(COUNTS, _plan(drift), beside=True)
    say("")
    print_differences(drift, EXAMPLES, beside=True)
    extra = sum(each.kind == "extra" for each in drift.differences)
    return (
        not extra
        or yes
        or agreed(f"Remove {extra} rows that no event created?", "To remove rows without being asked, give --yes.")
    )


def _plan(drift: Drift) -> Iterator[list[str]]:
    for name, rows in drift.rows.items():
        counts = drift.counts(name)
        unchanged = rows - counts["changed"] - counts["extra"]
        yield [name, *map(str, (*counts.values(), unchanged))]


def _print_rebuilt(document: dict[str, Any], *, left: int) -> None:
    print_table(COUNTS, ([name, *map(str, counts.values())] for name, counts in document["collections"].items()))
    agreeing = f"All but {left} of the rows" if left else "The rows"
    tell(
        f"{agreeing} are what the log says up to seq {document['seq']}. It took {document['seconds']} s;"
        f" the head was held for {document['held_seconds']} s."
    )
