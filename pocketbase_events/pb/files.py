"""Files that PocketBase stores: reading them as an account that may, and sending them on, in bounded memory.

What is to be sent on waits in one temporary file without a name, which is gone with the process, `kill -9` included.
"""

import hashlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError

from pocketbase_events.core.files import Upload
from pocketbase_events.errors import FileChangedError, FileUnreadableError, TroubleError
from pocketbase_events.pb.connection import Connection

PIECE = 256 * 1024  # bytes in memory at a time
TOKEN_LASTS = 60.0  # seconds; PocketBase's file tokens last 180, unless the collection says otherwise

_UNQUOTABLE = re.compile(r'["\\\x00-\x1f\x7f]')
Stored = tuple[str, str, str]  # a collection, a record's id, the file's name


class Content(NamedTuple):
    """The content of a file, as a part of a larger one, and its SHA-256."""

    kept_in: BinaryIO
    start: int
    size: int
    hash: str

    def pieces(self) -> Iterator[bytes]:
        """The content, piece by piece."""
        place, end = self.start, self.start + self.size
        while place < end:
            piece = os.pread(self.kept_in.fileno(), min(PIECE, end - place), place)
            yield piece
            place += len(piece)


class Files:
    """The files of one PocketBase, read over a connection.

    Those to be sent on are kept until `forget`. Only one thread may use it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._token, self._token_read_at = "", 0.0
        self._kept: dict[Stored, Content] = {}
        self._room: BinaryIO | None = None

    def content(self, upload: Upload) -> Content:
        """The content of a stored file, kept to be sent on.

        Raises:
            FileUnreadableError: if PocketBase does not show it.
            FileChangedError: if it is not what the log says.
            TroubleError: if PocketBase can't answer now, or there is no room for it.
        """
        key = (upload.collection, upload.record, upload.name)
        if key not in self._kept:
            self._kept[key] = self._keep(upload.name, self.pieces(*key))
        if upload.hash not in ("", self._kept[key].hash):
            raise FileChangedError(name=upload.name, event=upload.record)
        return self._kept[key]

    def hash_of(self, collection: str, record: str, name: str) -> str | None:
        """SHA-256 of a stored file; None if PocketBase does not show it."""
        digest = hashlib.sha256()
        try:
            for piece in self.pieces(collection, record, name):
                digest.update(piece)
        except FileUnreadableError:
            return None
        return digest.hexdigest()

    def pieces(self, collection: str, record: str, name: str) -> Iterator[bytes]:
        """The content of a stored file, piece by piece.

        Raises:
            As `content` does.
        """
        response = self._open(collection, record, name)
        try:
            yield from response.iter_content(PIECE)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TroubleError(why=f"the file {name} broke off ({error}).") from None
        finally:
            response.close()

    def forget(self) -> None:
        """Give the room for what was kept free."""
        self._kept.clear()
        if self._room is not None:
            self._room.truncate(0)

    def put(self, upload: Upload, pieces: Iterable[bytes]) -> None:
        """Keep the content of a file that PocketBase does not store yet, to be sent on.

        Raises:
            As `content` does.
        """
        self._kept[upload.collection, upload.record, upload.name] = self._keep(upload.name, pieces)

    def _keep(self, name: str, pieces: Iterable[bytes]) -> Content:
        if self._room is None:
            room = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it is closed with the connection
            self._room = self._connection.leaving.enter_context(room)
        start, digest = self._room.seek(0, os.SEEK_END), hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            try:
                self._room.write(piece)
            except OSError as error:
                self._room.truncate(start)
                raise TroubleError(
                    why=f"the temporary folder {tempfile.gettempdir()} has no room for the file {name}"
                    f" ({error.strerror}). Set TMPDIR to one that has."
                ) from None
        return Content(self._room, start, self._room.tell() - start, digest.hexdigest())

    def _open(self, collection: str, record: str, name: str) -> requests.Response:
        path = f"/api/files/{quote(collection, safe='')}/{quote(record, safe='')}/{quote(name, safe='')}"
        response = self._connection.request("GET", path, params={"token": self._file_token()}, stream=True)
        if response.status_code == HTTPStatus.NOT_FOUND:  # so it answers to an old token, too
            response.close()
            self._token = ""
            response = self._connection.request("GET", path, params={"token": self._file_token()}, stream=True)
        if not response.ok:
            response.close()
            raise FileUnreadableError(name=name, record=record, collection=collection, status=response.status_code)
        return response

    def _file_token(self) -> str:
        """A token that lets the account read protected files."""
        if not self._token or time.monotonic() - self._token_read_at > TOKEN_LASTS:
            self._token_read_at = time.monotonic()
            answer = self._connection.request("POST", "/api/files/token")
            self._token = str(self._connection.read(answer).get("token", ""))
        return self._token


def stored_hash(path: Path) -> str | None:
    """SHA-256 of a file on this machine; None if it is not there, or can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


class Form:
    """A batch with files as a form, made piece by piece while it is sent.

    Args:
        batch: the requests, as JSON.
        uploads: the files, each with the name of its part.
        content: gives the content of a file.
    """

    def __init__(
        self, batch: bytes, uploads: Sequence[tuple[str, Upload]], content: Callable[[Upload], Content]
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._parts: list[bytes | Content] = [_part(boundary, "@jsonPayload"), batch]
        for name, upload in uploads:
            self._parts += [b"\r\n", _part(boundary, name, upload.given), content(upload)]
        self._parts.append(f"\r\n--{boundary}--\r\n".encode())

    def __len__(self) -> int:
        return sum(part.size if isinstance(part, Content) else len(part) for part in self._parts)

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Content):
                yield from part.pieces()
            else:
                yield part


def _part(boundary: str, name: str, filename: str | None = None) -> bytes:
    """How a part of a form begins."""
    named = ""
    if filename is not None:
        named = f'; filename="{_UNQUOTABLE.sub("_", filename)}"\r\nContent-Type: application/octet-stream'
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
