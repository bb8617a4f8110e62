"""The arguments and options of `attach`."""

from pathlib import Path
from typing import Annotated

import typer

Names = Annotated[list[str], typer.Argument(metavar="COLLECTION...", help="Base collections; with rows, give --adopt.")]
Create = Annotated[str | None, typer.Option(metavar="RULE", help="Who may append create events.")]
Update = Annotated[str | None, typer.Option(metavar="RULE", help="Who may append update events.")]
Delete = Annotated[str | None, typer.Option(metavar="RULE", help="Who may append delete events.")]
Allow = Annotated[str | None, typer.Option(metavar="RULE", help="All three rules at once.")]
History = Annotated[
    str | None, typer.Option(metavar="RULE", help="Who may read its recorded events; else only their actors.")
]
Lock = Annotated[
    bool | None,
    typer.Option(help="Also stop superusers from writing its rows (the default on PocketBase 0.39 and newer)."),
]
Adopt = Annotated[bool, typer.Option("--adopt", help="Record a create event for each row that is there already.")]
Computed = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD", help="A field that hooks fill in; may be repeated. No event sets it."),
]
Renamed = Annotated[
    list[str] | None,
    typer.Option(metavar="OLD=NEW", help="A field that was renamed; may be repeated. Earlier events say OLD."),
]
UniqueAmongLive = Annotated[
    bool, typer.Option("--unique-among-live", help="Leave deleted rows out of its unique indexes.")
]
Seq = Annotated[
    bool | None,
    typer.Option(
        "--seq/--no-seq",
        help="Whether rows carry the seq of the last event that changed them, in a field seq (the default).",
    ),
]
UnlessAttached = Annotated[
    bool, typer.Option("--unless-attached", help="Leave a collection that is attached as it is.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree to proposed rules, and to rules that admit more than before.")]
Folder = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="A stopped PocketBase's data folder, to lock or open rows in."),
]
