"""The view `event_fields`: which collections are attached, and the fields that clients may set, for clients to know."""

from typing import Any

import pytest
from support import Client, Server

SIGNED_IN = '@request.auth.id != ""'


def shown_to(client: Client) -> dict[str, set[str]]:
    """The names of the fields that are shown, by collection."""
    found: list[dict[str, Any]] = client.records("event_fields")
    return {each["collection"]: {field["name"] for field in each["fields"] or []} for each in found}


@pytest.fixture
def attached(server: Server) -> Server:
    """Besides `items`, which admits anyone: one for users, and one for superusers only."""
    fields = [{"name": "title", "type": "text"}, {"name": "score", "type": "number", "hidden": True}]
    for name, rule in (("notes", SIGNED_IN), ("secrets", None)):
        server.create_collection(name, fields)
        server.attach(name, allow=rule)
    return server


def test_a_guest_is_shown_what_guests_may_append_to(attached: Server) -> None:
    assert shown_to(attached.guest()) == {"items": {"id", "title", "qty", "done", "note", "deleted", "seq"}}


def test_a_user_is_shown_no_hidden_field_and_no_field_that_only_superusers_may_set(attached: Server) -> None:
    shown = shown_to(attached.user("ann"))
    assert shown.keys() == {"items", "notes", "secrets"}
    assert shown["notes"] == {"id", "title", "deleted", "seq"}
    assert shown["secrets"] == set()
