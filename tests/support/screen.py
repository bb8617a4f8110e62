"""A command that draws a whole screen, watched while it runs."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from support.commands import EXECUTABLE
from support.server import Server

HOME, LEFT = "\x1b[H", "\x1b[?1049l"  # where each picture begins; the way back to what was there before
CODES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


class Screen(threading.Thread):
    """A terminal of so many columns and rows, and a command on it."""

    def __init__(self, server: Server, *arguments: str, columns: int, rows: int, **env: str) -> None:
        super().__init__(daemon=True)
        self._rows = rows
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**server.environment, "TERM": "xterm-256color", **env}
        for name in ("COLUMNS", "LINES", "FORCE_COLOR"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [EXECUTABLE, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.written = b""
        self.start()

    def run(self) -> None:
        with suppress(OSError):  # the command has ended
            while part := os.read(self._ours, 65536):
                self.written += part
        os.close(self._ours)

    @property
    def picture(self) -> list[str]:
        """The lines of the latest picture of which every row has arrived, without codes."""
        pictures = self.written.decode(errors="replace").split(HOME)
        whole = next((each for each in reversed(pictures) if each.count("\n") == self._rows - 1), "")
        return [line.rstrip() for line in CODES.sub("", whole).replace("\r", "").split("\n")]

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.picture)


@contextmanager
def screen(server: Server, *arguments: str, columns: int = 100, rows: int = 30, **env: str) -> Iterator[Screen]:
    """A command on a screen, ended at the end if it still runs."""
    shown = Screen(server, *arguments, columns=columns, rows=rows, **env)
    try:
        yield shown
    finally:
        if shown.process.poll() is None:
            shown.process.kill()
        shown.process.wait()
        shown.join()
