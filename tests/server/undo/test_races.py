"""What is appended is what was shown: a change that comes in between is noticed."""

from typing import Any

import pytest
from support import Server

from pocketbase_events import EventLog, new_id
from pocketbase_events.errors import ProblemError
from pocketbase_events.jobs.take_back import Proposal, expect_unchanged
from pocketbase_events.jobs.undo import propose_undo
from pocketbase_events.jobs.watch import unwatched
from pocketbase_events.pb.gateway import Gateway


@pytest.fixture(scope="module")
def seen(busy: Server) -> Gateway:
    return busy.gateway()


def proposed(seen: Gateway, log: EventLog, data: dict[str, Any], *, create: bool = False) -> Proposal:
    """The undo of a change of a new item, or of its create."""
    item = log.append("create", "things", new_id(), {"title": "a", "qty": 1})
    event = item if create else log.append("update", "things", item.item_id, data)
    return propose_undo(seen, [event.seq], force=False, watch=unwatched)


@pytest.mark.parametrize(
    ("data", "between"),
    [({"title": "b"}, {"title": "c"}), ({"qty": 2}, {"qty+": 2}), ({"qty+": 2}, None), ({"title": "b"}, None)],
    ids=str,
)
def test_a_change_of_the_same_field_stops_it(
    seen: Gateway, log: EventLog, data: dict[str, Any], between: dict[str, Any] | None
) -> None:
    proposal = proposed(seen, log, data)
    item = proposal.steps[0].item_id
    event = log.append("update" if between else "delete", "things", item, between)
    with pytest.raises(ProblemError, match=rf"{item} in things was changed meanwhile \(seq {event.seq}\)"):
        expect_unchanged(seen, proposal)


def test_any_change_of_an_item_that_would_be_deleted_stops_it(seen: Gateway, log: EventLog) -> None:
    proposal = proposed(seen, log, {}, create=True)
    log.append("update", "things", proposal.steps[0].item_id, {"done": True})
    with pytest.raises(ProblemError, match="was changed meanwhile"):
        expect_unchanged(seen, proposal)


@pytest.mark.parametrize(("data", "between"), [({"title": "b"}, {"qty": 5}), ({"qty+": 2}, {"qty+": 7})], ids=str)
def test_a_change_of_another_field_and_another_sum_do_not(
    seen: Gateway, log: EventLog, data: dict[str, Any], between: dict[str, Any]
) -> None:
    proposal = proposed(seen, log, data)
    log.append("update", "things", proposal.steps[0].item_id, between)
    expect_unchanged(seen, proposal)
