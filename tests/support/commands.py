"""The command line, as a process of its own."""

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from support import warm

PIPE_SIZE = 1 << 20  # bytes that a command may say although nobody reads them: more, and it would wait
EXECUTABLE = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")


@contextmanager
def command(*arguments: str, env: dict[str, str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The command line as a process of its own; ended at the end if it still runs."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "pipesize": PIPE_SIZE, **options}
    with subprocess.Popen([EXECUTABLE, *arguments], env=env, **options) as process:
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
    *arguments: str, env: dict[str, str], cwd: Path | None = None, timeout: float = 180
) -> subprocess.CompletedProcess[str]:
    """The command line, run to its end in a process of its own."""
    with TemporaryFile() as out, TemporaryFile() as err:
        if warm.IS_POSSIBLE:
            with Path(os.devnull).open() as nothing:
                forked = warm.Forked([*arguments], env, cwd, [nothing.fileno(), out.fileno(), err.fileno()])
            code = forked.wait(timeout)
        else:
            code = subprocess.call([EXECUTABLE, *arguments], env=env, cwd=cwd, stdout=out, stderr=err, timeout=timeout)
        return subprocess.CompletedProcess(arguments, code, _read(out), _read(err))


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="backslashreplace")
