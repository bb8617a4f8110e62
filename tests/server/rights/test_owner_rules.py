"""Recipes for rules over rows admit exactly those whom they mean."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import ITEM_FIELDS, NEVER, Server, start_copy
from support.house import (
    CALLERS,
    EVENTS,
    NO_SUPERUSERS,
    SIGNED_IN,
    House,
    an_event,
    everybody,
    is_refused,
    nothing_changes,
    refuses,
    status_of_append,
    version_of,
)

from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.record import Step

OWN_NEW = f"{SIGNED_IN} && data.owner = @request.auth.id"

# Both conditions are about one row. No update may name another owner.
OWN_ROW = (
    f"{SIGNED_IN} && @collection.NAME.id ?= item_id && @collection.NAME.owner ?= @request.auth.id && data.owner = null"
)

# The same by way of a relation: a look-up in an index, where OWN_ROW reads all rows.
OWN_RELATED = "@request.auth.NAME_via_owner.id ?= item_id && data.owner = null"

# collection: (its list rule, its rule for update and delete)
OWNED: dict[str, tuple[str | None, str]] = {
    "posts": ("", OWN_ROW),
    "sealed": (None, OWN_ROW),
    "hidden": ("owner = 'nobody'", OWN_ROW),
    "cards": ("", OWN_RELATED),
    "drawer": (None, OWN_RELATED),
}


@pytest.fixture(scope="module")
def estate(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Collections under the recipes, each with a row of ann's, two of bob's and one of nobody's."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("estate") / "pocketbase"):
        callers = everybody(server)
        root = callers["superuser"]
        users = root("GET", "/api/collections/users").json()["id"]
        relation = {"name": "owner", "type": "relation", "collectionId": users, "maxSelect": 1}
        server.detach("items")
        for name, (list_rule, rule) in OWNED.items():
            owner = relation if rule is OWN_RELATED else {"name": "owner", "type": "text"}
            server.create_collection(name, [*ITEM_FIELDS, owner], listRule=list_rule, viewRule=list_rule)
            own = rule.replace("NAME", name)
            server.attach(name, allow=None, create_rule=OWN_NEW, update_rule=own, delete_rule=own)
            for who, row_id in (
                ("bob", "bob000000000001"),
                ("ann", "ann000000000001"),
                ("bob", "bob000000000002"),
            ):
                data = {"title": who, "owner": callers[who].user_id}
                callers[who].append("create", row_id, data, name, actor=callers[who].user_id)
            root.append("create", "nobody000000001", {"title": "nobody's"}, name)
        server.create_collection("members", ITEM_FIELDS, listRule="", viewRule="")
        server.attach("members", allow=SIGNED_IN)
        ann = callers["ann"]
        ann.append("create", "live00000000001", {"title": "intact"}, "members", actor=ann.user_id)
        assert server.worker().run_to_end(NEVER) is Step.IDLE
        yield House(server, callers, {})


@pytest.mark.slow
@pytest.mark.parametrize("collection", OWNED)
@pytest.mark.parametrize("who", CALLERS)
def test_the_owner_recipe_admits_the_owner_of_that_row_alone(estate: House, who: str, collection: str) -> None:
    rows = {row["id"]: row["owner"] for row in estate.callers["superuser"].records(collection)}
    assert rows.keys() >= {"bob000000000001", "ann000000000001", "bob000000000002", "nobody000000001"}
    client = estate.callers[who]
    for row_id, owner in {**rows, "nowhere00000001": ""}.items():
        own = bool(client.user_id) and owner == client.user_id
        for type_, data in (("update", {"title": "x"}), ("delete", None), ("delete", {})):
            append = {"type": type_, "collection": collection, "item_id": row_id, "data": data}
            admitted = own or who == "superuser"
            assert status_of_append(client, **append) == (200 if admitted else 400), (row_id, type_)


@pytest.mark.slow
@pytest.mark.parametrize("collection", OWNED)
@pytest.mark.parametrize("who", NO_SUPERUSERS)
def test_the_owner_recipe_lets_nobody_create_for_another_or_take_or_give_a_row(
    estate: House, who: str, collection: str
) -> None:
    client = estate.callers[who]
    others = [estate.callers[other].user_id for other in ("ann", "bob") if other != who]
    owners: list[Any] = [*others, "", None, [client.user_id], {}]
    data: list[Any] = [{"title": "x", "owner": owner} for owner in owners]
    with nothing_changes(estate.server):
        for value in (
            *data,
            {"title": "x"},
            {},
            None,
            [],
            f'"{client.user_id}"',
            [{"owner": client.user_id}],
        ):
            event = an_event(collection=collection, data=value, actor=client.user_id)
            is_refused(client, "POST", EVENTS, event)
            refuses(client("POST", EVENTS, data={**event, "data": json.dumps(value)}))
        for row_id in ("ann000000000001", "bob000000000001", "nobody000000001"):
            for owner in (client.user_id or "guest", *others, ""):
                event = an_event(
                    type="update", collection=collection, item_id=row_id, data={"owner": owner}, actor=client.user_id
                )
                is_refused(client, "POST", EVENTS, event)
                refuses(client("POST", EVENTS, data={**event, "data": json.dumps(event["data"])}))


@pytest.mark.parametrize("collection", OWNED)
def test_the_owner_recipe_is_not_fooled_by_a_key_given_twice_or_spelled_with_escapes(
    estate: House, collection: str
) -> None:
    ann, bob = (estate.callers[who].user_id for who in ("ann", "bob"))
    client = estate.callers["bob"]
    spellings = [
        f'{{"title": "x", "owner": "{bob}", "owner": "{ann}"}}',
        f'{{"title": "x", "owner": "{ann}", "owner": "{bob}"}}',
        f'{{"title": "x", "own\\u0065r": "{ann}", "owner": "{bob}"}}',
        f'{{"title": "x", "owner": "{bob}", "own\\u0065r": "{ann}"}}',
    ]
    events = [
        an_event(item_id=f"twice0000000{number:03d}", collection=collection, data=text, actor=bob)
        for number, text in enumerate(spellings)
    ]
    for event in events:
        client("POST", EVENTS, data=event)
    update = an_event(type="update", item_id="bob000000000001", collection=collection, actor=bob)
    for text in (f'{{"own\\u0065r": "{ann}"}}', f'{{"owner": null, "own\\u0065r": "{ann}"}}'):
        client("POST", EVENTS, data={**update, "data": text})
    assert estate.server.worker().run_to_end(NEVER) is Step.IDLE
    rows = {row["id"]: row["owner"] for row in estate.callers["superuser"].records(collection)}
    assert [row_id for row_id, owner in rows.items() if owner == ann] == ["ann000000000001"]


def test_ownership_is_judged_by_the_rows_as_they_are_when_the_event_is_appended(estate: House) -> None:
    ann = estate.callers["ann"]
    ann.append("create", "fresh0000000001", {"title": "x", "owner": ann.user_id}, "posts", actor=ann.user_id)
    update = {"type": "update", "collection": "posts", "item_id": "fresh0000000001", "data": {"title": "y"}}
    assert status_of_append(ann, **update) == 400
    assert estate.server.worker().run_to_end(NEVER) is Step.IDLE
    assert status_of_append(ann, **update) == 200


@pytest.mark.parametrize("type_", ["create", "update", "delete"])
@pytest.mark.parametrize("who", CALLERS)
def test_the_recipe_for_members_lets_guests_read_and_everybody_signed_in_append(
    estate: House, who: str, type_: str
) -> None:
    if who == "worker" and version_of(estate.server) < (0, 26):
        pytest.skip("beside NAME_via_owner rules, this PocketBase refuses every event of other auth collections")
    client = estate.callers[who]
    assert client.record("members", "live00000000001")["title"] == "intact"
    assert status_of_append(client, type=type_, collection="members") == (400 if who == "guest" else 200)


def test_an_alias_that_two_collections_rules_share_opens_neither_to_the_owners_of_the_other(
    server: Server,
) -> None:
    ann, bob, root = server.user("ann"), server.user("bob"), server.superuser()
    for name in ("letters", "notes", "tasks"):
        server.create_collection(name, [*ITEM_FIELDS, {"name": "owner", "type": "text"}])
        own = OWN_ROW.replace("NAME", f"{name}:own")
        with suppress(WrongUsageError):  # to refuse the second alias is one way to keep the door
            server.attach(name, allow=None, update_rule=own)
    row_id = "same00000000001"
    for name, owner in (("letters", bob), ("notes", ann), ("tasks", bob)):
        root.append("create", row_id, {"title": "x", "owner": owner.user_id}, name)
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    change = {"type": "update", "item_id": row_id, "data": {"title": "y"}}
    assert status_of_append(bob, **change, collection="notes") == 400
    assert status_of_append(ann, **change, collection="letters") == 400
    assert status_of_append(ann, **change, collection="tasks") == 400
    assert status_of_append(bob, **change, collection="letters") == 200
