"""A small disk."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SIZE = "48m"


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount one at a folder, which is made."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


@cache
def why_no_tmpfs() -> str:
    """Why this machine can't have one; "" where it can."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk"):
                return ""
        except (OSError, subprocess.CalledProcessError):
            return "mounting a small disk needs root"
