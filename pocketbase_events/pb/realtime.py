"""The wake-up: says that something may have happened, and reconnects for ever. It carries no truth."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote as percent_encoded

import requests
from sseclient import SSEClient

from pocketbase_events.errors import PocketBaseEventsError
from pocketbase_events.logs import log

CONNECT_TIMEOUT = 3.05  # seconds
SILENCE = 330.0  # seconds; PocketBase closes a silent stream after 300, so a longer silence is a dead connection
CHUNK = 4096  # bytes read at most at once; what is there is handed on at once
FIRST_RETRY, LAST_RETRY = 0.25, 5.0  # seconds between two attempts to connect
# All that it takes to see whether an event is pending. A filter would say it as well, and cost PocketBase more.
TOPIC = "events/*?options=" + percent_encoded(json.dumps({"query": {"fields": "seq,error"}}))


class WakeUp:
    """Sets `flag` when events may be pending: at each (re)connect and at each message.

    Args:
        url: PocketBase's address.
        token: gives a valid token of the worker; called in the stream's own thread.
        flag: what is set.
    """

    def __init__(self, url: str, token: Callable[[], str], flag: threading.Event) -> None:
        self._url = url + "/api/realtime"
        self._token = token
        self._flag = flag
        self._stopped = threading.Event()
        self._response: requests.Response | None = None
        self._retry, self._lost = FIRST_RETRY, False
        self._thread = threading.Thread(target=self._run, name="wake-up", daemon=True)

    def start(self) -> None:
        """Connect, and go on reconnecting, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect for good."""
        self._stopped.set()
        self.reconnect()
        self._thread.join(timeout=CONNECT_TIMEOUT)

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
                self._retry = FIRST_RETRY  # PocketBase ends a quiet stream now and then; that is no news
            except (requests.RequestException, PocketBaseEventsError, OSError, ValueError) as error:
                if not self._lost and not self._stopped.is_set():
                    log.warning("realtime_lost", why=type(error).__name__, reconnecting_in_s=self._retry)
                    self._lost = True
            self._stopped.wait(self._retry)
            self._retry = min(2 * self._retry, LAST_RETRY)

    def _listen(self) -> None:
        with (
            requests.Session() as session,
            session.get(self._url, stream=True, timeout=(CONNECT_TIMEOUT, SILENCE)) as response,
        ):
            response.raise_for_status()
            self._response = response
            for message in SSEClient(response.iter_content(CHUNK)).events():
                if self._stopped.is_set():
                    return
                if message.event == "PB_CONNECT":
                    self._subscribe(session, json.loads(message.data)["clientId"])
                    self._retry, self._lost = FIRST_RETRY, False
                if _may_tell_of_work(message.data):
                    self._flag.set()

    def _subscribe(self, session: requests.Session, client_id: str) -> None:
        answer = session.post(
            self._url,
            json={"clientId": client_id, "subscriptions": [TOPIC]},
            headers={"Authorization": self._token()},
            timeout=CONNECT_TIMEOUT,
        )
        answer.raise_for_status()


def _may_tell_of_work(message: str) -> bool:
    """Whether the message is not about an event that is recorded or rejected already, as far as it can be read."""
    try:
        event = json.loads(message)["record"]
        return not (event["seq"] or event["error"])
    except (KeyError, TypeError, ValueError):
        return True
