"""Do the files of rows hold what the log says?"""

from collections.abc import Iterator

from pocketbase_events.core.files import File, files_in
from pocketbase_events.core.fold import Item, Row
from pocketbase_events.core.json_text import Json
from pocketbase_events.core.schema import FieldDefinition, Target
from pocketbase_events.core.values import as_list, as_stored, same
from pocketbase_events.pb.source import Source


class FileContents:
    """Compares what the files of rows hold with the hashes that the log has of them.

    Args:
        source: reads the files.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def differing(self, target: Target, item: Item, row: Row) -> dict[str, tuple[Json, Json]]:
        """By field whose files have the right names and the wrong content: what the log says, and what the row has."""
        return {
            field.name: (as_stored(field, item.fields.get(field.name)), self._told(told, field))
            for field in target.settable
            if field.type == "file" and (told := list(self._compared(target, field, item, row)))
            if any(why for _, why in told)
        }

    def _compared(self, target: Target, field: FieldDefinition, item: Item, row: Row) -> Iterator[tuple[str, str]]:
        """The name of each file, and what is wrong with it; nothing if the names are not those of the log."""
        logged, live = item.fields.get(field.name), row.get(field.name)
        if not same(field, logged, live):
            return
        for file, name in zip(files_in(logged), as_list(live), strict=False):
            yield str(name), self._why(file, self._source.file_hash(target.collection_id, str(row["id"]), str(name)))

    def _why(self, file: File, there: str | None) -> str:
        if there is None:
            return "gone"
        return "" if there == file.hash else "changed"

    def _told(self, told: list[tuple[str, str]], field: FieldDefinition) -> Json:
        names = [f"{name} ({why})" if why else name for name, why in told]
        return names if field.multiple else names[0]
