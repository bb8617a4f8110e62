"""The command line, as a process of its own."""

import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def command(*arguments: str, env: dict[str, str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The command line as a process of its own; ended at the end if it still runs."""
    executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen([executable, *arguments], env=env, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()


def run_command(
    *arguments: str, env: dict[str, str], cwd: Path | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """The command line, run to its end."""
    executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    return subprocess.run(
        [executable, *arguments], env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )
