"""A stream, for callers that wait: publishing to it, following it, and reading it as a log."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pocketbase_events.core.events import EMPTY, Head, Recorded
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.settings import NatsSettings
from pocketbase_events.stream.loop import Loop
from pocketbase_events.stream.messages import Message, State, check_name, head_at, of_collection, outgoing

if TYPE_CHECKING:
    from pocketbase_events.stream.client import Client
    from pocketbase_events.stream.reading import Reading as ClientReading

PAGE = 1000  # messages read at a time
COMES_WITHIN = 10.0  # seconds in which a message comes that is there


class Reading:
    """Messages of a stream, one after another."""

    def __init__(self, loop: Loop, reading: "ClientReading") -> None:
        self._loop, self._reading = loop, reading

    @property
    def left(self) -> int:
        """How many messages there were when the reading began."""
        return self._reading.left

    def next(self, most: int, within: float) -> list[Message]:
        """The messages that are there, or the first ones to come within so many seconds; [] if none came.

        Raises:
            StreamTroubleError: if NATS is gone.
        """
        return self._loop.run(self._reading.next(most, within))


class Stream:
    """A stream of events. Its sequence is their seq."""

    def __init__(self, loop: Loop, client: "Client", url: str, name: str) -> None:
        self.url, self.name = url, name
        self._loop, self._client = loop, client

    def ensure(self, replicas: int) -> None:
        """Create the stream if it is not there: kept in files, by so many servers, nothing ever deleted.

        Raises:
            ProblemError: if it is there, and is not one for events.
            StreamTroubleError: if NATS can't answer now.
        """
        self._loop.run(self._client.ensure(replicas))

    def state(self) -> State:
        """What the stream holds.

        Raises:
            StreamTroubleError: if there is no stream, or NATS can't answer now.
        """
        return self._loop.run(self._client.state())

    def head(self) -> Head:
        """The head of the log that the stream holds.

        Raises:
            ProblemError: if its last message is none of an event.
            StreamTroubleError: if there is no stream, or NATS can't answer now.
        """
        last = self.state().last
        message = self.message(last) if last else None
        head = head_at(message) if message else EMPTY if not last else None
        if head is None:
            raise ProblemError(
                why=f"The last message (sequence {last}) of the stream {self.name} at {self.url} is not the event of"
                " this seq: it was purged, or somebody else publishes there. If this log is whole, delete the stream"
                f" (nats stream rm {self.name}) and start the relay: it fills a new one. Replicas go on from where they"
                " are. Let nobody else publish to it."
            )
        return head

    def message(self, seq: int) -> Message | None:
        """The message of this sequence; None if it is gone, or not there yet."""
        return self._loop.run(self._client.message(seq))

    def publish(self, events: Sequence[Recorded]) -> None:
        """Publish events that no group is cut by, and wait until all are stored.

        Raises:
            OvertakenError: if the stream does not end before the first of them.
            ProblemError: if the server takes no message so large.
            StreamTroubleError: if NATS can't do it now. Some may be stored.
        """
        self._loop.run(self._client.publish(outgoing(self.name, events)))

    @contextmanager
    def reading(self, after: int, collection: str | None = None) -> Iterator[Reading]:
        """Read the messages after a seq, those of one collection if named."""
        subject = None if collection is None else f"{of_collection(self.name, collection)}.>"
        reading = self._loop.run(self._client.read(after, subject))
        try:
            yield Reading(self._loop, reading)
        finally:
            self._loop.run(reading.close())

    def messages(self, after: int, to: int, collection: str | None = None) -> Iterator[Sequence[Message]]:
        """The messages that are there, page by page: after a seq and up to another, of one collection if named."""
        last = min(to, self.state().last)
        if after >= last:
            return
        with self.reading(after, collection) as reading:
            left = reading.left
            while left:
                page = reading.next(PAGE, COMES_WITHIN)
                yield [message for message in page if message.seq <= last]
                left = page[-1].left if page and page[-1].seq < last else len(page) == 0

    def log(
        self, after: int, to: int, *, collection: str | None = None, item_id: str | None = None
    ) -> Iterator[Sequence[Recorded]]:
        """The events with `after` < seq <= `to`, only those of one collection or item if named. Skips other messages.

        Raises:
            StreamTroubleError: if there is no stream, or NATS can't answer now.
        """
        for page in self.messages(after, to, collection):
            events = (message.event for message in page)
            yield [
                event
                for event in events
                if isinstance(event, Recorded)
                and after < event.seq <= to
                and collection in (None, event.collection)
                and item_id in (None, event.item_id)
            ]


@contextmanager
def connected(settings: NatsSettings, url: str, name: str) -> Iterator[Stream]:
    """A stream at NATS servers, for as long as the block lasts.

    Args:
        settings: the credentials.
        url: the servers' addresses, with commas between them.
        name: of the stream.

    Raises:
        WrongUsageError: if nats-py is not installed, or the address or a setting is wrong.
        StreamCredentialsRefusedError: if NATS refuses the credentials.
        StreamTroubleError: if it can't be reached.
    """
    client = _client_module()
    servers, options = servers_of(url), _options(settings)
    loop = Loop()
    try:
        connection = loop.run(client.connect(servers, check_name(name), options))
        try:
            yield Stream(loop, connection, url, name)
        finally:
            loop.run(connection.close())
    finally:
        loop.close()


def servers_of(url: str) -> list[str]:
    """The addresses in a text such as nats://one:4222,nats://two:4222.

    Raises:
        WrongUsageError: if one of them is no address of a NATS server, or has a password in it.
    """
    servers = url.split(",")
    for server in servers:
        scheme, _, host = server.partition("://")
        if "@" in server:
            raise WrongUsageError(
                why="Credentials in an address show in the list of processes. Put them into NATS_USER and"
                " NATS_PASSWORD, NATS_TOKEN, NATS_CREDS or NATS_NKEY."
            )
        if scheme not in ("nats", "tls") or not host or not server.isprintable() or " " in server or "/" in host:
            raise WrongUsageError(why=f"{server} is no address of a NATS server, such as nats://127.0.0.1:4222.")
    return servers


def _client_module() -> Any:  # noqa: ANN401 - a module
    try:
        from pocketbase_events.stream import client  # noqa: PLC0415 - nats-py is an extra
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == "nats":
            raise WrongUsageError(
                why="nats-py, which streams need, is not installed. Run: pip install 'pocketbase-events[nats]'"
            ) from None
        raise
    return client


def _options(settings: NatsSettings) -> dict[str, Any]:
    """The settings as nats-py takes them.

    Raises:
        WrongUsageError: if a file of them can't be read.
    """
    given = {
        "user": settings.user,
        "password": settings.password and settings.password.get_secret_value(),
        "token": settings.token and settings.token.get_secret_value(),
        "user_credentials": settings.creds,
        "nkeys_seed": settings.nkey,
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value}
    for variable, path in (("NATS_CREDS", settings.creds), ("NATS_NKEY", settings.nkey)):
        _check_file(variable, path)
    if settings.ca or settings.cert:
        options["tls"] = _tls(settings)
    return options


def _check_file(variable: str, path: str | None) -> None:
    try:
        if path:
            with open(path, "rb"):  # noqa: PTH123 - only to see that it can be
                pass
    except OSError as error:
        raise WrongUsageError(why=f"{path}, which {variable} names, can't be read ({error.strerror}).") from None


def _tls(settings: NatsSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.cert:
            context.load_cert_chain(settings.cert, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise WrongUsageError(
            why=f"NATS_CA, NATS_CERT or NATS_KEY can't be used ({error.strerror or error})."
        ) from None
    return context
