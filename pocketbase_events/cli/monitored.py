"""Metrics and health beside a worker, if they are asked for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pocketbase_events import __version__
from pocketbase_events.cli.options import host_and_port
from pocketbase_events.jobs.record.observer import UNOBSERVED, Observer
from pocketbase_events.logs import log


@contextmanager
def monitored(metrics: str | None, wake: threading.Event) -> Iterator[Observer]:
    """An observer that answers `/metrics` and `/health` at HOST:PORT for as long as the block lasts.

    Raises:
        WrongUsageError: if `metrics` is not HOST:PORT, or nothing can listen there.
    """
    if metrics is None:
        yield UNOBSERVED
        return
    # Here, since importing prometheus-client takes a worker without metrics 50 ms for nothing.
    from pocketbase_events.jobs.monitor import Monitor  # noqa: PLC0415
    from pocketbase_events.jobs.monitor_server import serving  # noqa: PLC0415

    monitor = Monitor(__version__, wake)
    with serving(monitor, *host_and_port("--metrics", metrics)):
        log.info("metrics", address=f"http://{metrics}/metrics")
        yield monitor
