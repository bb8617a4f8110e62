"""One look at the log: is all well, and if not, what is wrong and what to do."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pocketbase_events.core.schema import Target
from pocketbase_events.jobs.status.of_our_own import collection_problems, lock_problems, rule_problems
from pocketbase_events.jobs.status.of_replica import ReplicaReport, report_replica
from pocketbase_events.jobs.status.of_rows import id_problems, row_lock_problems, seq_problems, target_problems
from pocketbase_events.jobs.status.of_server import (
    batch_problems,
    clock_problems,
    rate_limit_problems,
    version_problems,
)
from pocketbase_events.jobs.status.of_workers import account_problems, worker_problems
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Status
from pocketbase_events.pb.schema_files import log_triggers, row_triggers


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

    def after(self, status: Status) -> "Report":
        """The same, with what a later look at the log alone has seen."""
        return replace(self, document={**self.document, **_moving(status)}, seen_seconds=status.seen_seconds)


def report(gateway: Gateway, sleep: Callable[[float], object], now: Callable[[], datetime]) -> Report:
    """Look at the log: once, or twice with a `sleep` in between if events have been waiting. `now` is the time here."""
    before, status, after = now(), gateway.status(), now()
    setup, records, targets = gateway.setup(), gateway.event_targets(), gateway.targets()
    attached = sorted(each["collection"] for each in records if not each["closed"])
    replica = report_replica(status)
    problems = [
        *([str(status.contradiction)] if status.contradiction else ()),
        *batch_problems(gateway, setup),
        *rate_limit_problems(setup, attached),
        *rule_problems(status, records),
        *collection_problems(setup),
        *lock_problems(setup, has_sql=gateway.has_sql()),
        *account_problems(status),
        *clock_problems(status, before, after),
        *version_problems(gateway),
        *(replica.problems if replica.document else worker_problems(status, gateway, sleep)),
        *target_problems(attached, targets),
        *row_lock_problems(setup, targets),
        *seq_problems(records, targets),
        *id_problems(targets),
    ]
    document = _document(status, attached, targets, replica, problems)
    return Report(document, problems, status.seen_seconds)


def _document(
    status: Status,
    attached: Iterable[str],
    targets: dict[str, Target],
    replica: ReplicaReport,
    problems: Sequence[str],
) -> dict[str, Any]:
    triggers = set(status.triggers)
    return {
        "ok": not problems,
        **_moving(status),
        "locked": log_triggers().keys() <= triggers,
        "targets": [
            {"collection": name, "locked": name in targets and _locked(targets[name], triggers)} for name in attached
        ],
        "replica": replica.document,
        "problems": list(problems),
    }


def _moving(status: Status) -> dict[str, Any]:
    """The part of the document that changes all the time."""
    return {
        "head": {"seq": status.seq, "hash": status.hash},
        "pending": status.pending,
        "rejected": status.rejected,
        "oldest_pending_seconds": round(status.oldest_pending_seconds, 3),
        "hold": {"by": status.hold_by, "until": status.hold_until} if status.held else None,
    }


def _locked(target: Target, triggers: set[str]) -> bool:
    return row_triggers(target.collection_id, target.collection).keys() <= triggers
