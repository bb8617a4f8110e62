"""Tables: whole in a pipe; on a terminal as wide as that is, or record by record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pocketbase_events.cli.table import Column, Screen, lines_of

COLUMNS = (
    Column("id", whole=True),
    Column("when", whole=True),
    Column("kind", whole=True, colours={"create": "green"}),
    Column("from", colours={"": "red"}),
    Column("to"),
)
ID, WHEN = "abcdefghijklmno", "2026-01-31 09:30:00.500Z"
LONG = "a value of so many words that no line of a terminal has room for all of them, however wide it may be " * 6
ROWS = [(ID, WHEN, "create", "null", LONG), ("short", WHEN, "update", LONG, "1")]


def lines(width: int | None, *, rows: list[tuple[str, ...]] | None = None, full: bool = False) -> list[str]:
    return list(lines_of(COLUMNS, ROWS if rows is None else rows, Screen(width, full=full)))


def test_in_a_pipe_a_row_is_a_line_and_whole() -> None:
    assert len(lines(None)) == 1 + len(ROWS)
    assert lines(None)[1].split("  ")[-1].strip() == LONG.strip()
    assert lines(None)[1].startswith(f"{ID}  {WHEN}  create")
    assert lines(None)[2].index(WHEN) == lines(None)[1].index(WHEN)


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40])
def test_on_a_terminal_ids_and_times_are_whole_and_lines_fit(width: int) -> None:
    shown = lines(width)
    assert all(cell_len(line) <= width for line in shown)
    for whole in (ID, WHEN, "create"):
        assert any(whole in line for line in shown)


@pytest.mark.parametrize("width", [100, 60])
def test_long_values_are_cut_unless_they_are_asked_for_in_full(width: int) -> None:
    cut, full = "\n".join(lines(width)), "\n".join(lines(width, full=True))
    assert "…" in cut
    assert "…" not in full
    assert full.split().count("terminal") == 2 * LONG.split().count("terminal")


def test_what_is_too_wide_for_a_line_is_shown_record_by_record() -> None:
    columns = [Column(f"field{number}") for number in range(40)]
    row = [f"value {number}" for number in range(40)]
    shown = list(lines_of(columns, [row, row], Screen(100)))
    assert len(shown) == 2 * 40 + 1
    assert shown[39] == "field39  value 39"
    assert shown[40] == ""


def test_an_empty_cell_of_a_record_takes_no_line() -> None:
    assert lines(30, rows=[(ID, "", "create", "", "")]) == [f"id    {ID}", "kind  create"]


def test_a_row_without_a_first_cell_goes_on_with_the_record_before_it() -> None:
    shown = lines(30, rows=[(ID, "", "create", "", "1"), ("", "", "", "", "2"), ("other", "", "", "", "")])
    assert shown == [f"id    {ID}", "kind  create", "to    1", "to    2", "", "id    other"]


def test_a_table_without_rows_is_its_heading() -> None:
    assert lines(100, rows=[]) == ["id  when  kind  from  to"]


def test_colours_are_for_terminals_that_have_them() -> None:
    coloured = "\n".join(lines_of(COLUMNS, ROWS, Screen(100, colours=True)))
    assert "\x1b[32mcreate\x1b[0m" in coloured
    assert "\x1b" not in "\n".join(lines(100))


@given(st.lists(st.tuples(*[st.text(max_size=30)] * 5), max_size=4), st.none() | st.integers(20, 120))
def test_whatever_cells_hold_no_line_is_torn_or_obeyed(rows: list[tuple[str, ...]], width: int | None) -> None:
    for line in lines(width, rows=rows):
        assert all(char.isprintable() or char.isspace() for char in line)
        assert "\n" not in line
    if width is None:
        assert len(lines(None, rows=rows)) == 1 + len(rows)
