"""Metrics and health of a worker, for the machines that watch it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pocketbase_events.core.events import Pending, timestamp_of
from pocketbase_events.core.transaction import Transaction
from pocketbase_events.jobs.record.observer import Observer
from pocketbase_events.pb.records import Status

FRESH = 5.0  # seconds for which a look counts as fresh; an older one is renewed before we answer
RENEWS_WITHIN = 2.0  # seconds that a new look may take until we answer without it
STALE = 10.0  # seconds after which a worker that has not looked is not healthy
NAMESPACE = "pocketbase_events"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
EVENTS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a worker is healthy, and one sentence about it."""

    ok: bool
    sentence: str


class Monitor(Observer):
    """Observes a worker. Its methods are called by the worker's threads, and by those that answer requests.

    Args:
        version: of this package.
        wake: makes the worker look for events.
        now: the time.
        timer: seconds, for durations.
    """

    def __init__(
        self,
        version: str,
        wake: threading.Event,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wake, self._now, self._timer = wake, now, timer
        self._changed = threading.Condition()
        self._looked_at: float | None = None
        self._status: Status | None = None
        self._trouble, self._trouble_since = "", 0.0
        self._is_standby = False
        self._hears = self._has_heard = False  # whether realtime is connected, and ever was
        self._metrics = _Metrics(version)

    def metrics(self) -> bytes:
        """The metrics, as Prometheus reads them."""
        return generate_latest(self._metrics.gauges) + generate_latest(self._metrics.counters)

    def looked(self, status: Status | None = None) -> None:
        """See `Observer`."""
        if status is not None:  # before anybody hears of the look, and answers with the metrics
            self._metrics.head_seq.set(status.seq)
            self._metrics.pending.set(status.pending)
            self._metrics.rejected.set(status.rejected)
        with self._changed:
            self._looked_at = self._timer()
            self._status = status or self._status
            self._changed.notify_all()

    def committed(self, transaction: Transaction, events: Sequence[Pending], seconds: float) -> None:
        """See `Observer`."""
        metrics, now = self._metrics, self._now()
        metrics.head_seq.set(transaction.after.seq)
        metrics.recorded_total.inc(len(transaction.recorded))
        metrics.rejected_total.inc(len(transaction.rejections))
        metrics.transaction_seconds.observe(seconds)
        metrics.transaction_events.observe(len(transaction.recorded) + len(transaction.rejections))
        for event in events:
            metrics.delay_seconds.observe(max(0.0, (now - datetime.fromisoformat(event.created)).total_seconds()))
        self.looked()

    def conflicted(self) -> None:
        """See `Observer`."""
        self._metrics.conflicts_total.inc()

    def stands_by(self, *, standby: bool) -> None:
        """See `Observer`."""
        self._metrics.standby.set(standby)
        self._is_standby = standby

    def trouble(self, why: str) -> None:
        """See `Observer`."""
        self._metrics.trouble.set(bool(why))
        with self._changed:
            if why and not self._trouble:
                self._trouble_since = self._timer()
            self._trouble = why
            self._changed.notify_all()

    def realtime(self, connected: bool, /) -> None:
        """See `Observer`."""
        if connected and self._has_heard and not self._hears:
            self._metrics.reconnects_total.inc()
        self._hears, self._has_heard = connected, self._has_heard or connected

    def renew(self) -> None:
        """Make the worker look for events if it has not done so just now, and wait until it has."""

        def is_known() -> bool:
            return bool(self._trouble) or (self._looked_at is not None and self._timer() - self._looked_at < FRESH)

        with self._changed:
            if not is_known():
                self._wake.set()
                self._changed.wait_for(is_known, RENEWS_WITHIN)

    def health(self) -> Health:
        """Whether the worker has looked at PocketBase within 10 s and is not in trouble."""
        with self._changed:
            looked_at, status, trouble, since = self._looked_at, self._status, self._trouble, self._trouble_since
        if trouble:
            return Health(False, f"{trouble} It has been so {self._ago(since)}.")
        if looked_at is None:
            return Health(False, "The worker has not reached PocketBase yet.")
        if self._timer() - looked_at > STALE:
            return Health(False, f"The worker has not looked at PocketBase {self._ago(looked_at)}.")
        return Health(True, self._doing(status))

    def _doing(self, status: Status | None) -> str:
        if status is not None and status.held:
            return f"The head is held by {status.hold_by} until {status.hold_until}, so nothing is recorded."
        if self._is_standby:
            return "Another worker records, and this one stands by."
        if not self._hears:
            return "The worker records. Realtime is not connected, so it looks for events every 2 s."
        return "The worker records."

    def _ago(self, since: float) -> str:
        seconds = self._timer() - since
        start = datetime.fromtimestamp(self._now().timestamp() - seconds, UTC)
        return f"for {seconds:.0f} s, since {timestamp_of(start)}"


class _Metrics:
    """The metrics, in registries of their own: those of the Python process are not among them.

    Counters have one to themselves, since prometheus-client takes `rejected` and `rejected_total` for one metric.
    """

    def __init__(self, version: str) -> None:
        self.gauges, self.counters = CollectorRegistry(), CollectorRegistry()
        self.head_seq = self._gauge("head_seq", "The seq of the last recorded event.")
        self.pending = self._gauge("pending", "Events that are pending.")
        self.rejected = self._gauge("rejected", "Rejected events that nobody has deleted or retried.")
        self.standby = self._gauge("standby", "1 while another worker records and this one stands by.")
        self.trouble = self._gauge("trouble", "1 while something keeps this worker from recording.")
        build = Gauge("build_info", "The version.", ["version"], namespace=NAMESPACE, registry=self.gauges)
        build.labels(version).set(1)
        self.recorded_total = self._counter("recorded", "Events that this worker has recorded.")
        self.rejected_total = self._counter("rejected", "Events that this worker has rejected.")
        self.conflicts_total = self._counter("conflicts", "Transactions in which another worker was faster.")
        self.reconnects_total = self._counter("realtime_reconnects", "Times that realtime was connected again.")
        self.transaction_seconds = self._histogram(
            "transaction_seconds", "Seconds from sending a transaction to its answer.", SECONDS
        )
        self.transaction_events = self._histogram(
            "transaction_events", "Events that a transaction recorded or rejected.", EVENTS
        )
        self.delay_seconds = self._histogram("delay_seconds", "Seconds from an event's append to its record.", SECONDS)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, namespace=NAMESPACE, registry=self.gauges)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, namespace=NAMESPACE, registry=self.counters)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, text, namespace=NAMESPACE, registry=self.counters, buckets=buckets)
