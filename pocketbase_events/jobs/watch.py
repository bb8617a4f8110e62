"""Showing how far a job has come."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from pocketbase_events.pb.source import Page


class Watch(Protocol):
    """Wraps pages with something that shows progress."""

    def __call__(self, pages: Iterable[Page], what: str, total: int, /) -> Iterator[Page]:
        """The same pages.

        Args:
            pages: lists of items, handed on one by one.
            what: the work in words, such as "reading the log".
            total: how many items to expect; 0 if unknown.
        """


def unwatched(pages: Iterable[Page], _what: str, _total: int) -> Iterator[Page]:
    """The same pages, and nothing is shown."""
    yield from pages
