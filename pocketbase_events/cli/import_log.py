"""import: load an export into an empty log, and build the rows."""

from pathlib import Path
from typing import Annotated

import typer

from pocketbase_events.cli.options import JsonOption, is_no_file
from pocketbase_events.cli.output import print_json, say, tell
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.rebuild import report_refused, say_generated
from pocketbase_events.cli.verify import report_verdict
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs import import_log as job
from pocketbase_events.jobs.hold import hold_of
from pocketbase_events.pb.connect import gateway, superuser_gateway


def import_log(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export.")],
    as_json: JsonOption = False,
) -> None:
    """Load an export into an empty log, every event as it was recorded, and build the rows. Needs a superuser.

    The whole file is verified first. If it is interrupted, run it again.

    Example: pocketbase-events import backup.jsonl
    """
    if is_no_file(file):
        raise WrongUsageError(why=f"{file} is not a file. It is read more than once: save it as a file first.")
    with gateway(context.obj) as seen, superuser_gateway(context.obj) as superuser, progress() as watch:
        done = job.import_log(file, hold_of(seen, "import"), superuser, watch)
    if done.rebuilt is None:
        say(f"{file} is damaged; nothing was imported.")
        report_verdict(done.verdict, as_json=as_json)
        return
    head = done.verdict.head
    if as_json:
        print_json({"events": done.events, "head": {"seq": head.seq, "hash": head.hash}})
    else:
        rows = sum(tally.inserted for tally in done.rebuilt.collections.values())
        tell(f"Imported {done.events} events and built {rows} rows; the log ends with the hash {head.hash}.")
    for name in done.not_attached:
        say(
            f"{name} is not attached here, so its rows were not built. Attach it, then run:"
            f" pocketbase-events rebuild {name}"
        )
    say_generated(done.rebuilt)
    report_refused(done.rebuilt)
