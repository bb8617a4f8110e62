"""Is a worker there, and does it keep up?"""

from collections.abc import Callable, Iterator
from typing import Any

from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Status

WORKER_MISSED_AFTER = 10.0  # seconds that an event stays pending before we look whether it is being recorded
SECOND_LOOK = 2.0  # seconds within which a worker that is there has recorded or rejected something
BEHIND_AFTER = 30.0  # seconds that an event may wait although a worker is at work
UNSEEN_AFTER = 120.0  # seconds without a look, which a worker notes every 30 s


def worker_problems(status: Status, gateway: Gateway, sleep: Callable[[float], object]) -> Iterator[str]:
    """What is wrong with the workers. If events have been waiting, look again after a `sleep`."""
    waiting = status.oldest_pending_seconds
    if not status.held and waiting > WORKER_MISSED_AFTER:
        before = gateway.first_pending()
        sleep(SECOND_LOOK)
        later, first = gateway.status(), gateway.first_pending()
        done = later.seq - status.seq + later.rejected - status.rejected
        if later.held or not first:
            return
        if first == before and _is_passed_over(first, later, gateway):
            yield _passed_over(first)
        elif done > 0:
            yield from _behind(later, done / max(SECOND_LOOK, later.seconds_after(status)))
        elif later.last_seen > later.oldest_pending:
            yield _stopped(later, first)
        else:
            yield (
                f"Events have been pending for {waiting:.0f} s: no worker takes them. Start one: pocketbase-events run"
            )
    elif status.seen_seconds is None or status.seen_seconds > UNSEEN_AFTER:
        since = "ever" if status.seen_seconds is None else f"for {duration(status.seen_seconds)}"
        yield f"No worker has looked for events {since}. Start one: pocketbase-events run"


def _behind(status: Status, rate: float) -> Iterator[str]:
    if status.oldest_pending_seconds > BEHIND_AFTER:
        yield (
            f"Events wait for {duration(status.oldest_pending_seconds)}: a worker is at work, and behind by"
            f" {status.pending} events. At this rate, {rate:.0f} a second, that is done in"
            f" {duration(status.pending / rate)}."
        )


def _stopped(status: Status, first: dict[str, Any]) -> str:
    """The sentence for a log that does not grow although a worker is there."""
    return (
        f"Events have been pending for {duration(status.oldest_pending_seconds)} although a worker looks for them"
        f" (the first is {_named(first)}). The worker's log says why."
    )


def _is_passed_over(first: dict[str, Any], status: Status, gateway: Gateway) -> bool:
    """Whether a running worker has recorded events that were appended after this one, the first pending one."""
    is_there = status.seen_seconds is not None and status.seen_seconds < UNSEEN_AFTER
    return is_there and gateway.position(status.seq) > int(first["position"])


def _passed_over(first: dict[str, Any]) -> str:
    return (
        f"The event {_named(first)} is passed over: later ones are recorded, and it stays pending. PocketBase lets"
        " nobody change it, most likely because of a hook on events; the worker's log says more (left_aside). Mend the"
        " hook and restart the worker, or delete the event as a superuser."
    )


def _named(event: dict[str, Any]) -> str:
    return f"{event['id']} ({event['type']} {event['collection']} {event['item_id']})"


def duration(seconds: float) -> str:
    """Seconds, or minutes from two on, or hours from two on."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def account_problems(status: Status) -> Iterator[str]:
    """Who else could record events?"""
    if status.workers > 1:
        yield (
            f"event_workers has {status.workers} accounts, and anyone with the password of one can record events."
            " Delete those that no worker uses, in the admin UI."
        )
