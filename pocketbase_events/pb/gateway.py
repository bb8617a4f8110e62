"""The worker's side of PocketBase: what is pending, and one transaction at a time.

HTTP errors become ours here. What is to be expected (a conflict, a refused row) is a value.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote as percent_encoded

from pocketbase_events.core.batch import EventPlace, RowPlace, place_of, reasons, requests_of, row_request, why_refused
from pocketbase_events.core.events import Pending
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.projection import Write
from pocketbase_events.core.schema import DELETED, quote
from pocketbase_events.core.transaction import (
    Committed,
    Conflict,
    EventRefused,
    Held,
    Outcome,
    RowRefused,
    Transaction,
)
from pocketbase_events.errors import TroubleError
from pocketbase_events.pb.api import Reader
from pocketbase_events.pb.records import pending_of

MOST_PENDING = 1000  # events that a look shows; the view `event_pending` has the same limit


class Gateway(Reader):
    """One PocketBase, seen as the worker."""

    def pending(self) -> list[Pending]:
        """The first pending events, `MOST_PENDING` at most, in the order in which PocketBase inserted them."""
        items = self._connection.items("event_pending", sort="position", perPage=MOST_PENDING)
        return [pending_of(item) for item in items]

    def transact(self, transaction: Transaction) -> Outcome:
        """Send one transaction.

        Raises:
            TroubleError: when the server is at fault. Where no answer came, the outcome is unknown: read `status`.
        """
        failed = self._connection.batch(requests_of(transaction))
        if failed is None:
            return Committed()
        index, failure = failed
        match place_of(transaction, index):
            case RowPlace(place):
                return self._why_no_row(transaction.writes[: place + 1], failure)
            case EventPlace() as place:
                return _why_no_event(place, failure)
            case None:
                return self._why_no_head(transaction)

    def write_rows(self, writes: Sequence[Write]) -> Outcome:
        """Write rows in a transaction that does not look at the head: for a superuser, while the head is held.

        Raises:
            TroubleError: as `transact` does.
        """
        failed = self._connection.batch([row_request(write) for write in writes])
        return Committed() if failed is None else self._why_no_row(writes[: failed[0] + 1], failed[1])

    def append(self, requests: Sequence[dict[str, Any]]) -> str | None:
        """Append events in one transaction, as a superuser; why it was refused, where it was.

        Raises:
            TroubleError: as `transact` does.
        """
        failed = self._connection.batch(requests)
        if failed is None:
            return None
        answer = failed[1]
        return reasons(answer.get("data") or {}) or str(answer.get("message") or f"status {answer.get('status')}")

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
        if code == HTTPStatus.NOT_FOUND and not write.inserts and not write.removes:
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
        answer = self._connection.request("POST", "/api/batch", json={"requests": []})
        return answer.status_code != HTTPStatus.FORBIDDEN

    def _row(self, collection: str, item_id: str) -> dict[str, Json] | None:
        path = f"/api/collections/{collection}/records/{percent_encoded(item_id, safe='')}"
        response = self._connection.request("GET", path)
        return self._connection.read(response) if response.ok else None


def _why_no_event(place: EventPlace, failure: Mapping[str, Any]) -> Outcome:
    """Why an event could be neither recorded nor rejected."""
    if failure.get("status") == HTTPStatus.BAD_REQUEST and failure.get("data"):
        return EventRefused(place.id, reasons(failure["data"]))
    if failure.get("status") == HTTPStatus.NOT_FOUND:
        return Conflict()
    if place.rejects and failure.get("status", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return EventRefused(place.id, str(failure.get("message")))
    raise TroubleError(why=f"an event could not be recorded (status {failure.get('status')}).")
