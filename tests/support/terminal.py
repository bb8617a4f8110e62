"""A terminal of a given size, and the command line on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sysconfig
import termios
from pathlib import Path

from support.server import Server

OURS = re.compile(r"\x1b\[[\d;]*m|\x1b\[\?25[lh]|\x1b\[\d?[AK]|\r")  # colours, and what moves a progress bar


def on_terminal(
    server: Server, *arguments: str, columns: int = 100, rows: int = 30, quietly: bool = False, typed: str = ""
) -> str:
    """What a command writes to a terminal: standard output, and standard error unless `quietly`; and what is typed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {**server.environment, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    errors = subprocess.DEVNULL if quietly else theirs
    with subprocess.Popen([executable, *arguments], stdin=theirs, stdout=theirs, stderr=errors, env=environment):
        os.close(theirs)
        os.write(ours, typed.encode())
        written = b""
        while part := _read(ours):
            written += part
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def without_colours(written: str) -> str:
    """What a command wrote, without its own codes for colours and progress bars."""
    return OURS.sub("", written)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the command has ended
        return b""
