"""The collection that most tests use."""

from typing import Any

ITEM_FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True},
    {"name": "qty", "type": "number"},
    {"name": "done", "type": "bool"},
    {"name": "note", "type": "text"},
]
EMPTY = {"title": "", "qty": 0, "done": False, "note": "", "deleted": False}  # a row that nothing was given to
NAMES = tuple(EMPTY)


def item_id(number: int) -> str:
    """The id of the item of that number."""
    return f"item{number:011d}"


def create(number: int) -> dict[str, Any]:
    """The event that creates the item of that number."""
    return {"type": "create", "item_id": item_id(number), "data": {"title": "x"}}
