"""How long processes wait for a processor because the machine runs something else, as the kernel counts it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

Waits = Mapping[int, Mapping[str, float]]  # seconds, by process and thread


def waits(processes: Sequence[int]) -> Waits:
    """How long each thread of these processes has waited for a processor so far. Empty on systems without /proc."""
    return {process: _of_threads(process) for process in processes}


def kept_waiting(before: Waits, after: Waits) -> float:
    """For how long the thread was kept waiting that waited longest."""
    found = (
        seconds - before[process].get(thread, 0.0)
        for process, threads in after.items()
        for thread, seconds in threads.items()
    )
    return max(found, default=0.0)


def _of_threads(process: int) -> dict[str, float]:
    found = {}
    for thread in Path(f"/proc/{process}/task").glob("*"):
        with suppress(OSError):  # it has ended
            found[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
    return found
