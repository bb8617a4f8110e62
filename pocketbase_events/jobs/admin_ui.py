"""The extension of PocketBase's admin UI, in a folder of hooks."""

import shutil
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import Path

from pocketbase_events.pb.schema_files import carried_folder

HOOK = "pocketbase_events.pb.js"  # PocketBase loads files of that ending
FOLDER = "pocketbase_events"
VERSION = b"@version@"  # stands in the files for a text that changes with them, so that no browser mixes old with new
VERSION_LENGTH = 12


def write_admin_ui(hooks: Path) -> list[str]:
    """Write the hook file and the folder of the extension into a PocketBase's `pb_hooks`; returns their names.

    What else is there stays. The folder's files become those of this version, so older ones go.
    The hook file is written last: PocketBase may restart as soon as it sees it.
    """
    files = _files()
    version = sha256(b"".join(name.encode() + content for name, content in sorted(files.items()))).hexdigest()
    stamped = {name: content.replace(VERSION, version[:VERSION_LENGTH].encode()) for name, content in files.items()}
    shutil.rmtree(hooks / FOLDER, ignore_errors=True)
    hook = stamped.pop(HOOK)
    for name, content in stamped.items():
        path = hooks / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (hooks / HOOK).write_bytes(hook)
    return [HOOK, FOLDER]


def _files() -> dict[str, bytes]:
    """The hook file, and the files of the extension by their path in its folder: main.js, admin_ui/… and the client."""
    client = carried_folder("javascript")
    files = {file.name: file.read_bytes() for file in client.iterdir() if file.name.endswith(".js")}
    files |= {f"admin_ui/{path}": content for path, content in _read(client / "admin_ui")}
    return files | {name: files.pop(f"admin_ui/{name}") for name in (HOOK, "main.js")}


def _read(folder: Traversable | Path, within: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{within}{entry.name}/")
        else:
            yield within + entry.name, entry.read_bytes()
