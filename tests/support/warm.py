"""A process that has imported the command line and forks one for each command: importing takes most of its time.

A forked command is a process like any other: its own environment, folder, streams, signals and exit code.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

LARGEST = 1 << 20  # bytes of a request
IS_POSSIBLE = sys.platform == "linux"  # elsewhere, packets over sockets are not what they are here


@cache
def forker() -> socket.socket:
    """What takes requests; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
    command = [sys.executable, str(Path(__file__)), str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


class Forked:
    """A command that runs."""

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: Path | None, streams: list[int]) -> None:
        self._waiter, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"arguments": arguments, "env": env, "cwd": str(cwd or Path.cwd())}).encode()
        with theirs:
            socket.send_fds(forker(), [request], [*streams, theirs.fileno()])
        self.pid = int(self._waiter.recv(20))

    def wait(self, timeout: float) -> int:
        """Its exit code, negative for a signal. Killed after so many seconds."""
        self._waiter.settimeout(timeout)
        with self._waiter:
            try:
                return int(self._waiter.recv(20))
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                self._waiter.settimeout(None)
                self._waiter.recv(20)
                raise


def _serve(requests: socket.socket) -> None:
    """Fork a process that forks the command and waits for it, for each request until nobody can send another."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, fds, _, _ = socket.recv_fds(requests, LARGEST, 4)
        if not request:
            sys.exit()
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _fork(json.loads(request), fds)
            return  # as the command
        for fd in fds:
            os.close(fd)


def _fork(request: dict[str, Any], fds: list[int]) -> None:
    """Fork the command, which returns, and wait for it."""
    with socket.socket(fileno=fds.pop()) as waiter:
        pid = os.fork()
        if pid:
            waiter.send(str(pid).encode())
            waiter.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
            os._exit(0)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115 - as Python does when it starts
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = ["pocketbase-events", *request["arguments"]]


if __name__ == "__main__":
    from pocketbase_events import cli

    sys.path.remove(str(Path(__file__).parent))  # as the installed command has it
    gc.freeze()  # or each command would look through all modules once more when it exits, which takes 0.13 s
    _serve(socket.socket(fileno=int(sys.argv[1])))
    cli.main()
