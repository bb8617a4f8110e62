"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from pocketbase_events.errors import WrongUsageError

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
JsonLogOption = Annotated[bool, typer.Option("--json", help="Logs as JSON, and reports as one JSON document.")]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="At most N; on a terminal, 50 if you don't say."),
]
FilesOption = Annotated[bool, typer.Option("--files", help="Compare the content of files as well: reads all of it.")]
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

MetricsOption = Annotated[
    str | None,
    typer.Option("--metrics", metavar="HOST:PORT", help="Answer /metrics (Prometheus) and /health there."),
]
NATS_HELP = "A NATS server: nats://HOST:PORT. Or several, with commas between them."
NatsArgument = Annotated[str, typer.Argument(metavar="URL", help=NATS_HELP)]
NatsOption = Annotated[
    str | None,
    typer.Option(
        "--nats", metavar="URL", help="Read the log from a stream there (nats://HOST:PORT), as a relay has filled it."
    ),
]
StreamOption = Annotated[str, typer.Option("--stream", metavar="NAME", help="The stream's name.")]


def host_and_port(option: str, given: str) -> tuple[str, int]:
    """The host, and the port, of HOST:PORT.

    Raises:
        WrongUsageError: if it is not HOST:PORT.
    """
    try:
        parts = urlsplit(f"//{given}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.netloc != given or parts.username is not None:
        raise WrongUsageError(why=f"{option} takes HOST:PORT, for example 127.0.0.1:8090, not {given}.")
    return host, port


def is_no_file(path: Path) -> bool:
    """Whether something of that name exists that is not a file: a folder, a pipe."""
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False
