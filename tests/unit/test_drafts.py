"""Transactions made ready from a snapshot."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from pocketbase_events.core.events import EMPTY, Pending
from pocketbase_events.core.schema import FieldDefinition, Target, row_update_rule
from pocketbase_events.jobs.record.batch_size import BatchSize
from pocketbase_events.jobs.record.drafts import Basis, Drafting
from pocketbase_events.jobs.record.refusals import Search

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ITEMS = Target(
    collection="items",
    version="1",
    fields=(FieldDefinition(name="title", type="text"),),
    row_create_rule='@request.auth.collectionName = "event_workers"',
    row_update_rule=row_update_rule(versioned=False),
)
BASIS = Basis(EMPTY, "", {"items": ITEMS})
DRAFTING = Drafting(lambda: NOW, uuid4)


def pending(number: int, collection: str = "items", version: str = "1") -> Pending:
    data = json.dumps({"title": "x"})
    return Pending(
        f"e{number:014d}", "create", collection, f"i{number:014d}", "", data, damaged=False, schema_version=version
    )


def test_the_basis_after_a_draft_is_where_the_next_one_goes_on() -> None:
    first = DRAFTING.draft(BASIS, [pending(1), pending(2)], Search(2), BatchSize(50)).transaction
    after = BASIS.after(first)
    second = DRAFTING.draft(after, [pending(3)], Search(1), BatchSize(50)).transaction
    assert (second.before, second.after.seq) == (first.after, 3)
    assert BASIS.head == EMPTY, "the basis is a snapshot"


def test_a_timestamp_is_never_earlier_than_the_one_before() -> None:
    later = Basis(EMPTY, "2026-05-01 13:00:00.000Z", {"items": ITEMS})
    draft = DRAFTING.draft(later, [pending(1)], Search(1), BatchSize(50))
    assert draft.transaction.recorded[0].timestamp == "2026-05-01 13:00:00.000Z"


def test_a_transaction_of_rejections_leaves_head_and_timestamp() -> None:
    draft = DRAFTING.draft(BASIS, [pending(1)], Search(1, refused={pending(1).id: "no"}), BatchSize(50))
    assert BASIS.after(draft.transaction) == BASIS


def test_it_holds_no_more_than_it_may() -> None:
    page = [pending(number) for number in range(10)]
    assert len(DRAFTING.draft(BASIS, page, Search(10), BatchSize(4)).chosen) == 4
    assert len(DRAFTING.draft(BASIS, page, Search(3), BatchSize(10)).chosen) == 3


def test_a_schema_is_known_if_events_were_appended_under_its_version() -> None:
    assert BASIS.knows([pending(1)])
    assert BASIS.knows([pending(1, "elsewhere", version="")])
    assert not BASIS.knows([pending(1), pending(2, version="2")])
    assert not BASIS.knows([pending(1, "attached_since", version="1")])
