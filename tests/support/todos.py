"""The collections of a todo app: one attached, one of the same fields that is not, and what surrounds them."""

from typing import Any

from pocketbase_events.core.schema import SEQ, row_update_rule
from pocketbase_events.jobs.targets import OWN_RULES, READ_RULES
from support.server import Server

SIGNED_IN = '@request.auth.id != ""'
FOR_USERS = dict.fromkeys((*READ_RULES, *OWN_RULES), SIGNED_IN)
FOR_ALL = dict.fromkeys(READ_RULES, "")


def todo_fields(lists_id: str) -> list[dict[str, Any]]:
    """A field of nearly every type."""
    return [
        {"name": "title", "type": "text", "required": True, "max": 60},
        {"name": "slug", "type": "text"},
        {"name": "done", "type": "bool"},
        {"name": "count", "type": "number", "min": 0},
        {"name": "due", "type": "date"},
        {"name": "link", "type": "url"},
        {"name": "tags", "type": "select", "maxSelect": 3, "values": ["home", "work", "fun"]},
        {"name": "priority", "type": "select", "maxSelect": 1, "values": ["low", "high"]},
        {"name": "list", "type": "relation", "collectionId": lists_id, "maxSelect": 1},
        {"name": "lists", "type": "relation", "collectionId": lists_id, "maxSelect": 5},
        {"name": "meta", "type": "json"},
        {"name": "picture", "type": "file", "maxSelect": 1},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ]


def make_todos(server: Server) -> None:
    """`todos` is attached, `plain_todos` and `lists` are not; `closed`, `open` and `letterbox` are attached as well."""
    title = [{"name": "title", "type": "text"}]
    server.create_collection("lists", [{"name": "name", "type": "text"}], **FOR_USERS)
    lists_id = server.superuser()("GET", "/api/collections/lists").json()["id"]
    for name in ("todos", "plain_todos"):
        unique = f"CREATE UNIQUE INDEX idx_{name}_slug ON {name} (slug) WHERE slug != ''"
        server.create_collection(name, todo_fields(lists_id), indexes=[unique], **FOR_USERS)
    server.attach("todos", allow=SIGNED_IN)
    server.create_collection("closed", title, **dict.fromkeys(READ_RULES, SIGNED_IN))
    server.attach("closed", allow=None)
    server.create_collection("open", title, **FOR_ALL)
    server.create_collection("letterbox", title)
    for name in ("open", "letterbox"):
        server.attach(name, allow="")


def carry_seq(server: Server, name: str) -> None:
    """Have the rows of an attached collection carry the seq of the last event that changed them."""
    root = server.superuser()
    [target] = root.records("event_targets", filter=f'collection = "{name}"')
    if target["versioned"]:
        return
    server.edit_fields(name, lambda fields: fields.append({"name": SEQ, "type": "number", "onlyInt": True}))
    for path, change in (
        (f"/api/collections/{name}", {"updateRule": row_update_rule(versioned=True)}),
        (f"/api/collections/event_targets/records/{target['id']}", {"versioned": True}),
    ):
        answer = root("PATCH", path, json=change)
        assert answer.status_code == 200, answer.text
