"""Reading a stream by nats-py, in an event loop: a consumer of JetStream that is asked for messages, and forgotten."""

import asyncio
import json
import time
from collections import deque
from contextlib import suppress

import nats
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg

from pocketbase_events.errors import StreamTroubleError
from pocketbase_events.stream.messages import Message, message_of

HEARTBEAT = 2.0  # seconds between two signs of life while a reader waits
SILENCE = 3 * HEARTBEAT  # seconds after which a stream counts as lost
ASKED = 1000  # messages that a reader asks for at a time
ASKED_BYTES = 16_000_000  # of them
ASKS_FOR = 60.0  # seconds that a question for messages stays open


class Reading:
    """Messages of a stream, one after another, from where it was opened on.

    Args:
        connection: to NATS.
        stream: its name.
        consumer: JetStream's name for the reader.
        left: how many messages there were when it was opened.
    """

    def __init__(self, connection: Connection, stream: str, consumer: str, left: int) -> None:
        self.left = left
        self._connection = connection
        self._question = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._forget = f"$JS.API.CONSUMER.DELETE.{stream}.{consumer}"
        self._inbox = connection.new_inbox()
        self._asked = 0  # messages that are asked for and not come
        self._came: deque[Msg] = deque()
        self._news = asyncio.Event()
        self._heard = time.monotonic()
        self._refusal = ""

    async def open(self) -> None:
        """Begin to listen."""
        await self._connection.subscribe(self._inbox, cb=self._hear)

    async def next(self, most: int, within: float) -> list[Message]:
        """The messages that are there, or the first ones to come within so many seconds; [] if none came.

        Raises:
            StreamTroubleError: if NATS is gone, or refuses.
        """
        if self._asked <= 0 and len(self._came) < most:
            await self._ask()
        if not self._came:
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), within)
        if not self._came:
            self._check_life()
        return [_read(self._came.popleft()) for _ in range(min(most, len(self._came)))]

    async def close(self) -> None:
        """Have JetStream forget the reader."""
        with suppress(Exception):
            await self._connection.publish(self._forget)
            await self._connection.flush(timeout=1)

    async def _ask(self) -> None:
        question = {
            "batch": ASKED, "expires": int(ASKS_FOR * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9),
            "max_bytes": max(ASKED_BYTES, 2 * self._connection.max_payload),
        }  # fmt: skip
        self._asked, self._heard = ASKED, time.monotonic()
        with suppress(nats.errors.Error):  # a lost connection shows below
            await self._connection.publish(self._question, json.dumps(question).encode(), reply=self._inbox)

    async def _hear(self, message: Msg) -> None:
        self._heard = time.monotonic()
        status = (message.headers or {}).get("Status", "")
        if not status:
            self._asked -= 1
            self._came.append(message)
        elif status in ("404", "408", "409"):  # the question is over: its time, its bytes, a new leader
            self._asked = 0
        elif status != "100":
            self._refusal = status
        self._news.set()

    def _check_life(self) -> None:
        if self._connection.is_closed or self._refusal:
            raise StreamTroubleError(why="the connection was lost." if not self._refusal else "the stream is gone.")
        silent = time.monotonic() - self._heard
        if silent > SILENCE:
            raise StreamTroubleError(why=f"the stream has been silent for {silent:.0f} s.")


def _read(message: Msg) -> Message:
    place = message.metadata
    return message_of(place.sequence.stream, message.headers, message.data, place.num_pending)
