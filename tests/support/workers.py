"""The worker as a process."""

import subprocess
import threading
from contextlib import ExitStack

from support import Server, command, eventually, pending


def is_settled(server: Server) -> bool:
    return pending(server) == 0


class Log:
    """What a worker process says on standard error, collected as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self.lines.extend(iter(self._process.stderr.readline, ""))

    def has(self, event: str) -> bool:
        return any(event in line for line in self.lines)

    def count(self, event: str) -> int:
        return sum(event in line for line in self.lines)


def start_worker(stack: ExitStack, server: Server, **more: str) -> tuple[subprocess.Popen[str], Log]:
    environment = {**server.environment, **more}
    environment.pop("POCKETBASE_SUPERUSER_PASSWORD")
    process = stack.enter_context(command("run", env=environment))
    log = Log(process)
    eventually(lambda: log.has("connected"), "the worker's connection")
    return process, log
