"""Reading the log and the rows through PocketBase's API, as the worker."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import requests

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Row
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.schema import Target
from pocketbase_events.core.values import TOO_DEEP
from pocketbase_events.pb.accounts import SUPERUSERS_ID, owner_of
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.files import Files
from pocketbase_events.pb.literals import literal
from pocketbase_events.pb.records import Setup, Status, recorded_of, refuse_older, status_of
from pocketbase_events.pb.source import read_ahead

PAGE = 1000  # records read at a time, the most that PocketBase gives
FIRST_PAGE = 5  # events, while their size is unknown
PAGE_BYTES = 2_000_000  # of events read at a time, estimated from the page before
NOWHERE = 2**53  # a place in the table behind all others
IDS = 100  # ids in a request; PocketBase allows 200 expressions in a filter

Item = dict[str, Any]  # a record as PocketBase shows it


class Reader:
    """One PocketBase, read over a connection of the worker's account."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.files = Files(connection)

    def token(self) -> str:
        """A token of the account, valid now."""
        return self._connection.token()

    def status(self) -> Status:
        """The log at this moment, read in one request.

        Raises:
            NotInstalledError: if the log is not set up, or is hidden from the worker's account.
            NewerError, OlderError: if another version of ours has set it up.
            TroubleError: if PocketBase can't answer now.
        """
        item = self._connection.own_record("event_status")
        refuse_older(item)
        return status_of(item)

    def setup(self) -> Setup:
        """How PocketBase and our collections are set up at this moment.

        Raises:
            NotInstalledError: if it is hidden from the worker's account.
            TroubleError: if PocketBase can't answer now.
        """
        return Setup.model_validate(self._connection.own_record("event_setup"))

    def targets(self) -> dict[str, Target]:
        """The attached collections by name, with their live field definitions."""
        items = self._connection.items("event_schemas", perPage=PAGE)
        return {item["collection"]: Target.model_validate(item) for item in items}

    def attached(self) -> list[str]:
        """The names of all attached collections, also of those that were deleted."""
        return sorted(target["collection"] for target in self.event_targets() if not target["closed"])

    def event_targets(self) -> list[dict[str, Any]]:
        """The records of `event_targets`: who may append what."""
        return self._connection.items("event_targets", perPage=PAGE)

    def rejected(self) -> list[dict[str, Json]]:
        """All rejected events in the order of insertion, with id, collection, item_id, type, error, created."""
        found: list[dict[str, Json]] = []
        while True:
            page = self._connection.items(
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

    def log(
        self, after: int, to: int, *, collection: str | None = None, item_id: str | None = None
    ) -> Iterator[Sequence[Recorded]]:
        """The recorded events with `after` < seq <= `to`; of one collection or item only, if named."""
        named = {"collection": collection, "item": item_id}  # `item` is the item_id by which SQLite finds events
        wanted = "".join(f" && {name} = {literal(value)}" for name, value in named.items() if value is not None)
        for page in self._log_of_some(after, to, wanted) if wanted else self._whole_log(after, to):
            yield [recorded_of(item) for item in page]

    def recorded(self, seqs: Sequence[int]) -> list[Recorded]:
        """The recorded events with these seqs, as far as there are such."""
        found: list[Recorded] = []
        for start in range(0, len(seqs), IDS):
            wanted = " || ".join(f"seq = {seq}" for seq in seqs[start : start + IDS])
            items = self._connection.items("event_log", filter=wanted, sort="seq", perPage=PAGE)
            found += map(recorded_of, items)
        return found

    def together(self, name: str, to: int) -> list[Recorded]:
        """The recorded events with this `together`, those up to a seq."""
        pages = self._log_of_some(0, to, f" && together = {literal(name)}")
        return [recorded_of(item) for page in pages for item in page]

    def _whole_log(self, after: int, to: int) -> Iterator[list[Item]]:
        """The records of a range of events, page by page. The next page is requested before this one is read.

        It is used if this page ends where it was expected to; otherwise it is requested again.
        """
        last, asked = (after, NOWHERE), FIRST_PAGE
        sized = 0  # events to request ahead; 0 while their size is unknown
        ahead: Future[requests.Response] | None = None
        with ThreadPoolExecutor(1) as pool:
            while True:
                answer = ahead.result() if ahead is not None else None
                guess, ahead = last[0] + asked, None
                if sized and guess < to:
                    query = _log_query((guess, 0), to, sized + 1)  # the last event of this page comes again
                    ahead = pool.submit(self._connection.ask, "event_log", **query)
                items = self._connection.items_of(answer) if answer is not None else []
                most = asked + 1 if items else asked
                items = items or self._events(last, to, asked)
                page = [item for item in items if _place(item) > last]
                yield page
                if len(items) < most:
                    return
                if not page or page[-1]["seq"] != guess:
                    ahead = None
                last = _place(page[-1]) if page else last
                size = _page_after(page) if page else asked
                asked, sized = sized if ahead is not None else size, size

    def _log_of_some(self, after: int, to: int, wanted: str) -> Iterator[list[Item]]:
        """The records of those events of a range that the filter wants.

        Each page begins with the last event of the page before: PocketBase delays empty results by up to 0.5 s.
        """
        asked = 0

        def fetch(before: list[Item] | None) -> list[Item]:
            nonlocal asked
            asked = 1 + (_page_after(before) if before else FIRST_PAGE)
            seq, position = _place(before[-1]) if before else (after, NOWHERE)
            return self._events((seq, position - 1), to, asked, wanted)

        pages = read_ahead(fetch, is_last=lambda page: len(page) < asked)
        yield next(pages)
        yield from (page[1:] for page in pages)

    def _events(self, last: tuple[int, int], to: int, most: int, wanted: str = "") -> list[Item]:
        """The records of the first events after a place in the log."""
        return self._connection.items("event_log", **_log_query(last, to, most, wanted))

    def rows(self, target: Target) -> Iterator[Sequence[Row]]:
        """All rows of a collection, by id."""

        def fetch(before: list[Row] | None) -> list[Row]:
            query = {"filter": f"id > {literal(str(before[-1]['id']))}"} if before else {}
            return self._rows(target, perPage=PAGE, sort="id", **query)

        yield from read_ahead(fetch, is_last=_is_last)

    def rows_by_id(self, target: Target, ids: Sequence[str]) -> dict[str, Row]:
        """The rows with these ids, without those that don't exist."""
        # PocketBase delays empty results by up to 0.5 s, so the filter always includes a row that exists.
        there = [str(row["id"]) for row in self._rows(target, perPage=1)]
        found: dict[str, Row] = {}
        for start in range(0, len(ids) if there else 0, IDS):
            some = ids[start : start + IDS]
            wanted = " || ".join(f"id = {literal(item_id)}" for item_id in (*some, *there))
            rows = {str(row["id"]): row for row in self._rows(target, perPage=IDS + 1, filter=wanted)}
            found |= {item_id: rows[item_id] for item_id in some if item_id in rows}
        return found

    def file_hash(self, collection_id: str, record: str, name: str) -> str | None:
        """SHA-256 of a stored file; None if it is not there, or hidden from the account."""
        return self.files.hash_of(collection_id, record, name)

    def gone(self, collection_id: str, ids: Sequence[str]) -> set[str] | None:
        """The ids without a record in the collection. Only a superuser can tell; for others, None."""
        if owner_of(self.token())[0] != SUPERUSERS_ID:
            return None
        there: set[str] = set()
        for start in range(0, len(ids), IDS):
            wanted = " || ".join(f"id = {literal(record_id)}" for record_id in ids[start : start + IDS])
            records = self._connection.items(collection_id, filter=wanted, fields="id", perPage=IDS)
            there |= {str(record["id"]) for record in records}
        return set(ids) - there

    def _rows(self, target: Target, **query: str | int) -> list[Row]:
        """A page of rows. If JSON is nested deeper than Python reads, each row is read without it."""
        try:
            return list(self._connection.items(target.collection, **query))
        except RecursionError:
            if query["perPage"] == 1:
                shallow = [field.name for field in target.fields if field.type != "json" and not field.hidden]
                deep = {field.name: TOO_DEEP for field in target.fields if field.type == "json"}
                return [
                    {**row, **deep}
                    for row in self._connection.items(target.collection, **query, fields=",".join(shallow))
                ]
        rows: list[Row] = []
        for page in range(1, int(query["perPage"]) + 1):
            rows += self._rows(target, **{**query, "perPage": 1, "page": page})
            if len(rows) < page:
                break
        return rows


def _place(item: Item) -> tuple[int, int]:
    """An event's place: its seq and its position in the table, since a tampered log may repeat a seq."""
    return item["seq"], item["position"]


def _log_query(last: tuple[int, int], to: int, most: int, wanted: str = "") -> dict[str, str | int]:
    """The query for the first events after a place."""
    seq, position = last
    # The view says `likely(seq > 0)`; otherwise SQLite would search from 0 instead of from `seq`.
    place = f"seq >= {seq} && (seq > {seq} || position > {position})"
    return {"filter": f"{place} && seq <= {to}{wanted}", "sort": "seq,position", "perPage": most}


def _page_after(before: Sequence[Item]) -> int:
    """How many events to read after this page, plus one."""
    size = sum(item["bytes"] for item in before) / len(before)
    return min(PAGE - 1, int(PAGE_BYTES / max(size, 1)) + 1)


def _is_last(page: Sequence[Any]) -> bool:
    return len(page) < PAGE
