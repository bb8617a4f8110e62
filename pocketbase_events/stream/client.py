"""NATS, by nats-py, in an event loop: one connection, one stream. Its errors become ours here.

A lost connection is not mended: whoever uses it connects anew, and looks where the stream ends.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import nats
from nats.aio.client import Client as Connection
from nats.errors import AuthorizationError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from pocketbase_events.errors import (
    OvertakenError,
    ProblemError,
    StreamCredentialsRefusedError,
    StreamTroubleError,
)
from pocketbase_events.stream.messages import Message, Outgoing, State, message_of
from pocketbase_events.stream.reading import Reading

ANSWERS_WITHIN = 5.0  # seconds
CLOSES_WITHIN = 0.5  # seconds
IN_FLIGHT = 256  # messages that are published and not acknowledged yet
WRONG_LAST_SEQUENCE = (10071, 10164)  # JetStream's error codes; the second one is of 2.12 and newer
NOT_ENABLED = (10039, 10076)
FORGOTTEN_AFTER = 60.0  # seconds after which JetStream forgets a reader that is gone


class Client:
    """A connection to NATS, and a stream there.

    Args:
        connection: connected by `connect`.
        url: the servers' addresses, for sentences.
        name: of the stream.
        said: what NATS said last that belongs to no request.
    """

    def __init__(self, connection: Connection, url: str, name: str, said: list[str]) -> None:
        self._connection = connection
        self._url, self._name, self._said = url, name, said
        self._jetstream = connection.jetstream(timeout=ANSWERS_WITHIN, publish_async_max_pending=IN_FLIGHT)

    async def close(self) -> None:
        """Disconnect."""
        await _soon(self._connection.close())

    async def ensure(self, replicas: int) -> None:
        """Create the stream if it is not there.

        Raises:
            ProblemError: if it is there, and is not one of ours.
            StreamTroubleError: if NATS can't answer now.
        """
        subjects = [f"{self._name}.>"]
        with self._errors():
            try:
                found = (await self._jetstream.stream_info(self._name)).config.subjects
            except NotFoundError:
                config = StreamConfig(
                    name=self._name, subjects=subjects, storage=StorageType.FILE, num_replicas=replicas,
                    deny_delete=True, deny_purge=True,
                )  # fmt: skip
                await self._jetstream.add_stream(config)
                return
        if found != subjects:
            raise ProblemError(
                why=f"There is a stream {self._name} at {self._url} that is not for events: its subjects are"
                f" {', '.join(found or ['none'])}. Choose another name with --stream."
            )

    async def state(self) -> State:
        """What the stream holds.

        Raises:
            StreamTroubleError: if there is no stream, or NATS can't answer now.
        """
        with self._errors():
            state = (await self._jetstream.stream_info(self._name)).state
            return State(state.first_seq, state.last_seq, state.messages)

    async def message(self, seq: int) -> Message | None:
        """The message of this sequence; None if it is gone.

        Raises:
            StreamTroubleError: if NATS can't answer now.
        """
        with self._errors():
            try:
                found = await self._jetstream.get_msg(self._name, seq)
            except NotFoundError:
                return None
            return message_of(seq, found.headers, found.data or b"")

    async def publish(self, messages: Iterable[Outgoing]) -> None:
        """Publish messages in their order, many in flight, and wait until all of them are stored.

        Raises:
            OvertakenError: if the stream does not end where the first of them begins.
            ProblemError: if the server takes no message so large.
            StreamTroubleError: if NATS can't do it now. Some may be stored.
        """
        flying: list[tuple[int, asyncio.Future[Any]]] = []
        try:
            with self._errors():
                for each in messages:
                    self._check_size(each)
                    flying.append((each.seq, await self._send(each)))
                await asyncio.wait([ack for _, ack in flying], timeout=ANSWERS_WITHIN)
                for seq, ack in flying:
                    if not ack.done():
                        raise StreamTroubleError(why=self._unanswered())
                    if ack.result().seq != seq:
                        raise OvertakenError
        finally:
            for _, ack in flying:
                if not ack.cancel() and not ack.cancelled():
                    ack.exception()  # or asyncio complains that nobody has looked

    async def _send(self, each: Outgoing) -> "asyncio.Future[Any]":
        return await self._jetstream.publish_async(
            each.subject, each.body, wait_stall=ANSWERS_WITHIN, stream=self._name, headers=dict(each.headers)
        )

    def _check_size(self, each: Outgoing) -> None:
        size = len(each.body) + sum(len(name) + len(value) + 4 for name, value in each.headers.items()) + 100
        if size > self._connection.max_payload:
            raise ProblemError(
                why=f"The event of seq {each.seq} makes a message of {size} bytes, and this NATS server takes"
                f" {self._connection.max_payload}. Raise max_payload in its configuration (8MB, say), reload it, and"
                " start the relay again."
            )

    async def read(self, after: int, subject: str | None) -> Reading:
        """Read the messages after a sequence, those of a subject if given.

        Raises:
            StreamTroubleError: if NATS can't answer now.
        """
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1, ack_policy=AckPolicy.NONE,
            filter_subject=subject, inactive_threshold=FORGOTTEN_AFTER, mem_storage=True, num_replicas=1,
        )  # fmt: skip
        with self._errors():
            consumer = await self._jetstream.add_consumer(self._name, config)
            reading = Reading(self._connection, self._name, consumer.name, consumer.num_pending or 0)
            await reading.open()
            return reading

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of nats-py into ours."""
        try:
            yield
        except NotFoundError:
            raise StreamTroubleError(
                why=f"there is no stream {self._name} at {self._url}. Is a relay running, and is --stream right?"
            ) from None
        except APIError as error:
            if error.err_code in WRONG_LAST_SEQUENCE:
                raise OvertakenError from None
            raise StreamTroubleError(why=_said_by_jetstream(error, self._url)) from None
        except TimeoutError:
            raise StreamTroubleError(why=self._unanswered()) from None
        except (nats.errors.Error, OSError) as error:
            raise StreamTroubleError(why=f"the connection to {self._url} was lost ({_words(error)}).") from None

    def _unanswered(self) -> str:
        said = f" It said: {self._said[-1]}" if self._said else ""
        return f"{self._url} did not answer within {ANSWERS_WITHIN:g} s.{said}"


