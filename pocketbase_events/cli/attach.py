"""attach: put a collection under the log."""

from typing import Annotated

import typer

from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import log_to_stderr, print_json, say
from pocketbase_events.cli.progress import progress
from pocketbase_events.jobs import adopt as adopting
from pocketbase_events.jobs import attach as attaching
from pocketbase_events.pb.admin import administration

NAMED = 10  # items in a sentence


def attach(
    context: typer.Context,
    collection: Annotated[
        str, typer.Argument(metavar="COLLECTION", help="A base collection; one that has rows with --adopt.")
    ],
    create: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append create events.")] = None,
    update: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append update events.")] = None,
    delete: Annotated[str | None, typer.Option(metavar="RULE", help="Who may append delete events.")] = None,
    allow: Annotated[str | None, typer.Option(metavar="RULE", help="All three rules at once.")] = None,
    lock: Annotated[
        bool | None,
        typer.Option(help="Keep superusers, too, from writing its rows: as a rule, where PocketBase is 0.39 or newer."),
    ] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Record a create event for each row that is there already.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a collection under the log. Needs a superuser.

    A RULE is PocketBase's rule language over the event that is appended (its data, item_id and actor).
    An empty RULE admits everyone; without a rule only superusers may append. Run again, it changes what is given.

    Example: pocketbase-events attach notes --allow '@request.auth.id != ""'
    """
    given = {"create_rule": create, "update_rule": update, "delete_rule": delete}
    rules = {rule: allow if value is None else value for rule, value in given.items()}
    chosen = {rule: value for rule, value in rules.items() if value is not None}
    log_to_stderr(as_json=as_json)
    adopted = None
    with administration(context.obj) as admin, progress() as watch:
        if adopt:
            adopted = adopting.adopt(context.obj, admin, collection, chosen, lock=lock, watch=watch)
            looked_into = adopted.looked_into
        else:
            looked_into = attaching.attach(admin, collection, chosen, lock=lock)
    if len(looked_into) > 1:
        say(
            f"Warning: the rules look into {', '.join(sorted(looked_into))}. PocketBase multiplies their rows at each"
            " append, which becomes slow; see the README on rules for owners."
        )
    if adopted and adopted.gone:
        _say_gone(collection, adopted.gone)
    if as_json:
        print_json({"collection": collection})
        return
    print(f"{collection} is attached: append events to write its rows.")
    if adopted:
        print(f"{adopted.rows} rows were adopted.")


def _say_gone(collection: str, gone: list[str]) -> None:
    named = ", ".join(gone[:NAMED]) + (f" and {len(gone) - NAMED} more" if len(gone) > NAMED else "")
    say(
        f"The log has items that {collection} has no row of: {named}. To have them again, run:"
        f" pocketbase-events rebuild {collection}"
    )
