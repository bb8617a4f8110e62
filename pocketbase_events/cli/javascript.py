"""javascript: the npm package, as files in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from pocketbase_events.cli.output import say
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.javascript import write_javascript


def javascript(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to: a folder of your page's static files, for example.")
    ],
) -> None:
    """Write the npm package pocketbase-events into a folder, for pages without a bundler.

    Example: pocketbase-events javascript pb_public/pocketbase-events
    """
    if folder.exists() and not folder.is_dir():
        raise WrongUsageError(why=f"{folder} is a file. Name a folder.")
    names = write_javascript(folder)
    say(f"Wrote {len(names)} files to {folder}. Import withEvents from its index.js, by an import map for example.")
