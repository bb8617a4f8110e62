"""The worker's side of PocketBase: what is pending, and one transaction at a time.

HTTP errors become ours here. Expected outcomes (a conflict, a refused row) are values.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote as percent_encoded

from pocketbase_events.core.batch import (
    AppendPlace,
    EventPlace,
    RowPlace,
    StampsPlace,
    append_request,
    load_requests,
    place_in_load,
    place_of,
    reasons,
    requests_of,
    row_request,
    seen_request,
    stay_request,
    why_refused,
    words_of,
)
from pocketbase_events.core.events import Fetched, Head, Pending
from pocketbase_events.core.files import EVENTS, Upload, may_remove_files
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.projection import Write
from pocketbase_events.core.schema import DELETED, SEQ, Target, quote
from pocketbase_events.core.transaction import (
    Committed,
    Conflict,
    EventRefused,
    Held,
    Load,
    NotStamped,
    Outcome,
    RowRefused,
    Transaction,
)
from pocketbase_events.core.values import as_list
from pocketbase_events.errors import FileUnreadableError
from pocketbase_events.pb.accounts import owner_of
from pocketbase_events.pb.api import Reader
from pocketbase_events.pb.batch import Failed, send_batch
from pocketbase_events.pb.records import pending_of

_ADMIN_SCRIPT = re.compile(r'src="\./(assets/index-[\w-]+\.js)"')
_VERSION = re.compile(r"PocketBase v(\d+)\.(\d+)\.(\d+)")
MOST_PENDING = 1000  # events in one look; the view `event_pending` has the same limit


class Gateway(Reader):
    """One PocketBase, seen as the worker."""

    def pending(self) -> list[Pending]:
        """The first pending events, `MOST_PENDING` at most, in the order in which PocketBase inserted them."""
        items = self._connection.items("event_pending", sort="position", perPage=MOST_PENDING)
        return [pending_of(item) for item in items]

    def first_pending(self) -> dict[str, Any] | None:
        """The first pending event's id, type, collection, item_id and place of insertion; None if none is pending."""
        fields = "id,type,collection,item_id,position"
        items = self._connection.items("event_pending", sort="position", perPage=1, fields=fields)
        return items[0] if items else None

    def position(self, seq: int) -> int:
        """The place of insertion of the recorded event with this seq; 0 if there is none."""
        items = self._connection.items("event_log", filter=f"seq = {seq}", perPage=1, fields="position")
        return int(items[0]["position"]) if items else 0

    def transact(self, transaction: Transaction, *, within: float | None = None) -> Outcome:
        """Send one transaction. `within`: seconds to wait for the answer, if not the usual time.

        Raises:
            OutcomeUnknownError: if it may or may not have been carried out: read `status`.
            TroubleError: if PocketBase can't do it now. Nothing was written.
        """
        failed = self._send(requests_of(transaction), within=within)
        if failed is None:
            return Committed()
        match place_of(transaction, failed.index):
            case RowPlace(place):
                return self._why_no_row(transaction.writes[: place + 1], failed)
            case StampsPlace():
                return NotStamped()
            case EventPlace() as place:
                return self._why_no_event(place, failed)
            case None:
                return self._why_no_head(transaction.before)

    def load(self, load: Load) -> Outcome:
        """Append and record events as another log has them, with their rows, in one transaction.

        Raises:
            As `transact` does.
        """
        failed = send_batch(self._connection, load_requests(load))
        if failed is None:
            return Committed()
        match place_in_load(load, failed.index):
            case AppendPlace(index):
                return EventRefused(load.events[index].id, failed.why)
            case RowPlace(place):
                return self._why_no_row(load.writes[: place + 1], failed)
            case StampsPlace():
                return NotStamped()
            case EventPlace() as place:
                return EventRefused(place.id, failed.why, certain=False)
            case None:
                return self._why_no_head(load.before)

    def write_rows(self, writes: Sequence[Write], at: Head) -> Outcome:
        """Write rows as a superuser, to whom the rules of the head don't apply, while the head is held.

        It is a conflict if the log no longer ends `at` this head. Without our triggers (PocketBase before 0.39), that
        goes unnoticed.

        Raises:
            As `transact` does.
        """
        stay = [stay_request(at)] if self.status().head_locked else []
        failed = self._send([*stay, *map(row_request, writes)])
        if failed is None:
            return Committed()
        place = failed.index - len(stay)
        return Conflict() if place < 0 else self._why_no_row(writes[: place + 1], failed)

    def append(self, requests: Sequence[dict[str, Any]]) -> Failed | None:
        """Append events in one transaction, as a superuser. None, or the first request that PocketBase refused.

        Raises:
            As `transact` does.
        """
        return self._send(requests)

    def fetched(self, event: Pending, target: Target | None) -> Pending:
        """The event with what it takes to judge it: the hashes of its files, and which files its row holds."""
        uploads = [Upload(EVENTS, event.id, name, name) for name in event.files]
        try:
            hashes = [self.files.content(upload).hash for upload in uploads]
        except FileUnreadableError as error:
            return replace(event, fetched=Fetched(unread=f"{error} Append the event again."))
        row = self._row(event.collection, event.item_id) if target and may_remove_files(event, target) else None
        return replace(event, fetched=Fetched(hashes, _held(target, row) if target and row else None))

    def why_not_appended(self, requests: Sequence[dict[str, Any]]) -> str | None:
        """Why PocketBase would refuse to append these events; None if it would not. Nothing is written.

        The transaction ends with a request that always fails, so it is rolled back in any case.

        Raises:
            As `transact` does.
        """
        failed = send_batch(self._connection, [*requests, append_request(type="", data=None)])
        return failed.why if failed is not None and failed.index < len(requests) else None

    def _send(self, requests: Sequence[dict[str, Any]], *, within: float | None = None) -> Failed | None:
        try:
            return send_batch(self._connection, requests, within=within, content=self.files.content)
        finally:
            self.files.forget()

    def _why_no_head(self, before: Head) -> Outcome:
        status = self.status()
        if status.head == before and status.held:
            return Held(status.hold_by, status.hold_until)
        return Conflict()

    def _why_no_row(self, writes: Sequence[Write], failed: Failed) -> Outcome:
        """Why the last of these writes failed, after the others."""
        write = writes[-1]
        if failed.status == HTTPStatus.NOT_FOUND and write.removes:
            return Conflict()
        if failed.status == HTTPStatus.NOT_FOUND and not write.inserts:
            state = self._row_state(writes)
            if state is not None:
                return RowRefused(write, state)
        fields = failed.answer.get("data")
        named = frozenset(fields) if isinstance(fields, dict) else frozenset[str]()
        return RowRefused(write, why_refused(write, failed.answer), failed.status, named)

    def _row_state(self, writes: Sequence[Write]) -> str | None:
        """Why the row of the last write can't be updated; None if it can."""
        write = writes[-1]
        row: Mapping[str, Json] | None = self._row(write.collection, write.item_id)
        for earlier in writes[:-1]:
            if (earlier.collection, earlier.item_id) == (write.collection, write.item_id):
                row = {**(row or {}), **earlier.fields}
        if row is None:
            return f"There is no item {quote(write.item_id)} in {write.collection}. Check item_id, or create it first."
        item, restores = f"{quote(write.item_id)} in {write.collection}", write.fields.get(DELETED) is False
        if row.get(DELETED) and not restores:
            return f'The item {item} is deleted. Restore it first: append an update with the data {{"deleted": false}}.'
        if restores and not row.get(DELETED):
            return f"The item {item} is not deleted, so there is nothing to restore."
        if write.expected_seq not in (0, row.get(SEQ)):
            return (
                f"The item {item} was changed meanwhile (seq {row.get(SEQ)}, expected {write.expected_seq})."
                " Read it again, and decide anew."
            )
        return None

    def show_seen(self, time: str) -> None:
        """Write into the worker's own record that it was seen at this time, by PocketBase's clock.

        In a batch, since a single PATCH would also write back the other fields as it has read them.

        Raises:
            TroubleError: if PocketBase can't do it now.
        """
        own = owner_of(self._connection.token())[1]
        send_batch(self._connection, [seen_request(own, time)])

    def batch_enabled(self) -> bool:
        """Whether the batch API is switched on (an empty batch is refused otherwise)."""
        answer = self._connection.request("POST", "/api/batch", json={"requests": []})
        return answer.status_code != HTTPStatus.FORBIDDEN

    def has_sql(self) -> bool:
        """Whether this PocketBase has its SQL endpoint, which superusers may use."""
        answer = self._connection.request("POST", "/api/sql", json={})
        return answer.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

    def server_version(self) -> tuple[int, ...] | None:
        """The version that the admin UI names; None if it can't be read: a proxy may hide the admin UI."""
        page = self._connection.request("GET", "/_/")
        script = _ADMIN_SCRIPT.search(page.text) if page.ok else None
        shown = _VERSION.search(self._connection.request("GET", f"/_/{script[1]}").text) if script else None
        return tuple(map(int, shown.groups())) if shown else None

    def _why_no_event(self, place: EventPlace, failed: Failed) -> Outcome:
        """Why an event could be neither recorded nor rejected."""
        if failed.status == HTTPStatus.NOT_FOUND and not self._is_pending(place.id):
            return Conflict()
        fields = failed.answer.get("data")
        if failed.status == HTTPStatus.BAD_REQUEST and fields:
            return EventRefused(place.id, reasons(fields))
        why = words_of(failed.answer) or f"status {failed.status}, without a reason."
        return EventRefused(place.id, why, certain=False)

    def _is_pending(self, event: str) -> bool:
        """Whether the event is there still, and pending. If it isn't, PocketBase answers 404 as well."""
        found = self._row("events", event)
        return found is not None and found["seq"] == 0 and found["error"] == ""

    def _row(self, collection: str, item_id: str) -> dict[str, Json] | None:
        path = f"/api/collections/{collection}/records/{percent_encoded(item_id, safe='')}"
        response = self._connection.request("GET", path)
        return self._connection.read(response) if response.ok else None


def _held(target: Target, row: Mapping[str, Json]) -> dict[str, list[str]]:
    """The names of the files that a row holds, by field."""
    fields = [field.name for field in target.settable if field.type == "file"]
    return {name: [str(each) for each in as_list(row.get(name)) if each] for name in fields}
