"""The JavaScript that plans undos plans what the Python of the same meaning plans."""

import json
import subprocess
from random import Random
from typing import Any

import pytest
from windows import JAVASCRIPT

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.undo import undo

pytestmark = pytest.mark.usefixtures("javascript_packages")
CASES = 3000
UPDATES: list[dict[str, Any]] = [
    *({"title": text} for text in ("a", "b", "")),
    *({key: number} for key in ("qty", "qty+", "qty-") for number in (1, 2, 0.1)),
    *({key: tags} for key in ("tags", "tags+", "tags-", "+tags") for tags in ("x", ["x", "y"])),
    {"note": None},
]


def any_event(random: Random, *, deleted: bool) -> tuple[str, Any]:
    if deleted:
        return "update", {"deleted": False}
    return ("delete", None) if random.random() < 0.15 else ("update", random.choice(UPDATES))


def any_history(random: Random) -> list[dict[str, Any]]:
    """The events of one item, valid ones only."""
    found: list[tuple[str, Any]] = [("create", random.choice([{"title": "t", "qty": 1}, {"tags": ["y"]}, {}]))]
    for _ in range(random.randrange(8)):
        found.append(any_event(random, deleted=found[-1][0] == "delete"))
    return [{"seq": seq, "type": type_, "data": data} for seq, (type_, data) in enumerate(found, 1)]


def planned(events: list[dict[str, Any]], seqs: list[int], force: bool) -> dict[str, Any]:
    recorded = [
        Recorded(f"r{each['seq']}", each["seq"], "", "", each["type"], "notes", "n1", each["data"], "", "")
        for each in events
    ]
    plan = undo(recorded, seqs, force=force)
    return {
        "steps": [[step.type, step.data] for step in plan.steps],
        "conflicts": [{"seq": c.seq, "field": c.field, "later_seq": c.later_seq} for c in plan.conflicts],
    }


def test_javascript_takes_events_back_as_python_does() -> None:
    random = Random(12)
    cases = []
    for _ in range(CASES):
        events = any_history(random)
        seqs = random.sample([each["seq"] for each in events], random.randint(1, min(3, len(events))))
        cases.append((events, seqs, random.random() < 0.5))
    started = ["node", str(JAVASCRIPT / "plan_undo.mjs")]
    printed = json.loads(subprocess.check_output(started, input=json.dumps(cases), text=True, timeout=60))
    for case, plan in zip(cases, printed, strict=True):
        assert plan == planned(*case), case
