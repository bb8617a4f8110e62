"""undo: take recorded events back."""

from typing import Annotated

import typer

from pocketbase_events.cli.options import FullOption, JsonOption, LimitOption, YesOption
from pocketbase_events.cli.taking_back import How, take_back
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.undo import propose_undo


def undo(
    context: typer.Context,
    seqs: Annotated[list[int] | None, typer.Argument(metavar="SEQ", min=1, help="Of the events to take back.")] = None,
    together: Annotated[
        str, typer.Option("--together", metavar="ID", help="Take back all events that were appended together.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Take back as well what was changed again since; that change is lost.")
    ] = False,
    yes: YesOption = False,
    limit: LimitOption = None,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take recorded events back, by events that do the opposite. Shows them and asks first.

    The log keeps all of it, and an undo can be undone. Appends as the superuser, if one is given, else as the worker.

    Examples: pocketbase-events undo 12 13; pocketbase-events undo --together abc123def456ghi
    """
    if bool(seqs) == bool(together):
        raise WrongUsageError(why="Name the events to take back by their seqs, or give --together.")
    take_back(
        context.obj,
        lambda source, watch: propose_undo(source, seqs or [], together, force=force, watch=watch),
        How(yes, limit, full, as_json),
    )
