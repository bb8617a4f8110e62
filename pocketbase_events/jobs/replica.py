"""Follow a stream, and record its events exactly as they are, with their rows. And stop being a replica."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from pocketbase_events.core.events import Head
from pocketbase_events.core.replica import Origin
from pocketbase_events.errors import ProblemError, StreamTroubleError, TroubleError, WrongUsageError
from pocketbase_events.jobs.copying import Copier
from pocketbase_events.jobs.record.trouble import Trouble
from pocketbase_events.jobs.targets import close_appends, publish
from pocketbase_events.logs import log
from pocketbase_events.pb.admin import Admin
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.stream.messages import head_at
from pocketbase_events.stream.stream import Stream

Connect = Callable[[], AbstractContextManager[Stream]]
Administrate = Callable[[], AbstractContextManager[Admin | None]]


def promote(admin: Admin) -> None:
    """Make a replica an ordinary log again: appends are admitted as the attached collections say."""
    publish(admin, promoting=True)


def replica(
    gateway: Gateway, administrate: Administrate, connect: Connect, origin: Origin, stop: threading.Event
) -> None:
    """Bring the events of a stream here, until `stop` is set. Trouble with PocketBase or NATS is waited out.

    Args:
        gateway: PocketBase, seen as the worker.
        administrate: PocketBase, seen as the superuser if one is given; used once, to close appends.
        connect: connects to the stream; used again whenever the connection is lost.
        origin: the stream.
        stop: ends it, after the transaction under way.

    Raises:
        WrongUsageError: if appends are to be closed, and no superuser is given.
        ProblemError: if an event can't be recorded, and will not be by trying again.
        ContradictionError: if the log here contradicts itself.
        CredentialsRefusedError: if NATS or PocketBase refuses the credentials.
    """
    trouble, copier = Trouble(time.monotonic), Copier(gateway, origin, stop)
    is_closed = False
    while not stop.is_set():
        try:
            if not is_closed:
                _become_replica(gateway, administrate, origin)
                is_closed = True
            copier.look()
            with connect() as stream:
                _expect_same_log(gateway, stream, copier.head)
                log.info("replicating", stream=stream.name, seq=copier.head.seq)
                with stream.reading(copier.head.seq) as reading:
                    copier.copy(reading, trouble)
        except TroubleError as error:
            stop.wait(trouble.met(error))
        finally:
            copier.news.tell()
    log.info("stopped")


def _become_replica(seen: Gateway, administrate: Administrate, origin: Origin) -> None:
    """Close the appends of a PocketBase, so that its events come from a stream alone. Done again, it changes nothing.

    Raises:
        WrongUsageError: if no superuser is given to close them.
        ProblemError: if it is another stream's replica.
    """
    before = seen.status().origin
    if before == origin:
        return
    if before is not None:
        raise ProblemError(
            why=f"This PocketBase is a replica of {before} already. To have it follow {origin}, run first:"
            " pocketbase-events replica --promote"
        )
    with administrate() as admin:
        if admin is None:
            raise WrongUsageError(
                why="Closing the appends needs a superuser, the first time: set POCKETBASE_SUPERUSER_EMAIL and"
                " POCKETBASE_SUPERUSER_PASSWORD, or POCKETBASE_SUPERUSER_TOKEN."
            )
        close_appends(admin, origin)
    log.info("appends_closed", replica_of=str(origin))


def _expect_same_log(gateway: Gateway, stream: Stream, head: Head) -> None:
    """Make sure that the stream holds the log that is here, and where it goes on.

    Raises:
        ProblemError: if it holds another one.
        StreamTroubleError: if it does not reach so far, or NATS can't answer now.
    """
    state = stream.state()
    at = min(state.last, head.seq)
    message = stream.message(at) if at >= max(state.first, 1) else None
    if message is not None:
        here = [event.head for page in gateway.log(at - 1, at) for event in page]
        if here != [head_at(message)]:
            raise ProblemError(why=_another_log(stream, at))
    if at < head.seq:
        raise StreamTroubleError(
            why=f"the stream {stream.name} at {stream.url} ends with seq {at}, and the log here with {head.seq}."
            " Waiting until a relay has filled it."
        )


def _another_log(stream: Stream, seq: int) -> str:
    return (
        f"The log here has another event of seq {seq} than the stream {stream.name} at {stream.url}. Most likely an"
        " older backup was restored at the primary, which recorded other events since, or the stream is of another log."
        " Nothing was changed here. If the stream is right, begin anew with an empty PocketBase (init, attach,"
        " replica). If the log here is right, make it the primary: pocketbase-events replica --promote"
    )
