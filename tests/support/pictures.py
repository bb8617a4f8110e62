"""A collection whose rows hold files, and clients that append events with files."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from pocketbase_events.jobs.record import Step
from support.clients import Client
from support.server import Server
from support.waiting import NEVER

PNG = b"\x89PNG\r\n\x1a\n"
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "picture", "type": "file", "maxSelect": 1, "maxSize": 6_000_000},
    {"name": "papers", "type": "file", "maxSelect": 5, "maxSize": 6_000_000, "protected": True},
    {"name": "avatar", "type": "file", "maxSelect": 1, "maxSize": 1000, "mimeTypes": ["image/png"]},
]

Given = tuple[str, bytes]  # a name and a content


def with_pictures(server: Server, name: str = "pics", **more: Any) -> None:
    """A collection of this name, to which anybody may append."""
    server.create_collection(name, FIELDS, listRule="", viewRule="", **more)
    server.attach(name)


def append(
    client: Client, type_: str, item: str, data: Any, *files: Given, collection: str = "pics", **more: Any
) -> Any:
    """Append an event with files, as a form; its record as PocketBase answers."""
    body = {"type": type_, "collection": collection, "item_id": item, "data": json.dumps(data), **more}
    answer = client("POST", "/api/collections/events/records", data=body, files=[("files", file) for file in files])
    assert answer.status_code == 200, answer.text
    return answer.json()


def recorded(server: Server, event: dict[str, Any]) -> dict[str, Any]:
    """The event once it is recorded."""
    settle(server)
    after = server.superuser().record("events", event["id"])
    assert after["seq"] > 0, after["error"]
    return after


def settle(server: Server) -> None:
    assert server.worker().run_to_end(NEVER) is Step.IDLE


def content(client: Client, collection: str, record: str, name: str) -> bytes:
    """A stored file, as somebody who may see it reads it."""
    token = client("POST", "/api/files/token").json().get("token", "")
    answer = client("GET", f"/api/files/{collection}/{record}/{name}", params={"token": token})
    assert answer.status_code == 200, answer.text
    return answer.content


def contents(server: Server, item: str, field: str, collection: str = "pics") -> list[bytes]:
    """What the files in a field of a row hold."""
    root = server.superuser()
    names = root.record(collection, item)[field]
    return [content(root, collection, item, name) for name in ([names] if isinstance(names, str) else names) if name]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stored_files(server: Server, collection: str = "pics") -> set[str]:
    """The paths of all stored files of a collection's rows, or of the events.

    PocketBase deletes those of a row that was removed a moment later.
    """
    ids = {
        each["name"]: each["id"] for each in server.superuser()("GET", "/api/collections?perPage=100").json()["items"]
    }
    folder = server.data / "storage" / ids[collection]
    paths = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    return {str(path.relative_to(folder)) for path in paths if path.suffix != ".attrs"}
