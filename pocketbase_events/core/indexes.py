"""Indexes, as PocketBase keeps them: `CREATE UNIQUE INDEX … ON … (…) WHERE …`."""

import re

from pocketbase_events.core.schema import DELETED

_INDEX = re.compile(r"\s*create\s+(unique\s+)?index\s+(?:if\s+not\s+exists\s+)?([`\"\[]?)([\w.]+)", re.IGNORECASE)
_LIVE = f"`{DELETED}` = FALSE"


def index_name(index: str) -> str:
    """The name of an index."""
    found = _INDEX.match(index)
    return found[3] if found else index


def counts_deleted(index: str) -> bool:
    """Whether an index is unique and counts deleted rows, so that their values can't be used again."""
    found = _INDEX.match(index)
    return bool(found and found[1]) and not re.search(rf"\b{DELETED}\b", _split(index)[1])


def among_live(index: str) -> str:
    """The index without the rows that are marked as deleted, if it is unique and counts them."""
    if not counts_deleted(index):
        return index
    columns, condition = _split(index)
    # PocketBase before 0.36 takes no condition in parentheses: it gets some only if it needs them.
    condition = f"({condition})" if re.search(r"\bor\b", condition, re.IGNORECASE) else condition
    return f"{columns} WHERE {condition} AND {_LIVE}" if condition else f"{columns} WHERE {_LIVE}"


def sorts_by(index: str, column: str) -> bool:
    """Whether an index has all rows, in the order of this column."""
    columns, condition = _split(index)
    first = re.search(r"\(([^,)]*)", columns)
    return not condition and first is not None and re.findall(r"\w+", first[1].lower())[:1] == [column]


def finds_ids(index: str) -> bool:
    """Whether PocketBase finds an id by this index, however it is capitalised."""
    columns, condition = _split(index)
    return (
        not condition and re.search(r"\(\s*[`\"\[]?id[`\"\]]?\s+collate\s+nocase\b", columns, re.IGNORECASE) is not None
    )


def _split(index: str) -> tuple[str, str]:
    """An index up to the end of its columns, and its condition."""
    depth = 0
    for place, char in enumerate(index):
        depth += (char == "(") - (char == ")")
        if char == ")" and not depth:
            condition = re.match(r"\s*where\s+(.*)", index[place + 1 :], re.IGNORECASE | re.DOTALL)
            return index[: place + 1], condition[1].strip() if condition else ""
    return index, ""
