"""revert: make rows what they were."""

from typing import Annotated

import typer

from pocketbase_events.cli.moment import MOMENT, moment_of
from pocketbase_events.cli.options import FullOption, JsonOption, LimitOption, YesOption
from pocketbase_events.cli.taking_back import How, take_back
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.revert import propose_revert


def revert(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="An attached collection.")],
    to: Annotated[str, typer.Option("--to", metavar="SEQ|TIME", help=MOMENT)],
    items: Annotated[
        list[str] | None, typer.Argument(metavar="ITEM", help="The ids of items; all if none is named.")
    ] = None,
    yes: YesOption = False,
    limit: LimitOption = None,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make rows what they were, by events that set back what differs. Shows them and asks first.

    Items created since are deleted, items deleted since are restored. The log keeps all of it.
    Appends as the superuser, if one is given, else as the worker.

    Example: pocketbase-events revert notes --to '2026-01-31 09:30'
    """
    moment = moment_of("--to", to)
    if moment is None:
        raise WrongUsageError(why="--to takes a seq or a time such as '2026-01-31 09:30'.")
    take_back(
        context.obj,
        lambda source, watch: propose_revert(source, collection, items or [], moment, watch=watch),
        How(yes, limit, full, as_json),
    )
