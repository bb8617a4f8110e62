"""What a worker costs: processor time and memory, as the kernel counts them."""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faults.world import WorkerProcess, worker_environment
from support import Server, command, create, eventually, item_id

PATIENCE = 600.0  # seconds
MOST_MEMORY = 100.0  # MB


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured, and what was promised of it."""

    name: str
    measured: float
    promised: float
    unit: str


def measure(name: str, template: Path, folder: Path, *, long: bool) -> list[Figure]:
    """One measurement, in a world of its own."""
    shutil.copytree(template, folder / "pocketbase")
    server = Server(folder / "pocketbase")
    server.start()
    worker = WorkerProcess(worker_environment(server, server.url), folder / "worker.log")
    try:
        eventually(lambda: worker.has("connected"), "the worker's connection")
        return list(FIGURES[name](server, worker, long))
    finally:
        worker.close()
        server.close()
        shutil.rmtree(folder)


def idle(_: Server, worker: WorkerProcess, long: bool) -> Iterator[Figure]:
    eventually(lambda: _share(worker, 1) == 0, "the worker's rest, after its start")
    yield Figure("processor, idle", _share(worker, 60 if long else 12), 0.5, "% of a core")


def down(server: Server, worker: WorkerProcess, long: bool) -> Iterator[Figure]:
    server.stop(signal.SIGKILL)
    yield Figure("processor, PocketBase down", _share(worker, 60 if long else 12), 2, "% of a core")


def held(server: Server, worker: WorkerProcess, long: bool) -> Iterator[Figure]:
    lasts = 60 if long else 12
    root = server.superuser()
    until = time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime(time.time() + lasts + 5))
    path = f"/api/collections/event_head/records/{root.records('event_head')[0]['id']}"
    assert root.batch(("PATCH", path, {"hold_by": "somebody", "hold_until": until})).ok
    server.guest().append("create", item_id(1), {"title": "x"})
    eventually(lambda: worker.has("held"), "the worker's notice")
    yield Figure("processor, head held", _share(worker, lasts), 2, "% of a core")


def backlog(server: Server, worker: WorkerProcess, long: bool) -> Iterator[Figure]:
    count = 50_000 if long else 4_000
    worker.send(signal.SIGSTOP)
    _append(server, count)
    worker.send(signal.SIGCONT)
    eventually(lambda: _pending(server) == 0, "the end of the backlog", PATIENCE)
    yield Figure(f"memory, {count:,} events pending", _peak(worker), MOST_MEMORY, "MB")


def large(server: Server, worker: WorkerProcess, _: bool) -> Iterator[Figure]:
    worker.send(signal.SIGSTOP)
    _append_large(server)
    worker.send(signal.SIGCONT)
    eventually(lambda: _pending(server) == 0, "the end of the backlog", PATIENCE)
    yield Figure("memory, 60 events of 0.9 MB pending", _peak(worker), MOST_MEMORY, "MB")


def growth(server: Server, worker: WorkerProcess, long: bool) -> Iterator[Figure]:
    count = 200_000 if long else 6_000
    grown = []
    for quarter in range(4):
        _append(server, count // 4, quarter * (count // 4))
        eventually(lambda: _pending(server) == 0, "the end of the backlog", PATIENCE)
        grown.append(_now(worker))
    yield Figure(f"memory, {count:,} events recorded", _peak(worker), MOST_MEMORY, "MB")
    yield Figure("the same, last against first quarter", grown[-1] / grown[0], 1.1, "times")


def reading(server: Server, _: WorkerProcess, __: bool) -> Iterator[Figure]:
    _append_large(server)
    eventually(lambda: _pending(server) == 0, "the end of the backlog", PATIENCE)
    with command("verify", env=server.environment) as process:
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _status(process.pid, "VmHWM"))
            time.sleep(0.005)
        assert process.returncode == 0
    yield Figure("memory, verify of 60 events of 0.9 MB", peak, MOST_MEMORY, "MB")


FIGURES: dict[str, Callable[[Server, WorkerProcess, bool], Iterator[Figure]]] = {
    measured.__name__: measured for measured in (growth, backlog, idle, down, held, large, reading)
}


def _append(server: Server, count: int, first: int = 0) -> None:
    root = server.superuser()
    for start in range(first, first + count, 1000):
        root.append_all(*map(create, range(start, min(start + 1000, first + count))))


def _append_large(server: Server) -> None:
    """Append 60 events of 0.9 MB."""
    server.create_collection("documents", [{"name": "body", "type": "json"}])
    server.attach("documents")
    guest = server.guest()
    for number in range(60):
        guest.append("create", item_id(number), {"body": "ü" * 450_000}, "documents")


def _pending(server: Server) -> int:
    with server.database() as database:
        found = database.execute("SELECT COUNT(*) FROM events WHERE seq = 0 AND error = ''").fetchone()[0]
    database.close()
    return int(found)


def _share(worker: WorkerProcess, seconds: float) -> float:
    """Per cent of a core that the worker uses for so long."""
    started, before = time.monotonic(), _processor_time(worker)
    time.sleep(seconds)
    return 100 * (_processor_time(worker) - before) / (time.monotonic() - started)


def _processor_time(worker: WorkerProcess) -> float:
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _now(worker: WorkerProcess) -> float:
    return _status(worker.process.pid, "VmRSS")


def _peak(worker: WorkerProcess) -> float:
    return _status(worker.process.pid, "VmHWM")


def _status(pid: int, name: str) -> float:
    """Megabytes, as the kernel counts a process's memory."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0
