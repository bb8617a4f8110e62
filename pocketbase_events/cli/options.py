"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
JsonLogOption = Annotated[bool, typer.Option("--json", help="Logs as JSON, and reports as one JSON document.")]
Collections = Annotated[
    list[str] | None, typer.Argument(metavar="COLLECTION", help="Attached collections; all, where none is named.")
]
DirOption = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        help="PocketBase's data folder, where it is on this machine: read its database file, which is faster.",
    ),
]


def is_no_file(path: Path) -> bool:
    """Whether there is something of that name that is no file: a folder, a pipe."""
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False
