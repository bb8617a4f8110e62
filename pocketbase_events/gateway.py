"""The worker's side of PocketBase: what is pending, and one transaction at a time.

HTTP errors become ours here. What is to be expected (a conflict, a refused row) is a value.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote as percent_encoded

import requests
from pydantic import BaseModel, ConfigDict

from pocketbase_events.accounts import expires_at
from pocketbase_events.errors import (
    BatchDisabledError,
    BatchTooLargeError,
    NotInstalledError,
    RateLimitedError,
    TroubleError,
    UnreachableError,
)
from pocketbase_events.events import Head, Json, Pending
from pocketbase_events.projection import Write
from pocketbase_events.schema import DELETED, Target, quote
from pocketbase_events.transaction import (
    HEAD_ID,
    Committed,
    Conflict,
    EventRefused,
    Held,
    Outcome,
    RowRefused,
    Transaction,
    reasons,
    requests_of,
    why_refused,
)

TIMEOUT = (3.05, 10.0)  # seconds to connect, and to wait for an answer
PAGE = 500  # records read at a time
RENEW_EVERY = 3600.0  # seconds between two tokens; sooner when half of a token's life is over
RENEW_AT_MOST_EVERY = 2.0  # seconds, so that a refused worker is no login storm


class Status(BaseModel):
    """The log at one moment. Dates are PocketBase's texts, in UTC; "" and 0 where there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    seq: int
    hash: str
    hold_until: str
    hold_by: str
    last_seq: int
    last_hash: str
    last_timestamp: str
    pending: int
    rejected: int
    oldest_pending: str
    now: str
    triggers: tuple[str, ...]

    @property
    def head(self) -> Head:
        """What `event_head` says."""
        return Head(self.seq, self.hash)

    @property
    def last(self) -> Head:
        """What the last recorded event says."""
        return Head(self.last_seq, self.last_hash)

    @property
    def held(self) -> bool:
        """Whether a hold is in force, by PocketBase's clock."""
        return self.hold_until > self.now

    @property
    def oldest_pending_seconds(self) -> float:
        """How long the first pending event has been waiting, by PocketBase's clock; 0 when none is pending."""
        if not self.oldest_pending:
            return 0.0
        waited = datetime.fromisoformat(self.now) - datetime.fromisoformat(self.oldest_pending)
        return max(0.0, waited.total_seconds())


