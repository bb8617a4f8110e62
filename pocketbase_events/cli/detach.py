"""detach: take a collection out of the log."""

from typing import Annotated

import typer

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json
from pocketbase_events.jobs import attach as attaching
from pocketbase_events.pb.admin import administration


def detach(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="An attached collection.")],
    as_json: JsonOption = False,
) -> None:
    """Take a collection out of the log; rows and events stay. Needs a superuser.

    Example: pocketbase-events detach notes
    """
    with administration(context.obj) as admin:
        attaching.detach(admin, collection)
    if as_json:
        print_json({"collection": collection})
        return
    print(f"{collection} is detached. Its rows and events stay; superusers write its rows from now on.")
