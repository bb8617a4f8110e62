"""Limits of fields, as somebody sets them in the admin UI."""

from collections.abc import Iterable
from typing import Any


def limit(fields: Iterable[dict[str, Any]], name: str, size: int) -> None:
    """Let a json field hold so many bytes."""
    next(field for field in fields if field["name"] == name)["maxSize"] = size
