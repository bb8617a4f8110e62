"""Events with today's names of their fields."""

from collections.abc import Iterator, Sequence

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.files import with_files
from pocketbase_events.core.renames import as_named_now
from pocketbase_events.pb.source import Source


def log_as_named_now(
    source: Source, to: int, collection: str, item_id: str | None = None
) -> Iterator[Sequence[Recorded]]:
    """The recorded events of a collection, or of one item, up to a seq, page by page.

    What they say of a field that was renamed since, they say of the new name, and numbers of files are the files.
    """
    target = source.targets().get(collection)
    renames = target.renamed or () if target else ()
    for page in source.log(0, to, collection=collection, item_id=item_id):
        named = [as_named_now(event, renames) for event in page] if renames else page
        yield [with_files(event, target) for event in named]
