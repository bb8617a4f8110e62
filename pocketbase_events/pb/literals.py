"""Texts and names as PocketBase's filters and SQLite write them."""

import json


def literal(text: str) -> str:
    """A text in a filter."""
    return json.dumps(text, ensure_ascii=False)


def sql_name(name: str) -> str:
    """A table's name in SQL."""
    return '"' + name.replace('"', '""') + '"'
