"""The collections of a todo app: one attached, one of the same fields that is not, and what surrounds them."""

from typing import Any

from pocketbase_events.jobs.attach import carry_out
from pocketbase_events.jobs.attach_plan import Wish, plan
from pocketbase_events.jobs.targets import OWN_RULES, READ_RULES, RULES, installation
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
    """`todos` is attached, `plain_todos` and `lists` are not; four others are attached as well.

    Of those, `shared` lets every user read its history.
    """
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
    letter = [field for field in todo_fields(lists_id) if field["name"] in ("title", "count", "tags", "created")]
    server.create_collection("letterbox", letter)
    server.create_collection("plain_letterbox", letter, createRule="")
    for name in ("open", "letterbox"):
        server.attach(name, allow="")
    todos_id = server.superuser()("GET", "/api/collections/todos").json()["id"]
    of_todos = [
        {"name": name, "type": "relation", "collectionId": todos_id, "maxSelect": maximum}
        for name, maximum in (("todo", 1), ("todos", 5))
    ]
    server.create_collection("shared", [*title, *of_todos], **FOR_USERS)
    admin = server.admin()
    wish = Wish(rules=dict.fromkeys(RULES, SIGNED_IN), history=SIGNED_IN)
    carry_out(admin, plan(admin, installation(admin), "shared", wish))
