"""replica: follow a stream, so that this PocketBase has the log and the rows of another."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from pocketbase_events.cli.options import NATS_HELP, JsonLogOption, StreamOption
from pocketbase_events.cli.output import log_to_stderr, print_json, say, tell
from pocketbase_events.cli.questions import agreed
from pocketbase_events.cli.signals import stopping
from pocketbase_events.core.replica import Origin
from pocketbase_events.errors import ProblemError, TroubleError, WrongUsageError
from pocketbase_events.jobs import replica as job
from pocketbase_events.jobs.lag import measure
from pocketbase_events.pb.admin import Admin, administration
from pocketbase_events.pb.connect import gateway
from pocketbase_events.settings import NatsSettings, Settings
from pocketbase_events.stream.messages import DEFAULT_STREAM, check_name
from pocketbase_events.stream.stream import connected, servers_of


def replica(
    context: typer.Context,
    servers: Annotated[str | None, typer.Argument(metavar="URL", help=NATS_HELP)] = None,
    stream: StreamOption = DEFAULT_STREAM,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make this replica an ordinary log again. Needs a superuser.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Promote without being asked.")] = False,
    as_json: JsonLogOption = False,
) -> None:
    """Record the events of a stream here exactly as they are, with their rows, until SIGTERM or Ctrl-C.

    Set up this PocketBase like the primary first: init, the same collections, attach. The first time, a superuser is
    needed to close appends here. Clients read and subscribe here, and append at the primary.

    Examples: pocketbase-events replica nats://127.0.0.1:4222; pocketbase-events replica --promote
    """
    if promote:
        _promote(context.obj, yes=yes, as_json=as_json)
        return
    if servers is None:
        raise WrongUsageError(why="Name the NATS server: pocketbase-events replica nats://HOST:PORT")
    servers_of(servers)
    log_to_stderr(as_json=as_json)
    origin, stop = Origin(servers, check_name(stream)), threading.Event()
    with stopping(stop), gateway(context.obj) as seen:
        job.replica(
            seen,
            lambda: _administration(context.obj),
            lambda: connected(NatsSettings(), servers, stream),
            origin,
            stop,
        )


@contextmanager
def _administration(settings: Settings) -> Iterator[Admin | None]:
    """PocketBase, seen as the superuser; None if the settings name none."""
    if not settings.has_superuser:
        yield None
        return
    with administration(settings) as admin:
        yield admin


def _promote(settings: Settings, *, yes: bool, as_json: bool) -> None:
    with gateway(settings) as seen, administration(settings) as admin:
        status = seen.status().sound()
        if status.origin is None:
            raise ProblemError(why="This PocketBase is no replica, so there is nothing to promote.")
        say(
            f"This makes a replica of {status.origin} a log of its own, which goes on after seq {status.seq}. The old"
            " primary must be gone for good: what both record from now on is never merged."
        )
        try:
            lag = measure(status)
            if lag.events:
                say(f"{lag.events} events of the stream are not here yet. Let the replica run until it has them.")
        except TroubleError as error:
            say(f"Nobody can tell whether the stream has events that are not here: {error}")
        if not yes and not agreed("Promote it?", "Run it again with --yes, if the old primary is gone."):
            say("Nothing was changed.")
            return
        job.promote(admin)
    if as_json:
        print_json({"head": {"seq": status.seq, "hash": status.hash}})
        return
    tell(f"Promoted: the log goes on after seq {status.seq}. Start a worker: pocketbase-events run")
