"""A superuser's side of PocketBase, for setting up: collections, settings, accounts, triggers.

Everything goes through the SDK's client; its errors become ours here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from pocketbase_events.errors import NotInstalledError, ProblemError
from pocketbase_events.pb.accounts import superuser
from pocketbase_events.pb.login import WORKERS
from pocketbase_events.pb.sdk import send
from pocketbase_events.settings import Settings

AT_ONCE = 50  # records changed in one transaction: PocketBase's default, or fewer if its limit is lower

Record = dict[str, Any]
Collection = dict[str, Any]


@contextmanager
def administration(settings: Settings) -> Iterator["Admin"]:
    """The superuser of the settings, logged in for as long as the block lasts.

    Raises:
        WrongUsageError: if no superuser is given.
        CredentialsRefusedError: if PocketBase refuses it.
        TroubleError: if PocketBase can't be reached.
    """
    with superuser(settings) as client:
        yield Admin(client, settings.url)


class Admin:
    """One PocketBase, seen as a superuser."""

    def __init__(self, client: PocketBase, url: str) -> None:
        self.url = url
        self._client = client

    def collections(self) -> list[Collection]:
        """All collections, in PocketBase's own export format."""
        return self._pages("/api/collections")

    def collection(self, name: str) -> Collection:
        """One collection."""
        return self._send(f"/api/collections/{name}")

    def import_collections(self, collections: Sequence[Collection]) -> None:
        """Create or change collections, all or none of them. Nothing else is touched.

        Raises:
            ProblemError: with PocketBase's own words, if it refuses one.
        """
        body = {"collections": list(collections), "deleteMissing": False}
        self._send("/api/collections/import", method="PUT", body=body)

    def records(self, collection: str, **params: str | int) -> list[Record]:
        """All records of a collection that pass `params`."""
        return self._pages(f"/api/collections/{collection}/records", **params)

    def count(self, collection: str, **params: str | int) -> int:
        """How many records of a collection pass `params`."""
        path = f"/api/collections/{collection}/records"
        return int(self._send(path, params={"perPage": 1, "fields": "id", **params})["totalItems"])

    def create(self, collection: str, /, **body: Any) -> Record:  # noqa: ANN401 - any JSON
        """Create a record, and return it."""
        return self._send(f"/api/collections/{collection}/records", method="POST", body=body)

    def update(self, collection: str, record_id: str, /, **body: Any) -> None:  # noqa: ANN401 - any JSON
        """Change a record."""
        self.update_all(collection, [record_id], **body)

    def update_all(self, collection: str, record_ids: Sequence[str], /, **body: Any) -> None:  # noqa: ANN401 - any JSON
        """Change records in transactions of their own, so that nothing written meanwhile is undone."""
        self._batch(collection, record_ids, method="PATCH", body=body)

    def delete_all(self, collection: str, record_ids: Sequence[str]) -> None:
        """Delete records in transactions of their own."""
        self._batch(collection, record_ids, method="DELETE")

    def delete(self, collection: str, record_id: str) -> None:
        """Delete a record."""
        self._send(f"/api/collections/{collection}/records/{record_id}", method="DELETE")

    def settings(self) -> Record:
        """PocketBase's settings."""
        return self._send("/api/settings")

    def update_settings(self, **changes: Any) -> None:  # noqa: ANN401 - any JSON
        """Change some of PocketBase's settings."""
        self._send("/api/settings", method="PATCH", body=changes)

    def sql(self, query: str) -> None:
        """Run SQL (PocketBase 0.39 and newer).

        Raises:
            ProblemError: with PocketBase's own words.
        """
        self._send("/api/sql", method="POST", body={"query": query})

    def has_sql(self) -> bool:
        """Whether this PocketBase has its SQL endpoint."""
        try:
            send(self._client, self.url, "/api/sql", method="POST", body={"query": "SELECT 1"})
        except ClientResponseError as error:
            if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
                return False
            raise ProblemError(why=_words(error)) from None
        return True

    def worker_logs_in(self, email: str, password: str) -> bool:
        """Whether the worker's account exists and has this password."""
        body = {"identity": email, "password": password}
        try:
            send(self._client, self.url, f"/api/collections/{WORKERS}/auth-with-password", method="POST", body=body)
        except ClientResponseError:
            return False
        return True

    def _batch(self, collection: str, record_ids: Sequence[str], **request: Any) -> None:  # noqa: ANN401 - any JSON
        """Send the same request for each record, as many in a transaction as PocketBase allows."""
        at_once = max(1, min(AT_ONCE, self.settings()["batch"]["maxRequests"]))
        for start in range(0, len(record_ids), at_once):
            requests = [
                {"url": f"/api/collections/{collection}/records/{record_id}", **request}
                for record_id in record_ids[start : start + at_once]
            ]
            self._send("/api/batch", method="POST", body={"requests": requests})

    def _pages(self, path: str, **params: str | int) -> list[Record]:
        found: list[Record] = []
        page = 1
        while True:
            answer = self._send(path, params={**params, "page": page, "perPage": 500})
            found += answer["items"]
            if page >= answer["totalPages"]:
                return found
            page += 1

    def _send(self, path: str, **config: Any) -> Record:  # noqa: ANN401 - the SDK's own
        try:
            return send(self._client, self.url, path, **config)
        except ClientResponseError as error:
            if error.status == HTTPStatus.NOT_FOUND and path.startswith("/api/collections/event"):
                raise NotInstalledError(url=self.url) from None
            raise ProblemError(why=f"PocketBase refused {path}: {_words(error)}") from None


def _words(error: ClientResponseError) -> str:
    """PocketBase's own words, innermost reasons first."""
    reasons: list[str] = []

    def collect(part: object) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("message"), str) and not part.get("data") and not part.get("response"):
                reasons.append(part["message"])
            for inner in part.values():
                collect(inner)

    collect(error.data)
    return " ".join(dict.fromkeys(reasons)) or f"status {error.status}"
