"""Keeping the files of events beside an export."""

from pocketbase_events.core.files import File, again
from pocketbase_events.errors import FileChangedError, FileUnreadableError
from pocketbase_events.pb.api import Reader
from pocketbase_events.pb.export_folder import ExportFolder


class KeptFiles:
    """Writes the files of events into a folder, each content once, and counts them.

    Args:
        source: PocketBase, seen by whoever may read the events.
        folder: where to; None only counts.
    """

    def __init__(self, source: Reader, folder: ExportFolder | None) -> None:
        self._source = source
        self.folder = folder
        self.count = 0

    def keep(self, file: File) -> str | None:
        """Write the file, unless it is there already; why that failed, None if it did not.

        Raises:
            OSError: if the folder can't be written.
            TroubleError: if PocketBase can't answer now.
        """
        self.count += 1
        if self.folder is None or self.folder.has(file.hash):
            return None
        try:
            self.folder.write(file.hash, self._source.files.content(again(file)).pieces())
        except (FileChangedError, FileUnreadableError) as error:
            return f"its file {file.number} is not what was recorded: {error}"
        finally:
            self._source.files.forget()
        return None
