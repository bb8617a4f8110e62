"""Tables: whole in a pipe; on a terminal as wide as it is, or record by record if it is too narrow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from pocketbase_events.cli.text import printable, wrapped

GAP = "  "
LEAST = 18  # cells that a column has at least when others need room
MOST_LINES = 6  # of a cell; --full shows all
CODES = {  # of the colours; a terminal has them in its own shades
    "bold": 1,
    "dim": 2,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "magenta": 35,
    "cyan": 36,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        whole: never wrapped or cut: ids, times, numbers.
        colours: of its cells, by their text; "" for all others.
    """

    name: str
    whole: bool = False
    colours: Mapping[str, str] = field(default_factory=dict)

    def colour_of(self, text: str) -> str:
        """The colour of a cell; "" for none."""
        return self.colours.get(text) or self.colours.get("", "")


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a table goes.

    Attributes:
        width: cells in a line; None if a line may have any length.
        colours: whether colours are shown.
        full: whether cells are shown to their end, however many lines that takes.
    """

    width: int | None
    colours: bool = False
    full: bool = False


def lines_of(columns: Sequence[Column], rows: Iterable[Sequence[str]], screen: Screen) -> Iterator[str]:
    """The lines of a table. Cells may hold anything."""
    cells = [[printable(cell) for cell in row] for row in rows]
    heads = [printable(column.name) for column in columns]
    widths = [max(map(_width, each)) for each in zip(heads, *cells, strict=True)]
    fitting = _fitting(columns, widths, screen.width)
    if fitting is None:
        yield from _records(columns, heads, cells, screen)
        return
    yield _line([_coloured(_padded(head, width), "bold", screen) for head, width in zip(heads, fitting, strict=True)])
    for row in cells:
        yield from _row(columns, row, fitting, screen)


def _fitting(columns: Sequence[Column], widths: list[int], room: int | None) -> list[int] | None:
    """The widths of the columns so that a line has room for all; None if it has not."""
    if room is None:
        return widths
    left = room - len(GAP) * (len(columns) - 1)
    left -= sum(width for column, width in zip(columns, widths, strict=True) if column.whole)
    flexible = sorted((width, at) for at, width in enumerate(widths) if not columns[at].whole)
    fitting = list(widths)
    for place, (width, at) in enumerate(flexible):  # the narrow ones first: what they don't need is for the others
        fitting[at] = min(width, left // (len(flexible) - place))
        left -= fitting[at]
    if left < 0 or any(fitting[at] < min(width, LEAST) for width, at in flexible):
        return None
    return fitting


def _row(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], screen: Screen) -> Iterator[str]:
    cells = [_cell(cell, width, screen) for cell, width in zip(row, widths, strict=True)]
    for at in range(max(map(len, cells))):
        parts = []
        for column, text, lines, width in zip(columns, row, cells, widths, strict=True):
            padded = _padded(lines[at] if at < len(lines) else "", width)
            parts.append(_coloured(padded, column.colour_of(text), screen))
        yield _line(parts)


def _cell(text: str, width: int, screen: Screen) -> list[str]:
    lines = [text] if screen.width is None else wrapped(text, width)
    if screen.full or len(lines) <= MOST_LINES:
        return lines
    last = lines[MOST_LINES - 1]
    return [*lines[: MOST_LINES - 1], last[:-1] + "…" if _width(last) >= width else last + "…"]


def _records(
    columns: Sequence[Column], heads: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen
) -> Iterator[str]:
    """Each row as a record of its own: a line for each cell that is not empty, with the name of the column.

    A row whose first cell is empty goes on with the record before it.
    """
    name_width = max(map(_width, heads))
    width = max((screen.width or 0) - name_width - len(GAP), LEAST)
    for place, row in enumerate(rows):
        if place and row[0]:
            yield ""
        for column, head, text in zip(columns, heads, row, strict=True):
            lines = [text] if column.whole else _cell(text, width, screen)
            for at, line in enumerate(lines if text else ()):
                name = _coloured(_padded("" if at else head, name_width), "bold", screen)
                yield _line([name, _coloured(line, column.colour_of(text), screen)])


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _coloured(text: str, colour: str, screen: Screen) -> str:
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if colour and screen.colours and text.strip() else text


def _line(parts: Iterable[str]) -> str:
    return GAP.join(parts).rstrip()
