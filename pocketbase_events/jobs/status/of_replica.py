"""What `status` tells of a replica: whose it is, how far behind, and what is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pocketbase_events.core.replica import Origin
from pocketbase_events.errors import PocketBaseEventsError
from pocketbase_events.jobs.lag import Lag, measure
from pocketbase_events.pb.records import Status

BEHIND_AFTER = 30.0  # seconds that an event may be recorded at the primary and not here
UNSEEN_AFTER = 120.0  # seconds without a look, which a replica notes every 30 s


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """What a look at a replica tells.

    Attributes:
        document: as JSON; None if it is an ordinary log.
        problems: what is wrong, in sentences.
    """

    document: dict[str, Any] | None = None
    problems: Sequence[str] = ()


def report_replica(status: Status) -> ReplicaReport:
    """Look how far a replica is behind: its stream is read."""
    origin = status.origin
    if origin is None:
        return ReplicaReport()
    try:
        lag, why = measure(status), ""
    except PocketBaseEventsError as error:
        lag, why = None, str(error)
    document = {
        **origin._asdict(),
        "events_behind": lag and lag.events,
        "seconds_behind": lag and round(lag.seconds, 3),
    }
    return ReplicaReport(document, list(_problems(origin, status, lag, why)))


def _problems(origin: Origin, status: Status, lag: Lag | None, why: str) -> Iterator[str]:
    if lag is None:
        yield f"Nobody can tell how far this replica is behind: {why}"
    elif lag.seconds > BEHIND_AFTER:
        yield (
            f"This replica is {lag.events} events behind, and {lag.seconds:.0f} s. If it does not catch up, its log"
            " says why."
        )
    if status.seen_seconds is None or status.seen_seconds > UNSEEN_AFTER:
        since = "ever" if status.seen_seconds is None else f"for {status.seen_seconds:.0f} s"
        yield (
            f"The replica has not looked for events {since}. Start it: pocketbase-events replica {origin.url} --stream"
            f" {origin.stream}"
        )
    if status.pending:
        yield (
            f"{status.pending} events were appended here by a superuser, and a replica records none but the primary's."
            " Append them at the primary, and delete them here."
        )
