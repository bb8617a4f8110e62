"""One look at the log: is all well, and if not, what is wrong and what to do."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pocketbase_events.core.access import why_gone, why_unwritable
from pocketbase_events.core.indexes import sorts_by
from pocketbase_events.core.policy import compose_create_rule
from pocketbase_events.core.readers import compose_history_rule, with_history
from pocketbase_events.core.schema import SEQ, Target
from pocketbase_events.errors import ProblemError, RateLimitedError
from pocketbase_events.jobs.targets import append_rules, history_rules
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Status
from pocketbase_events.pb.schema_files import log_triggers, row_triggers

WORKER_MISSED_AFTER = 10.0  # seconds that an event stays pending before we look whether it is being recorded
SECOND_LOOK = 2.0  # seconds within which a worker that is there has recorded or rejected something
BEHIND_AFTER = 30.0  # seconds that an event may wait although a worker is at work
UNSEEN_AFTER = 120.0  # seconds without a look, which a worker notes every 30 s
CLOCKS_DIFFER = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Report:
    """What `status` tells.

    Attributes:
        document: as JSON, `problems` included.
        problems: what is wrong, in sentences.
        seen_seconds: how long ago a worker last looked; None if none ever did.
    """

    document: dict[str, Any]
    problems: Sequence[str]
    seen_seconds: float | None


def report(gateway: Gateway, sleep: Callable[[float], None], now: Callable[[], datetime]) -> Report:
    """Look at the log: once, or twice with a `sleep` in between if events have been waiting. `now` is the time here."""
    before, status, after = now(), gateway.status(), now()
    records = gateway.event_targets()
    targets, attached = gateway.targets(), [each["collection"] for each in records if not each["closed"]]
    problems = [
        *_log_problems(status, gateway),
        *_rule_problems(status, records),
        *_account_problems(status),
        *_clock_problems(status, before, after),
        *_worker_problems(status, gateway, sleep),
        *_target_problems(sorted(attached), targets),
        *_seq_problems(records, targets),
    ]
    return Report(_document(status, sorted(attached), targets, problems), problems, status.seen_seconds)


def _document(
    status: Status, attached: Iterable[str], targets: dict[str, Target], problems: Sequence[str]
) -> dict[str, Any]:
    triggers = set(status.triggers)
    return {
        "ok": not problems,
        "head": {"seq": status.seq, "hash": status.hash},
        "pending": status.pending,
        "rejected": status.rejected,
        "oldest_pending_seconds": round(status.oldest_pending_seconds, 3),
        "hold": {"by": status.hold_by, "until": status.hold_until} if status.held else None,
        "locked": log_triggers().keys() <= triggers,
        "targets": [
            {"collection": name, "locked": name in targets and _locked(targets[name], triggers)} for name in attached
        ],
        "problems": list(problems),
    }


def _locked(target: Target, triggers: set[str]) -> bool:
    return row_triggers(target.collection_id, target.collection).keys() <= triggers


def _log_problems(status: Status, gateway: Gateway) -> Iterator[str]:
    if status.contradiction is not None:
        yield str(status.contradiction)
    try:
        if not gateway.batch_enabled():
            yield "The batch API is switched off, so nothing can be recorded. Run: pocketbase-events init"
    except RateLimitedError as error:
        yield str(error)


def _rule_problems(status: Status, records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Are the rules of `events` what those of all attached collections make them?"""
    for record in records:
        if record["closed"]:
            yield (
                f"{record['collection']} is closed: attach --adopt or detach is under way, or was interrupted."
                " Run it again if it was."
            )
    try:
        if status.append_rule != compose_create_rule(append_rules(records)):
            yield (
                "The create rule of events is not what the attached collections say: it was edited, or attaching was"
                " interrupted. Run: pocketbase-events init"
            )
        history = compose_history_rule(history_rules(records))
        if any(with_history(rule, history) != rule for rule in status.read_rules):
            yield (
                "The list or view rule of events does not show the history that attach --history promised: it was"
                " edited, or attaching was interrupted. Run: pocketbase-events init"
            )
    except ProblemError as error:
        yield str(error)


def _account_problems(status: Status) -> Iterator[str]:
    if status.workers > 1:
        yield (
            f"event_workers has {status.workers} accounts, and anyone with the password of one can record events."
            " Delete those that no worker uses, in the admin UI."
        )


def _clock_problems(status: Status, before: datetime, after: datetime) -> Iterator[str]:
    """Do the clocks differ? PocketBase's time was read between `before` and `after`."""
    theirs = datetime.fromisoformat(status.now)
    ahead = (before - theirs).total_seconds()
    behind = (theirs - after).total_seconds()
    if max(ahead, behind) > CLOCKS_DIFFER:
        where = "ahead of" if ahead > behind else "behind"
        yield (
            f"This machine's clock is {max(ahead, behind):.0f} s {where} PocketBase's. A worker whose clock differs by"
            " more than a minute records nothing. Set the clocks, by NTP for example."
        )


def _worker_problems(status: Status, gateway: Gateway, sleep: Callable[[float], None]) -> Iterator[str]:
    """Is a worker there, and does it keep up?"""
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
            yield from _behind(later, done)
        elif later.last_seen > later.oldest_pending:
            yield _stopped(later, first)
        else:
            yield (
                f"Events have been pending for {waiting:.0f} s: no worker takes them. Start one: pocketbase-events run"
            )
    elif status.seen_seconds is None or status.seen_seconds > UNSEEN_AFTER:
        since = "ever" if status.seen_seconds is None else f"for {_duration(status.seen_seconds)}"
        yield f"No worker has looked for events {since}. Start one: pocketbase-events run"


def _behind(status: Status, done: int) -> Iterator[str]:
    if status.oldest_pending_seconds > BEHIND_AFTER:
        rate = done / SECOND_LOOK
        yield (
            f"Events wait for {_duration(status.oldest_pending_seconds)}: a worker is at work, and behind by"
            f" {status.pending} events. At this rate, {rate:.0f} a second, that is done in"
            f" {_duration(status.pending / rate)}."
        )


def _stopped(status: Status, first: dict[str, Any]) -> str:
    """The sentence for a log that does not grow although a worker is there."""
    return (
        f"Events have been pending for {_duration(status.oldest_pending_seconds)} although a worker looks for them"
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


def _duration(seconds: float) -> str:
    """Seconds, or minutes from two on, or hours from two on."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _target_problems(attached: Sequence[str], targets: dict[str, Target]) -> Iterator[str]:
    yield from (why_gone(name) for name in attached if name not in targets)
    yield from (why for why in map(why_unwritable, targets.values()) if why is not None)


def _seq_problems(records: Sequence[dict[str, Any]], targets: dict[str, Target]) -> Iterator[str]:
    """Do the rows that are to carry their seq do so, and are they found by it?"""
    for record in records:
        name, target = record["collection"], targets.get(record["collection"])
        if target is None or not record["versioned"]:
            continue
        if not target.versioned:
            yield (
                f"The rows of {name} don't carry their {SEQ} yet: attaching was interrupted, or the update rule was"
                f" edited. Run: pocketbase-events attach {name} --seq"
            )
        elif not any(sorts_by(index, SEQ) for index in target.indexes or ()):
            yield (
                f"{name} has no index on {SEQ}, so finding the rows that changed since a seq takes ever longer."
                f" Run: pocketbase-events attach {name}"
            )
