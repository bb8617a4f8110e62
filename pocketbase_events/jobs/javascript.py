"""The npm package in a folder, for a page that has no bundler."""

from pathlib import Path

from pocketbase_events.pb.schema_files import carried_folder


def write_javascript(folder: Path) -> list[str]:
    """Write the files of the npm package `pocketbase-events` into a folder, and return their names.

    The folder is made if it is missing; what else is in it stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {file.name: file.read_bytes() for file in carried_folder("javascript").iterdir() if file.is_file()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return sorted(files)
