"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
JsonLogOption = Annotated[bool, typer.Option("--json", help="Logs as JSON, and reports as one JSON document.")]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="At most N; on a terminal, 50 if you don't say."),
]
FullOption = Annotated[bool, typer.Option("--full", help="Show long values to their end.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Append without being asked.")]
Collections = Annotated[
    list[str] | None, typer.Argument(metavar="COLLECTION", help="Attached collections; all if none is named.")
]
DirOption = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        help="PocketBase's data folder, if it is on this machine. Its database file is read, which is faster.",
    ),
]


def is_no_file(path: Path) -> bool:
    """Whether something of that name exists that is not a file: a folder, a pipe."""
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False
