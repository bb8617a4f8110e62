"""import: load an export into an empty log, and build the rows."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from pocketbase_events.cli.options import JsonOption, is_no_file
from pocketbase_events.cli.output import print_json, say
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.rebuild import report_refused
from pocketbase_events.cli.verify import report_verdict
from pocketbase_events.core.events import Head
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.check import Drift, Watch, chosen, find
from pocketbase_events.jobs.hold import Holding, holding, named
from pocketbase_events.jobs.import_log import check_beginning, load
from pocketbase_events.jobs.rebuild import Rebuild, Rebuilt
from pocketbase_events.jobs.verify import verify_file
from pocketbase_events.pb.connect import gateway, superuser_gateway
from pocketbase_events.pb.source import Page
from pocketbase_events.settings import Settings


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
    report_refused(done)


def _load(settings: Settings, file: Path, end: Head) -> tuple[int, Drift, Rebuilt]:
    """Load a file that was verified and ends with `end`, and build the rows: how many events, and what was done."""
    with (
        gateway(settings) as seen,
        gateway(settings) as holder,
        superuser_gateway(settings) as superuser,
        progress() as watch,
        holding(named(holder, "import")) as held,
    ):
        check_beginning(file, held.head)
        chosen(seen, [])  # what keeps rows from being built is told before anything is written
        loaded = load(file, superuser, held, watch)
        if held.head != end:
            raise ProblemError(why=f"{file} was changed while it was read. Import it again.")
        drift = find(seen, [], _keeping(held, watch))
        return loaded, drift, Rebuild(seen, held, superuser, drift, removing=()).run(lambda _: None)


def _keeping(held: Holding, watch: Watch) -> Watch:
    """A watch that keeps the hold meanwhile."""

    def keeping(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
        for page in watch(pages, what, total):
            held.keep()
            yield page

    return keeping
