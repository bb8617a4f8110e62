"""Text for a terminal: nothing in it that a terminal would obey, and lines that fit."""

import json
import re
import unicodedata

from rich.cells import cell_len, chop_cells

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str, keep: str = "") -> str:
    """The text with escapes instead of what is not printable, but for characters to keep.

    Control characters and what reorders text (bidirectional overrides) become what JSON has for them, so that a JSON
    document stays the same document. Spaces of all widths stay.
    """
    if text.isprintable():
        return text
    return "".join(char if char in keep or _is_harmless(char) else _escaped(char) for char in text)


def shown(value: object) -> str:
    """A JSON value as text for a table."""
    return printable(json.dumps(value, ensure_ascii=False))


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many cells. A word is broken only if no line has room for it."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in re.findall(r"\s*\S+|\s+$", text):
        if cell_len(lines[-1] + word) <= width:
            lines[-1] += word
            continue
        word = word.lstrip() if lines[-1] else word  # noqa: PLW2901 - the space is where the line ends
        pieces = chop_cells(word, width)
        lines = [*lines, *pieces] if lines[-1] else [*lines[:-1], *pieces]
    return lines


def _is_harmless(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return _SHORT.get(char) or "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
