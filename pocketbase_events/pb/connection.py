"""One PocketBase, seen by one account: requests, tokens renewed in time, HTTP errors turned into ours."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

import requests

from pocketbase_events.core.batch import HEAD_ID
from pocketbase_events.core.json_text import read_shown
from pocketbase_events.errors import (
    NotInstalledError,
    ProblemError,
)
from pocketbase_events.pb.accounts import expires_at, owner_of
from pocketbase_events.pb.answers import trouble_of
from pocketbase_events.pb.transport import Transport, no_pocketbase

ANSWERS_WITHIN = 10.0  # seconds
RENEW_EVERY = 3600.0  # seconds between two tokens; sooner if half of a token's life is over
RENEW_AT_MOST_EVERY = 2.0  # seconds, so that a refused worker does not sign in without pause


class Connection:
    """Requests as one account. Two threads may use it at once: each request takes a connection of its own.

    Args:
        url: PocketBase's address, without a slash at its end.
        log_in: gives a new token of the account.
        answers_within: seconds to wait for an answer.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        url: str,
        log_in: Callable[[], str],
        *,
        answers_within: float = ANSWERS_WITHIN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = url
        self._answers_within = answers_within
        self._log_in = log_in
        self._clock = clock
        self._transport = Transport(url)
        self._token = ""
        self._renewed_at = self._renew_at = 0.0
        self._logging_in = threading.Lock()
        self.leaving = ExitStack()  # what to close with it

    def close(self) -> None:
        """Close the connection, and what was opened for it."""
        self.leaving.close()
        self._transport.close()

    def token(self) -> str:
        """The account's token, renewed well before it expires."""
        with self._logging_in:
            now = self._clock()
            if not self._token or now >= self._renew_at or now < self._renewed_at:
                self._renew()
            return self._token

    def is_known(self) -> bool:
        """Whether PocketBase knows the token. It takes requests with an unknown one for a guest's, without an error."""
        collection, _ = owner_of(self.token())
        return self.request("POST", f"/api/collections/{collection}/auth-refresh").ok

    def renew(self) -> None:
        """Log in again."""
        with self._logging_in:
            self._renew()

    def items(self, collection: str, **params: str | int) -> list[dict[str, Any]]:
        """A page of records.

        An empty page counts only if PocketBase still knows us: guests get an empty list, too.
        """
        found = self.items_of(self.ask(collection, **params))
        if not found:
            token = self._token
            self.own_record("event_head")
            if self._token != token:
                found = self.items_of(self.ask(collection, **params))
        return found

    def ask(self, collection: str, **params: str | int) -> requests.Response:
        """PocketBase's answer with a page of records, for `items_of`. If it may be empty, use `items`."""
        response = self.request("GET", f"/api/collections/{collection}/records", params={"skipTotal": 1, **params})
        self._expect_shown(response, collection)
        return response

    def items_of(self, response: requests.Response) -> list[dict[str, Any]]:
        """The records of a page."""
        items = self.read(response).get("items")
        if not isinstance(items, list):
            raise no_pocketbase(self.url, response)
        return items

    def own_record(self, collection: str) -> dict[str, Any]:
        """A record that every worker sees. If it is hidden, PocketBase takes us for a guest: log in again.

        Raises:
            NotInstalledError: if the log is not set up, or is hidden from the worker's account.
            ProblemError: if PocketBase can't show it.
        """
        path = f"/api/collections/{collection}/records/{HEAD_ID}"
        response = self.request("GET", path)
        if response.status_code == HTTPStatus.NOT_FOUND:
            self._renew_early()
            response = self.request("GET", path)
        self._expect_shown(response, collection)
        return self.read(response)

    def request(
        self,
        method: str,
        path: str,
        *,
        within: float | None = None,
        **options: Any,  # noqa: ANN401 - requests' own
    ) -> requests.Response:
        """Send a request, and return the answer. `within`: seconds to wait for it, if not the usual time.

        Raises:
            TroubleError: if PocketBase can't be reached or can't answer now.
        """
        headers = {"Authorization": self.token(), **options.pop("headers", {})}
        response = self._transport.send(
            method, path, answers_within=within or self._answers_within, headers=headers, **options
        )
        trouble = trouble_of(response.status_code, path)
        if trouble is not None:
            raise trouble
        return response

    def read(self, response: requests.Response) -> dict[str, Any]:
        """The JSON object in PocketBase's answer, with numbers read as in events.

        Raises:
            NotPocketBaseError: if it isn't one.
            RecursionError: if it is nested deeper than Python reads.
        """
        try:
            answer = read_shown(response.content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise no_pocketbase(self.url, response)
        return answer

    def _expect_shown(self, response: requests.Response, collection: str) -> None:
        if response.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND) and collection.startswith("event"):
            raise NotInstalledError(url=self.url)
        if not response.ok:
            raise ProblemError(
                why=f"PocketBase can't show the records of {collection} (status {response.status_code}). One may hold"
                " what it can't read: verify --dir DIR and check --dir DIR read the database file, and name it."
            )

    def _renew_early(self) -> None:
        """Renew a token that PocketBase no longer knows. If it doesn't know a new one either, give up."""
        with self._logging_in:
            if 0 <= self._clock() - self._renewed_at < RENEW_AT_MOST_EVERY:
                raise NotInstalledError(url=self.url)
            self._renew()

    def _renew(self) -> None:
        now = self._clock()
        self._token = self._log_in()
        self._renewed_at = now
        life = expires_at(self._token) - now
        self._renew_at = now + min(RENEW_EVERY, max(life / 2, RENEW_AT_MOST_EVERY))
