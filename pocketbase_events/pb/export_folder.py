"""The files of an export, in a folder beside it: each under the SHA-256 of its content, so that none is there twice."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pocketbase_events.pb.files import PIECE, stored_hash


class ExportFolder:
    """The folder of the files that belong to an export.

    Args:
        export: the export itself, a file.
    """

    def __init__(self, export: Path) -> None:
        self.path = export.with_name(f"{export.name}.files")

    def file_hash(self, name: str) -> str | None:
        """SHA-256 of the file of this name; None if it is not there."""
        return stored_hash(self.path / name)

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of the file of this name, piece by piece.

        Raises:
            OSError: if it can't be read.
        """
        with (self.path / name).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def has(self, name: str) -> bool:
        """Whether there is a file of this name, which is whole then."""
        return (self.path / name).is_file()

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write a file, whole or not at all.

        Raises:
            OSError: if it can't be written.
        """
        self.path.mkdir(exist_ok=True)
        part = self.path / f"{name}.part"
        try:
            with part.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path / name)
        finally:
            with suppress(OSError):
                part.unlink()
