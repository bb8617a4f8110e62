"""rebuild and import: what writes rows and events that are in the log."""

import os
import secrets
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pocketbase_events.cli.progress import counting, progress
from pocketbase_events.cli.reading import (
    Collections,
    DirOption,
    differences_in_words,
    report_verdict,
    source,
    tell_unfit,
)
from pocketbase_events.cli.shared import (
    PROBLEM,
    JsonOption,
    gateway,
    is_no_file,
    print_json,
    say,
    superuser_gateway,
)
from pocketbase_events.core.events import Head
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.check import Drift, Watch, chosen, find, refuse_other
from pocketbase_events.jobs.hold import Holding, holding
from pocketbase_events.jobs.import_log import check_beginning, load
from pocketbase_events.jobs.rebuild import NEEDS_SUPERUSER, Rebuild, Rebuilt, needs_superuser
from pocketbase_events.jobs.verify import verify_file
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Page, Source
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
        held = _holding(seen, "rebuild")
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
    _report_refused(done)


def import_log(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.")],
    as_json: JsonOption = False,
) -> None:
    """Load an export into an empty log, every event as it was recorded, and build the rows. Needs a superuser.

    The whole file is verified first. Interrupted, it may be run again.

    Example: pocketbase-events import backup.jsonl
    """
    if is_no_file(file):
        raise WrongUsageError(why=f"{file} is no file. It is read more than once: save it as a file first.")
    with progress() as watch:
        verdict = verify_file(file, watch)
    if verdict.problems:
        say(f"{file} is damaged; nothing was imported.")
        report_verdict(verdict, as_json=as_json)
    if not verdict.events:
        raise WrongUsageError(why=f"{file} has no events.")
    loaded, drift, done = _load(context.obj, file, verdict.head)
    missing = sorted(verdict.collections - drift.targets.keys())
    if as_json:
        print_json({"events": loaded, "head": {"seq": verdict.head.seq, "hash": verdict.head.hash}})
    else:
        rows = sum(tally.inserted for tally in done.collections.values())
        print(f"Imported {loaded} events and built {rows} rows; the log ends with the hash {verdict.head.hash}.")
    for name in missing:
        say(
            f"{name} is not attached here, so its rows were not built. Attach it, then run:"
            f" pocketbase-events rebuild {name}"
        )
    _report_refused(done)


def _load(settings: Settings, file: Path, end: Head) -> tuple[int, Drift, Rebuilt]:
    """Load a file that was verified and ends with `end`, and build the rows: how many events, and what was done."""
    with (
        gateway(settings) as seen,
        gateway(settings) as holder,
        superuser_gateway(settings) as superuser,
        progress() as watch,
        holding(_holding(holder, "import")) as held,
    ):
        check_beginning(file, held.head)
        chosen(seen, [])  # what keeps rows from being built is told before anything is written
        loaded = load(file, superuser, held, watch)
        if held.head != end:
            raise ProblemError(why=f"{file} was changed while it was read. Import it again.")
        drift = find(seen, [], _keeping(held, watch))
        return loaded, drift, Rebuild(seen, held, superuser, drift, removing=()).run(lambda _: None)


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


def _holding(seen: Gateway, what: str) -> Holding:
    by = f"{what} {socket.gethostname()[:40]}:{os.getpid()} {secrets.token_hex(4)}"
    return Holding(seen, by, timer=time.monotonic, sleep=time.sleep)


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


def _keeping(held: Holding, watch: Watch) -> Watch:
    """A watch that keeps the hold meanwhile."""

    def keeping(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
        for page in watch(pages, what, total):
            held.keep()
            yield page

    return keeping


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


def _report_refused(done: Rebuilt) -> None:
    """Tell the rows that could not be written; exit code 1 where there are any."""
    for (collection, item_id), why in done.refused.items():
        say(f"{collection} {item_id} could not be written: {why}")
    if done.refused:
        raise typer.Exit(PROBLEM)
