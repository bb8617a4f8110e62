"""The wake-up: says that something may have happened, and reconnects for ever. What it says is never believed alone."""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote as percent_encoded

import requests
from sseclient import SSEClient

from pocketbase_events.core.json_text import read_json
from pocketbase_events.errors import PocketBaseEventsError
from pocketbase_events.logs import log
from pocketbase_events.pb.transport import Transport

PATH = "/api/realtime"
ANSWERS_WITHIN = 3.05  # seconds
SILENCE = 330.0  # seconds; PocketBase closes a silent stream after 300, so a longer silence is a dead connection
CHUNK = 4096  # bytes read at most at once; what is there is handed on at once
FIRST_RETRY, LAST_RETRY = 0.25, 5.0  # seconds between two attempts to connect

Record = Mapping[str, Any]  # the fields of a record that a topic asks for


@dataclass(frozen=True, slots=True)
class Topic:
    """Records to hear of: those of a collection, these fields of them ("" for all), and which are news."""

    collection: str
    fields: str
    is_news: Callable[[Record], bool]

    @property
    def subscription(self) -> str:
        """The topic as PocketBase knows it."""
        if not self.fields:
            return f"{self.collection}/*"
        options = json.dumps({"query": {"fields": self.fields}})
        return f"{self.collection}/*?options={percent_encoded(options)}"

    def news(self, message: str) -> list[Record | None]:
        """The record of a message that is news; None for it if not everybody reads it alike, so it may be anything.

        PocketBase puts U+FFFD in the place of bytes that are not UTF-8.
        """
        if "\ufffd" in message or "\\ufffd" in message:
            return [None]
        try:
            record = read_json(message)["record"]
            return [record] if self.is_news(record) else []
        except (KeyError, TypeError, ValueError):
            return [None]


# Choosing the messages here costs PocketBase less than a filter, and sending them whole less than picking most fields.
PENDING = Topic("events", "", lambda event: not (event["seq"] or event["error"]))
SETTLED = Topic("events", "id,seq,error", lambda event: bool(event["seq"] or event["error"]))
HEAD_MOVED = Topic("event_head", "seq", lambda _: True)  # one message a transaction, not one an event


class WakeUp:
    """Calls `told` when there may be news of a topic: at each (re)connect, and at each message that is news.

    Args:
        url: PocketBase's address.
        token: gives a valid token of the account; called in the stream's own thread.
        told: called in that thread with the record, or with None when anything may have happened.
        topic: what to hear of.
        changed: called in that thread with whether it is connected, when it was connected or was lost.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        told: Callable[[Record | None], object],
        topic: Topic = PENDING,
        changed: Callable[[bool], object] = lambda _: None,
    ) -> None:
        self._transport = Transport(url)
        self._token = token
        self._told = told
        self._topic = topic
        self._changed = changed
        self._stopped = threading.Event()
        self._response: requests.Response | None = None
        self._retry, self._lost = FIRST_RETRY, False
        self._connected = False
        self._thread = threading.Thread(target=self._run, name="wake-up", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether messages seem to arrive."""
        return self._connected

    def start(self) -> None:
        """Connect, and go on reconnecting, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect for good."""
        self._stopped.set()
        self.reconnect()
        self._thread.join(timeout=ANSWERS_WITHIN)
        self._transport.close()

    def reconnect(self) -> None:
        """Drop the connection; a new one is made at once. For one that is silent when it should not be."""
        response = self._response
        if response is not None:
            with suppress(OSError, RuntimeError, ValueError):
                response.raw.shutdown()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
                self._retry = FIRST_RETRY  # PocketBase ends a quiet stream now and then, which is normal
            except (requests.RequestException, PocketBaseEventsError, OSError, ValueError) as error:
                if not self._lost and not self._stopped.is_set():
                    log.warning("realtime_lost", why=_why(error), reconnecting_in_s=self._retry)
                    self._lost = True
            self._connected = False
            self._changed(False)
            self._stopped.wait(self._retry)
            self._retry = min(2 * self._retry, LAST_RETRY)

    def _listen(self) -> None:
        with self._transport.send("GET", PATH, stream=True, answers_within=ANSWERS_WITHIN) as response:
            response.raise_for_status()
            self._response = response
            _be_patient(response)
            for message in SSEClient(response.iter_content(CHUNK)).events():
                if self._stopped.is_set():
                    return
                if message.event == "PB_CONNECT":
                    self._subscribe(json.loads(message.data)["clientId"])
                    self._retry, self._lost, self._connected = FIRST_RETRY, False, True
                    self._changed(True)
                for record in self._topic.news(message.data):
                    self._told(record)

    def _subscribe(self, client_id: str) -> None:
        answer = self._transport.send(
            "POST",
            PATH,
            json={"clientId": client_id, "subscriptions": [self._topic.subscription]},
            headers={"Authorization": self._token()},
            answers_within=ANSWERS_WITHIN,
        )
        answer.raise_for_status()


def _be_patient(response: requests.Response) -> None:
    """Wait long for the next message, but not for the first: PocketBase sends it at once."""
    socket = getattr(response.raw.connection, "sock", None)
    if socket is not None:
        socket.settimeout(SILENCE)


def _why(error: Exception) -> str:
    """Why the stream was lost: our own sentence, or the kind of error."""
    return str(error) if isinstance(error, PocketBaseEventsError) else type(error).__name__