async def connect(servers: Sequence[str], name: str, options: Mapping[str, Any]) -> Client:
    """Connect to one of the servers.

    Raises:
        StreamCredentialsRefusedError: if it refuses the credentials.
        StreamTroubleError: if none can be reached.
    """
    said: list[str] = []
    url = ",".join(servers)

    async def hear(error: Exception) -> None:
        said.append(_words(error))
        del said[:-3]

    connection = Connection()
    connecting = asyncio.ensure_future(
        connection.connect(
            list(servers), error_cb=hear, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
            connect_timeout=int(ANSWERS_WITHIN), name="pocketbase-events", **options,
        )
    )  # fmt: skip
    # Not `wait_for`, which waits until nats-py is cancelled, and it may never be.
    await asyncio.wait([connecting], timeout=ANSWERS_WITHIN)
    if connecting.done() and connecting.exception() is None:
        return Client(connection, url, name, said)
    error = connecting.exception() if connecting.done() else None
    connecting.cancel()
    await _soon(connection.close())
    why = [*said, *([_words(error)] if error else ["no answer in time"])]
    if isinstance(error, AuthorizationError) or any("uthoriz" in each or "uthentic" in each for each in why):
        raise StreamCredentialsRefusedError(url=url)
    raise StreamTroubleError(why=f"{url} can't be reached ({why[0]}). Is nats-server running there?")


async def _soon(closing: Coroutine[Any, Any, None]) -> None:
    """Close, unless it takes longer than a moment, as it does if a connection was never made."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait([task], timeout=CLOSES_WITHIN)
    if not task.cancel() and not task.cancelled():
        task.exception()  # whatever it is, nobody needs the connection any more


def _said_by_jetstream(error: APIError, url: str) -> str:
    if error.err_code in NOT_ENABLED or error.description is None:
        return f"JetStream at {url} does not answer. Is it enabled (nats-server -js)?"
    return f"JetStream at {url} says: {error.description} (error {error.err_code})."


def _words(error: BaseException) -> str:
    return str(error).removeprefix("nats: ").strip("' ") or type(error).__name__
