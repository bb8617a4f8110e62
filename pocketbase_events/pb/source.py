"""Who reads the log and the rows: what PocketBase's API and its database file have in common."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Row
from pocketbase_events.core.schema import Target
from pocketbase_events.pb.records import Status

Page = TypeVar("Page", bound=Sequence[Any])


class Source(Protocol):
    """Who reads the log and the rows. Pages come in order, as long as there are any."""

    def status(self) -> Status:
        """The log at this moment, read in one go."""

    def targets(self) -> dict[str, Target]:
        """The attached collections by name, with their live field definitions."""

    def attached(self) -> list[str]:
        """The names of all attached collections, those that are gone included."""

    def log(
        self, after: int, to: int, *, collection: str | None = None, item_id: str | None = None
    ) -> Iterator[Sequence[Recorded]]:
        """The recorded events with `after` < seq <= `to`; those of one collection or item only, where named."""

    def rows(self, target: Target) -> Iterator[Sequence[Row]]:
        """All rows of a collection, by id."""

    def rows_by_id(self, target: Target, ids: Sequence[str]) -> dict[str, Row]:
        """Those of the rows with these ids that there are."""


def read_ahead(fetch: Callable[[Page | None], Page], is_last: Callable[[Page], bool]) -> Iterator[Page]:
    """Page after page, the next one fetched while the caller is busy with the last.

    `fetch` is given the page before, None for the first.
    """
    with ThreadPoolExecutor(1) as pool:
        page = fetch(None)
        while not is_last(page):
            coming = pool.submit(fetch, page)
            yield page
            page = coming.result()
        yield page
