"""Somebody at PocketBase's door."""

from typing import Any

import requests

from support.waiting import eventually

GAVE_UP = "Batch transaction failed."  # PocketBase's words; if a request is to blame, it names that as well
AT_ONCE = 250  # events appended in one request


class Client:
    """Somebody at PocketBase's door: a guest, a user, the worker or a superuser."""

    def __init__(self, url: str, token: str = "", user_id: str = "") -> None:
        self.url, self.user_id = url, user_id
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = token

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=30, **options)

    def again(self) -> "Client":
        """The same one, over a connection of its own."""
        return Client(self.url, str(self.session.headers.get("Authorization", "")), self.user_id)

    def append(self, type_: str, item_id: str, data: Any = None, collection: str = "items", **more: Any) -> Any:
        """Append an event; its record as PocketBase answers."""
        body = {"type": type_, "collection": collection, "item_id": item_id, "data": data, **more}
        answer = self("POST", "/api/collections/events/records", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def append_all(self, *events: dict[str, Any]) -> None:
        """Append events to `items`, in requests that a busy machine does within PocketBase's batch time-out."""
        url = "/api/collections/events/records"
        for start in range(0, len(events), AT_ONCE):
            some = events[start : start + AT_ONCE]
            answer = self.batch(*(("POST", url, {"collection": "items", **event}) for event in some))
            assert answer.status_code == 200, answer.text

    def records(self, collection: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = {"perPage": 1000, "page": 1 + len(found) // 1000, "skipTotal": 1, **params}
            answer = self("GET", f"/api/collections/{collection}/records", params=page)
            assert answer.status_code == 200, answer.text
            items = answer.json()["items"]
            found += items
            if len(items) < 1000:
                return found

    def record(self, collection: str, record_id: str) -> dict[str, Any]:
        answer = self("GET", f"/api/collections/{collection}/records/{record_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def batch(self, *requests_: tuple[str, str, dict[str, Any] | None]) -> requests.Response:
        """Send a transaction, and again if PocketBase gave it up, being too busy to end it in time."""
        body = [{"method": method, "url": url, "body": body or {}} for method, url, body in requests_]
        (answer,) = eventually(lambda: self._carried_out(body), "a transaction within PocketBase's batch time-out")
        return answer

    def _carried_out(self, body: list[dict[str, Any]]) -> tuple[requests.Response] | None:
        """The answer to a transaction; None if PocketBase's time-out ended it, and all of it was undone."""
        answer = self("POST", "/api/batch", json={"requests": body})
        if answer.status_code != 400 or answer.json()["message"] != GAVE_UP or answer.json()["data"]:
            return (answer,)
        return None
