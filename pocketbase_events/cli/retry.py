"""retry: give rejected events another chance."""

from typing import Annotated

import typer

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json, tell
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs import retry as retrying
from pocketbase_events.pb.admin import administration


def retry(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Of rejected events.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rejected events.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make rejected events pending again. Needs a superuser.

    Examples: pocketbase-events retry abc123def456ghi; pocketbase-events retry --all
    """
    if bool(ids) == everything:
        raise WrongUsageError(why="Name the events to retry by their ids, or give --all.")
    with administration(context.obj) as admin:
        retried = retrying.retry(admin, ids or [], everything=everything)
    if as_json:
        print_json({"retried": retried})
        return
    tell(f"{len(retried)} {'event is' if len(retried) == 1 else 'events are'} pending again.")
