"""How far a replica is behind its stream."""

from dataclasses import dataclass
from datetime import datetime

from pocketbase_events.core.events import Recorded
from pocketbase_events.pb.records import Status
from pocketbase_events.settings import NatsSettings
from pocketbase_events.stream.stream import connected


@dataclass(frozen=True, slots=True)
class Lag:
    """How many events of the stream are not here, and for how long the first of them has been recorded."""

    events: int
    seconds: float


def measure(status: Status) -> Lag:
    """How far a replica with this status is behind, by PocketBase's clock there.

    Raises:
        WrongUsageError: if nats-py is not installed, or a setting is wrong.
        StreamCredentialsRefusedError: if NATS refuses the credentials.
        StreamTroubleError: if there is no stream, or NATS can't answer now.
    """
    if status.origin is None:
        return Lag(0, 0.0)
    with connected(NatsSettings(), *status.origin) as stream:
        events = max(0, stream.state().last - status.seq)
        message = stream.message(status.seq + 1) if events else None
    if message is None or not isinstance(message.event, Recorded):
        return Lag(events, 0.0)
    recorded = datetime.fromisoformat(message.event.timestamp)
    return Lag(events, max(0.0, (datetime.fromisoformat(status.now) - recorded).total_seconds()))
