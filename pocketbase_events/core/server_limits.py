"""PocketBase's own limits: which of them keep the worker from recording, or make it slow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pocketbase_events.core.batch import MAX_REQUESTS

MIN_TIMEOUT = 3  # seconds for a batch, PocketBase's default
MIN_BODY = 16_000_000  # bytes of a batch's body: a page of events and their rows, as JSON; 0 is PocketBase's 128 MB
FAST = 100.0  # requests a second of a kind; fewer slow the worker
FAST_BATCHES = 2.0  # transactions a second
BATCH_LABEL = "/api/batch"


def enough(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the batch API with which the worker records as fast as it can; what is more stays."""
    body = batch.get("maxBodySize") or 0
    return {
        **batch,
        "enabled": True,
        "maxRequests": max(batch["maxRequests"], MAX_REQUESTS),
        "timeout": max(batch["timeout"], MIN_TIMEOUT),
        **({"maxBodySize": MIN_BODY} if 0 < body < MIN_BODY else {}),
    }


def too_small(batch: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The limits of the batch API that are too small, each with what it is and what it should be at least."""
    wanted = enough(batch)
    return {name: (batch[name], wanted[name]) for name in wanted if name != "enabled" and wanted[name] != batch[name]}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A rule of PocketBase's rate limiter, and requests of the worker that it slows.

    Attributes:
        label: of the rule.
        needed: the label that a rule for these requests alone has.
        most: requests that it admits.
        seconds: in so many seconds.
    """

    label: str
    needed: str
    most: int
    seconds: int


def slowing(limits: Mapping[str, Any], collections: Iterable[str]) -> list[RateLimit]:
    """The rate limits that slow the recording of events of these collections, each once.

    PocketBase does not limit addresses that it excludes, and the worker's may be one of them.
    """
    if not limits.get("enabled") or limits.get("excludedIPs"):
        return []
    rules = [rule for rule in limits.get("rules") or () if rule.get("audience", "") in ("", "@auth")]
    kinds = [*product(collections, ("create", "update")), ("events", "update"), ("event_head", "update")]
    requests = [(_labels(*kind), FAST) for kind in kinds] + [([BATCH_LABEL, f"POST {BATCH_LABEL}"], FAST_BATCHES)]
    slow: dict[str, RateLimit] = {}
    for labels, fast in requests:
        rule = _rule_for(labels, rules)
        if rule is not None and rule["maxRequests"] < fast * rule["duration"]:
            limit = RateLimit(rule["label"], labels[0], rule["maxRequests"], rule["duration"])
            slow.setdefault(limit.label, limit)
    return list(slow.values())


def _labels(collection: str, action: str) -> list[str]:
    """The labels under which PocketBase looks for a rule, the first one first."""
    method, path = ("POST" if action == "create" else "PATCH"), f"/api/collections/{collection}/records"
    path = path if action == "create" else f"{path}/ID"
    return [f"{collection}:{action}", f"*:{action}", f"{method} {path}", path]


def _rule_for(labels: Sequence[str], rules: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The rule that PocketBase applies: for each label one of that name, then one that ends with / and begins it."""
    for label in labels:
        for rule in rules:
            if rule["label"] == label:
                return rule
        for rule in rules:
            if rule["label"].endswith("/") and f"{label}/".startswith(rule["label"]):
                return rule
    return None
