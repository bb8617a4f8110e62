"""PocketBase's rows, beside the log as a stream has it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Row
from pocketbase_events.core.schema import Target
from pocketbase_events.errors import ProblemError
from pocketbase_events.pb.records import Status
from pocketbase_events.pb.source import Source
from pocketbase_events.settings import NatsSettings
from pocketbase_events.stream.stream import Stream, connected

RELAYED_WITHIN = 10.0  # seconds after which an event that is recorded must be in the stream
LOOK_EVERY = 0.2  # seconds


class StreamedSource:
    """Reads the log from a stream, and everything else from PocketBase."""

    def __init__(self, source: Source, stream: Stream) -> None:
        self._source, self._stream = source, stream

    def log(
        self, after: int, to: int, *, collection: str | None = None, item_id: str | None = None
    ) -> Iterator[Sequence[Recorded]]:
        """The events of the stream with `after` < seq <= `to`.

        Raises:
            ProblemError: if it does not reach so far.
            StreamTroubleError: if there is no stream, or NATS can't answer now.
        """
        self._expect(to)
        yield from self._stream.log(after, to, collection=collection, item_id=item_id)

    def _expect(self, seq: int) -> None:
        end = time.monotonic() + RELAYED_WITHIN
        while (last := self._stream.state().last) < seq:
            if time.monotonic() > end:
                raise ProblemError(
                    why=f"The stream {self._stream.name} ends with seq {last}, and the log here with {seq}. Is a relay"
                    " running?"
                )
            time.sleep(LOOK_EVERY)

    def status(self) -> Status:
        """The log at this moment, in PocketBase."""
        return self._source.status()

    def targets(self) -> dict[str, Target]:
        """The attached collections by name."""
        return self._source.targets()

    def attached(self) -> list[str]:
        """The names of all attached collections."""
        return self._source.attached()

    def rows(self, target: Target) -> Iterator[Sequence[Row]]:
        """All rows of a collection, page by page."""
        return self._source.rows(target)

    def rows_by_id(self, target: Target, ids: Sequence[str]) -> dict[str, Row]:
        """The rows with these ids."""
        return self._source.rows_by_id(target, ids)

    def file_hash(self, collection_id: str, record: str, name: str) -> str | None:
        """SHA-256 of a file that PocketBase stores; None if it is not there."""
        return self._source.file_hash(collection_id, record, name)

    def gone(self, collection_id: str, ids: Sequence[str]) -> set[str] | None:
        """Those of the ids that no record of the collection has."""
        return self._source.gone(collection_id, ids)


@contextmanager
def log_from(source: Source, url: str | None, stream: str) -> Iterator[Source]:
    """The same source, or if an address is given, with the log of a stream there.

    Raises:
        As `connected` does.
    """
    if url is None:
        yield source
    else:
        with connected(NatsSettings(), url, stream) as there:
            yield StreamedSource(source, there)
