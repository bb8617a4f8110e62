"""One look at the log: is all well, and if not, what is wrong and what to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pocketbase_events.core.access import why_gone, why_unwritable
from pocketbase_events.core.schema import Target
from pocketbase_events.errors import RateLimitedError
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Status
from pocketbase_events.pb.schema_files import log_triggers, row_triggers

WORKER_MISSED_AFTER = 10.0  # seconds that an event stays pending before we look whether a worker is there at all
SECOND_LOOK = 2.0  # seconds within which a worker that is there has recorded or rejected something


@dataclass(frozen=True, slots=True)
class Report:
    """What `status` tells: the JSON document, and what is wrong in sentences."""

    document: dict[str, Any]
    problems: Sequence[str]


def report(gateway: Gateway, sleep: Callable[[float], None]) -> Report:
    """Look at the log once; twice, `sleep`ing in between, where no worker seems to be there."""
    status, targets, attached = gateway.status(), gateway.targets(), gateway.attached()
    triggers = set(status.triggers)
    document = {
        "head": {"seq": status.seq, "hash": status.hash},
        "pending": status.pending,
        "rejected": status.rejected,
        "oldest_pending_seconds": round(status.oldest_pending_seconds, 3),
        "hold": {"by": status.hold_by, "until": status.hold_until} if status.held else None,
        "locked": log_triggers().keys() <= triggers,
        "targets": [
            {"collection": name, "locked": name in targets and _locked(targets[name], triggers)} for name in attached
        ],
    }
    return Report(document, [*_log_problems(status, gateway, sleep), *_target_problems(attached, targets)])


def _locked(target: Target, triggers: set[str]) -> bool:
    return row_triggers(target.collection_id, target.collection).keys() <= triggers


def _log_problems(status: Status, gateway: Gateway, sleep: Callable[[float], None]) -> list[str]:
    problems = []
    if status.contradiction is not None:
        problems.append(str(status.contradiction))
    try:
        if not gateway.batch_enabled():
            problems.append("The batch API is switched off, so nothing can be recorded. Run: pocketbase-events init")
    except RateLimitedError as error:
        problems.append(str(error))
    if _is_missed(status, gateway, sleep):
        problems.append(
            f"Events have been pending for {status.oldest_pending_seconds:.0f} s: no worker takes them."
            " Start one: pocketbase-events run"
        )
    return problems


def _is_missed(status: Status, gateway: Gateway, sleep: Callable[[float], None]) -> bool:
    """Whether events are pending and nobody works them off, as a worker with a long backlog does."""
    if status.held or status.oldest_pending_seconds <= WORKER_MISSED_AFTER:
        return False
    sleep(SECOND_LOOK)
    later = gateway.status()
    return not later.held and (later.seq, later.rejected) == (status.seq, status.rejected) and later.pending > 0


def _target_problems(attached: Sequence[str], targets: dict[str, Target]) -> list[str]:
    gone = [why_gone(name) for name in attached if name not in targets]
    edited = [why for why in map(why_unwritable, targets.values()) if why is not None]
    return gone + edited
