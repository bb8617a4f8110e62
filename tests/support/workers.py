"""The worker as a process."""

import subprocess
import threading
import time
from contextlib import ExitStack

from pocketbase_events import new_id
from pocketbase_events.jobs.record.worker import HEARD_WITHIN
from support import DEADLINE, Client, Server, command, eventually, pending, seq_of


def is_settled(server: Server) -> bool:
    return pending(server) == 0


def hears(server: Server) -> bool:
    """Whether the worker records events as they come, three in a row. One that hears nothing takes a second for each.

    For `eventually`: on a busy machine, one that hears may take as long.
    """
    guest = server.guest()
    return all(_seconds_to_record(server, guest) < HEARD_WITHIN / 2 for _ in range(3))


def _seconds_to_record(server: Server, guest: Client) -> float:
    before, started = seq_of(server), time.monotonic()
    guest.append("create", new_id(), {"title": "x"})
    eventually(lambda: seq_of(server) > before, "the record")
    return time.monotonic() - started


class Log:
    """What a worker process says on standard error, collected as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.lines: list[str] = []
        # Whoever waits for the process's end would close the pipe while it is read.
        self._pipe, process.stderr = process.stderr, None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe:
            self.lines.extend(iter(self._pipe.readline, ""))

    def realtime_lost(self) -> list[str]:
        """The lines that tell of it, unless PocketBase was just too busy to answer in time."""
        return [line for line in self.lines if "realtime_lost" in line and "in time" not in line]

    def ends(self) -> None:
        """Wait until the process has ended, and all that it said is there."""
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()

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
