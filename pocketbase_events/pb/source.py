"""Reading the log and the rows: what PocketBase's API, its database file and an export have in common."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Row
from pocketbase_events.core.schema import Target
from pocketbase_events.pb.records import Status

Page = TypeVar("Page", bound=Sequence[Any])


class LogReader(Protocol):
    """Reads the recorded events."""

    def log(
        self, after: int, to: int, *, collection: str | None = None, item_id: str | None = None
    ) -> Iterator[Sequence[Recorded]]:
        """The recorded events with `after` < seq <= `to`, page by page; only those of one collection or item if named.

        A page may be empty.
        """


class Source(LogReader, Protocol):
    """Reads the log, the attached collections and their rows."""

    def status(self) -> Status:
        """The log at this moment, read in one go."""

    def targets(self) -> dict[str, Target]:
        """The attached collections by name, with their live field definitions."""

    def attached(self) -> list[str]:
        """The names of all attached collections, including those that are gone."""

    def rows(self, target: Target) -> Iterator[Sequence[Row]]:
        """All rows of a collection in the order of their ids, page by page."""

    def rows_by_id(self, target: Target, ids: Sequence[str]) -> dict[str, Row]:
        """The rows with these ids, without those that don't exist."""

    def file_hash(self, collection_id: str, record: str, name: str) -> str | None:
        """SHA-256 of a stored file; None if it is not there, or can't be read."""

    def gone(self, collection_id: str, ids: Sequence[str]) -> set[str] | None:
        """Those of the ids that no record of the collection has; None if records may be hidden from the reader."""


def read_ahead(fetch: Callable[[Page | None], Page], is_last: Callable[[Page], bool]) -> Iterator[Page]:
    """Page after page; the next one is fetched while the caller works on this one.

    Args:
        fetch: gives the page that follows a page; the first one for None.
        is_last: whether no page follows.
    """
    with ThreadPoolExecutor(1) as pool:
        page = fetch(None)
        while not is_last(page):
            coming = pool.submit(fetch, page)
            yield page
            page = coming.result()
        yield page