class Gateway:
    """One PocketBase, seen as the worker. Not for use by two threads, `token` aside.

    Args:
        url: PocketBase's address, without a slash at its end.
        log_in: gives a new token of the worker's account.
        clock: seconds since 1970.
    """

    def __init__(self, url: str, log_in: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._log_in = log_in
        self._clock = clock
        self._session = requests.Session()
        self._token = ""
        self._renewed_at = self._renew_at = 0.0
        self._logging_in = threading.Lock()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def token(self) -> str:
        """The worker's token, renewed well before it expires."""
        with self._logging_in:
            now = self._clock()
            if not self._token or now >= self._renew_at or now < self._renewed_at:
                self._renew()
            return self._token

    def status(self) -> Status:
        """The log at this moment, read in one go.

        Raises:
            NotInstalledError: when there is no log, or it is hidden from the worker's own account.
            TroubleError: when PocketBase can't answer now.
        """
        return Status.model_validate(self._own_record("event_status"))

    def pending(self, limit: int) -> list[Pending]:
        """The first `limit` pending events (500 at most) in the order in which PocketBase inserted them.

        None at all is believed only when PocketBase still knows us: it shows a guest an empty list.
        """
        events = self._pending(limit)
        if not events:
            token = self._token
            self._own_record("event_head")
            if self._token != token:
                events = self._pending(limit)
        return events

    def targets(self) -> dict[str, Target]:
        """The attached collections by name, with their live field definitions."""
        items = self._items("event_schemas", perPage=1000)
        return {item["collection"]: Target.model_validate(item) for item in items}

    def attached(self) -> list[str]:
        """The names of all attached collections, those that are gone included."""
        return sorted(item["collection"] for item in self._items("event_targets", perPage=1000))

    def rejected(self) -> list[dict[str, Json]]:
        """All rejected events in the order of insertion, with id, collection, item_id, type, error, created."""
        found: list[dict[str, Json]] = []
        while True:
            page = self._items(
                "events",
                filter='seq = 0 && error != ""',
                sort="@rowid",
                fields="id,collection,item_id,type,error,created",
                page=1 + len(found) // PAGE,
                perPage=PAGE,
            )
            found += page
            if len(page) < PAGE:
                return found

    def transact(self, transaction: Transaction) -> Outcome:
        """Send one transaction.

        Raises:
            TroubleError: when the server is at fault. Where no answer came, the outcome is unknown: read `status`.
        """
        body = json.dumps({"requests": requests_of(transaction)}).encode()
        response = self._request("POST", "/api/batch", data=body, headers={"Content-Type": "application/json"})
        if response.ok:
            return Committed()
        return self._why_failed(response, transaction)

    def _why_failed(self, response: requests.Response, transaction: Transaction) -> Outcome:
        answer = self._json(response)
        if response.status_code == HTTPStatus.FORBIDDEN:
            raise BatchDisabledError
        failures = (answer.get("data") or {}).get("requests") or {}
        index = next((int(key) for key in failures if key.isdigit()), None)
        if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or (failures and index is None):
            raise BatchTooLargeError(in_bytes=not failures)
        if index is None:
            # A time-out, or a hook that failed after the commit: nobody knows.
            raise TroubleError(why=f"{answer.get('message') or 'it gave no reason.'}")
        # Without a response, the request itself was found malformed (its address is too long, say).
        failure = failures[str(index)].get("response") or {
            "status": HTTPStatus.BAD_REQUEST,
            "data": failures[str(index)],
        }
        if failure.get("status") == HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimitedError
        if index == 0:
            return self._why_no_head(transaction)
        if index <= len(transaction.writes):
            return self._why_no_row(transaction.writes[:index], failure)
        return self._why_no_event(transaction, index - 1 - len(transaction.writes), failure)

    def _why_no_event(self, transaction: Transaction, index: int, failure: Mapping[str, Any]) -> Outcome:
        """Why the event with this place among the recorded and rejected ones could not be changed."""
        events = [event.id for event in transaction.recorded]
        rejects = index >= len(events)
        events += [rejection.event.id for rejection in transaction.rejections]
        if failure.get("status") == HTTPStatus.BAD_REQUEST and failure.get("data"):
            return EventRefused(events[index], reasons(failure["data"]))
        if failure.get("status") == HTTPStatus.NOT_FOUND:
            return Conflict()
        if rejects and failure.get("status", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return EventRefused(events[index], str(failure.get("message")))
        raise TroubleError(why=f"an event could not be recorded (status {failure.get('status')}).")

    def _why_no_head(self, transaction: Transaction) -> Outcome:
        status = self.status()
        if status.head == transaction.before and status.held:
            return Held(status.hold_by, status.hold_until)
        return Conflict()

    def _why_no_row(self, writes: Sequence[Write], failure: Mapping[str, Any]) -> Outcome:
        """Why the last of these writes failed, the ones before it done."""
        write, code = writes[-1], failure.get("status")
        if code == HTTPStatus.BAD_REQUEST:
            return RowRefused(write, why_refused(write, failure))
        if code == HTTPStatus.NOT_FOUND and not write.inserts:
            state = self._row_state(writes)
            if state is not None:
                return RowRefused(write, state)
        if code in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            return Conflict()
        raise TroubleError(why=f"a row of {write.collection} could not be written (status {code}).")

    def _row_state(self, writes: Sequence[Write]) -> str | None:
        """Why the row of the last write can't be updated; None when it could be."""
        write = writes[-1]
        row: Mapping[str, Json] | None = self._row(write.collection, write.item_id)
        for earlier in writes[:-1]:
            if (earlier.collection, earlier.item_id) == (write.collection, write.item_id):
                row = {**(row or {}), **earlier.fields}
        if row is None:
            return f"There is no item {quote(write.item_id)} in {write.collection}. Check item_id, or create it first."
        if row.get(DELETED):
            return f"The item {quote(write.item_id)} in {write.collection} is deleted and changes no more."
        return None

    def batch_enabled(self) -> bool:
        """Whether the batch API is switched on (an empty batch is refused otherwise)."""
        return self._request("POST", "/api/batch", json={"requests": []}).status_code != HTTPStatus.FORBIDDEN

    def _own_record(self, collection: str) -> dict[str, Any]:
        """A record that every worker sees; where it is hidden, we are a guest and log in again."""
        path = f"/api/collections/{collection}/records/{HEAD_ID}"
        response = self._request("GET", path)
        if response.status_code == HTTPStatus.NOT_FOUND:
            self._renew_early()
            response = self._request("GET", path)
        if not response.ok:
            raise NotInstalledError(url=self._url)
        return self._json(response)

    def _row(self, collection: str, item_id: str) -> dict[str, Json] | None:
        response = self._request("GET", f"/api/collections/{collection}/records/{percent_encoded(item_id, safe='')}")
        return self._json(response) if response.ok else None

    def _pending(self, limit: int) -> list[Pending]:
        items = self._items("event_pending", sort="position", perPage=limit)
        return [
            Pending(
                id=item["id"],
                type=item["type"],
                collection=item["collection"],
                item_id=item["item_id"],
                actor=item["actor"],
                data=item["data"],
                damaged=_bytes(item) != item["bytes"],
                schema_version=item["schema_version"],
            )
            for item in items
        ]

    def _items(self, collection: str, **params: str | int) -> list[dict[str, Any]]:
        response = self._request("GET", f"/api/collections/{collection}/records", params={"skipTotal": 1, **params})
        if not response.ok:
            raise NotInstalledError(url=self._url)
        items = self._json(response).get("items")
        if not isinstance(items, list):
            raise UnreachableError(url=self._url, why="what answers there is no PocketBase")
        return items

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        headers = {"Authorization": self.token(), **options.pop("headers", {})}
        try:
            response = self._session.request(method, self._url + path, headers=headers, timeout=TIMEOUT, **options)
        except requests.RequestException as error:
            raise UnreachableError(url=self._url, why=type(error).__name__) from None
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimitedError
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TroubleError(why=f"it answered with status {response.status_code}.")
        return response

    def _json(self, response: requests.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise UnreachableError(url=self._url, why="what answers there is no PocketBase")
        return answer

    def _renew_early(self) -> None:
        """Renew a token that PocketBase no longer knows. A new one that it does not know is another matter."""
        with self._logging_in:
            if 0 <= self._clock() - self._renewed_at < RENEW_AT_MOST_EVERY:
                raise NotInstalledError(url=self._url)
            self._renew()

    def _renew(self) -> None:
        now = self._clock()
        self._token = self._log_in()
        self._renewed_at = now
        life = expires_at(self._token) - now
        self._renew_at = now + min(RENEW_EVERY, max(life / 2, RENEW_AT_MOST_EVERY))


def _bytes(item: Mapping[str, Any]) -> int:
    """How many bytes an event's texts have as we see them; what was no UTF-8 has been replaced on the way."""
    return len((item["collection"] + item["item_id"] + item["actor"] + item["data"]).encode())
