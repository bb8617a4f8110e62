"""Whatever clients wrote, a terminal shows it and obeys none of it."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support.strategies import json_values

from pocketbase_events.cli.text import printable, shown, wrapped

texts = st.text()  # lone surrogates included


@given(texts)
def test_nothing_in_a_text_is_obeyed_or_reorders_what_is_around_it(text: str) -> None:
    for char in printable(text):
        assert char.isprintable() or unicodedata.category(char) == "Zs"
    assert printable(printable(text)) == printable(text)


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs"))))
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@given(json_values)
def test_a_json_document_stays_the_same_document(value: object) -> None:
    document = printable(json.dumps(value, ensure_ascii=False))
    assert json.dumps(json.loads(document)) == json.dumps(value)
    assert document == shown(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\u001b[2J\\u001b]0;title\\u0007"),
        ("\x9b31m", "\\u009b31m"),  # the same as ESC [ to some terminals
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("\x7f\x00\x08", "\\u007f\\u0000\\u0008"),
        ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
        ("\u200f\ufeff\u2028", "\\u200f\\ufeff\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\udb40\\udc01"),
        ("Œufs 😀\u00a0€ 日本", "Œufs 😀\u00a0€ 日本"),
    ],
)
def test_what_is_not_printable_is_shown_as_json_has_it(text: str, says: str) -> None:
    assert printable(text) == says


def test_lines_may_be_kept() -> None:
    assert printable("one\ntwo\x1b", keep="\n") == "one\ntwo\\u001b"


@given(st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=80), st.integers(2, 30))
def test_wrapped_lines_fit_and_hold_all_that_is_not_space(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_are_broken_only_where_no_line_has_room_for_them() -> None:
    assert wrapped("so that words end where lines do", 10) == ["so that", "words end", "where", "lines do"]
    assert wrapped("an id0123456789 here", 8) == ["an", "id012345", "6789", "here"]
    assert wrapped("日本語 日本語", 7) == ["日本語", "日本語"]
