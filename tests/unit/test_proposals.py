"""Rules over events that mean what a collection's own rules over rows do, and those that admit more."""

import pytest

from pocketbase_events.core.proposals import Rows, is_looser, proposal
from pocketbase_events.core.schema import FieldDefinition

FIELDS = [
    FieldDefinition(name="owner", type="relation", relates_to="users", max_select=1),
    FieldDefinition(name="author", type="text"),
    FieldDefinition(name="members", type="relation", relates_to="users", max_select=9),
    FieldDefinition(name="done", type="bool"),
]
NOTES = Rows("notes", {field.name: field for field in FIELDS})
RELATED = Rows("notes", NOTES.fields, frozenset({"users"}))
SIGNED_IN = '@request.auth.id != ""'
OWNER = f"{SIGNED_IN} && owner = @request.auth.id"
ITEM = "@collection.notes.id ?= item_id"

PROPOSALS = [
    ("create", None, None),
    ("create", "", ""),
    ("update", SIGNED_IN, SIGNED_IN),
    ("update", "@request.auth.id != ''", SIGNED_IN),
    ("delete", '@request.auth.role = "editor" || @request.auth.verified = true // staff', None),
    ("create", OWNER, f"{SIGNED_IN} && data.owner = @request.auth.id"),
    ("create", "@request.auth.id = @request.body.author", "data.author = @request.auth.id"),
    ("create", "@request.data.author = @request.auth.id", "data.author = @request.auth.id"),
    ("update", OWNER, f"{SIGNED_IN} && {ITEM} && @collection.notes.owner ?= @request.auth.id"),
    (
        "update",
        "author = @request.auth.id && @request.body.author:isset = false",
        f"{ITEM} && @collection.notes.author ?= @request.auth.id && data.author = null",
    ),
    ("delete", "members ?= @request.auth.id", f"{ITEM} && @collection.notes.members ?= @request.auth.id"),
    ("delete", "id = @request.auth.id", "item_id = @request.auth.id"),
    (
        "update",
        f'{OWNER} || @request.auth.role = "admin"',
        f'{SIGNED_IN} && {ITEM} && @collection.notes.owner ?= @request.auth.id || @request.auth.role = "admin"',
    ),
]  # fmt: skip
CAN_NOT_BE_SAID = [
    ("update", "owner = @request.auth.id && done = false"),
    ("update", "members = @request.auth.id"),
    ("create", "members ?= @request.auth.id"),
    ("update", "@request.body.owner = @request.auth.id"),
    ("update", "team.members.id ?= @request.auth.id"),
    ("update", "owner != @request.auth.id"),
    ("update", "nothere = @request.auth.id"),
    ("update", "owner = @request.auth.id || done = true"),
    ("create", "@collection.bans.user != @request.auth.id"),
    ("create", "owner = @request.auth.id (done = true)"),
]


@pytest.mark.parametrize(("event_type", "own", "said"), [each for each in PROPOSALS if each[2] or not each[1]])
def test_a_rule_about_the_caller_or_an_owner_is_said_over_events(
    event_type: str, own: str | None, said: str | None
) -> None:
    assert proposal(NOTES, event_type, own) == said


def test_an_owner_by_a_relation_is_looked_up_from_the_caller_where_pocketbase_can() -> None:
    said = f"{SIGNED_IN} && @request.auth.notes_via_owner.id ?= item_id"
    assert proposal(RELATED, "update", OWNER) == said
    assert proposal(RELATED, "update", "author = @request.auth.id") == proposal(
        NOTES, "update", "author = @request.auth.id"
    )


def test_a_rule_about_the_caller_stays_as_it_is() -> None:
    own = '@request.auth.role = "editor" || @request.auth.verified = true'
    assert proposal(NOTES, "delete", f"{own} // staff") == own


@pytest.mark.parametrize(("event_type", "own"), CAN_NOT_BE_SAID)
def test_other_rules_are_not_translated(event_type: str, own: str) -> None:
    assert proposal(NOTES, event_type, own) is None


@pytest.mark.parametrize(
    ("own", "new"),
    [
        (SIGNED_IN, ""),
        (OWNER, SIGNED_IN),
        ("owner = @request.auth.id", SIGNED_IN),
        ("team.members.id ?= @request.auth.id", SIGNED_IN),
        (f'{SIGNED_IN} && @request.auth.role = "admin"', SIGNED_IN),
        (f"{OWNER} && author = @request.auth.id", proposal(NOTES, "update", OWNER)),
        ("done = true", ""),
        (OWNER, f"{SIGNED_IN} // the owner"),
    ],
)
def test_a_rule_that_admits_more_than_before_is_found(own: str, new: str) -> None:
    assert is_looser(NOTES, "update", own, new)


@pytest.mark.parametrize(
    ("own", "new"),
    [
        (None, ""),
        ("", ""),
        ("", None),
        (OWNER, None),
        (SIGNED_IN, "@request.auth.id != ''"),
        (OWNER, proposal(NOTES, "update", OWNER)),
        (OWNER, f"{proposal(NOTES, 'update', OWNER)} && data.owner = null"),
        (SIGNED_IN, f"{SIGNED_IN} && data.done = true"),
        ("done = true", "data.done = true"),
    ],
)
def test_a_rule_that_may_admit_no_more_than_before_is_not_called_looser(own: str | None, new: str | None) -> None:
    assert not is_looser(NOTES, "update", own, new)
