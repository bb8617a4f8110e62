"""detach: take a collection out of the log."""

from typing import Annotated

import typer

from pocketbase_events.cli.attach_words import rule_in_words
from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import print_json, say, tell
from pocketbase_events.jobs import detach as detaching
from pocketbase_events.jobs.targets import OWN_RULES
from pocketbase_events.pb.admin import administration


def detach(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="An attached collection.")],
    as_json: JsonOption = False,
) -> None:
    """Take a collection out of the log; rows and events stay. Needs a superuser.

    The collection gets its own create, update and delete rules back.

    Example: pocketbase-events detach notes
    """
    with administration(context.obj) as admin:
        done = detaching.detach(admin, collection)
    if done.refused:
        say(f"The own rules of {collection} could not be put back: {done.refused}. Only superusers write its rows now.")
    if as_json:
        print_json({"collection": collection})
        return
    tell(f"{collection} is detached. Its rows and events stay.")
    if done.rules is not None:
        rules = (f"{name.removesuffix('Rule')}: {rule_in_words(done.rules[name])}" for name in OWN_RULES)
        tell(f"Who writes its rows now: {'; '.join(rules)}.")
