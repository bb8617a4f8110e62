"""admin-ui: the extension of PocketBase's admin UI, into its folder of hooks."""

from pathlib import Path
from typing import Annotated

import typer

from pocketbase_events.cli.output import say
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.admin_ui import write_admin_ui


def admin_ui(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The pb_hooks of your PocketBase: usually beside its pb_data.")
    ],
) -> None:
    """Put the log into PocketBase's own admin UI: forms that append events, the history of a record, a page Events.

    Example: pocketbase-events admin-ui pb_hooks
    """
    if folder.exists() and not folder.is_dir():
        raise WrongUsageError(why=f"{folder} is a file. Name the folder pb_hooks of your PocketBase.")
    names = write_admin_ui(folder)
    say(
        f"Wrote {' and '.join(names)} to {folder}. Restart PocketBase, unless it watches its hooks and does so by"
        " itself, then load the admin UI anew. It needs PocketBase 0.37 or newer; an older one ignores it."
    )
