"""Values, texts and sentences of any kind."""

import json
import re

from hypothesis import settings
from hypothesis import strategies as st

FEW = settings().max_examples // 20  # examples, where each is many a request

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)

# What PocketBase stores and shows is UTF-8, so no text that we read holds half a surrogate pair.
characters = st.characters(exclude_categories=("Cs",))
texts = st.text(characters, max_size=12)
words = st.text("abcXYZ_019", min_size=1, max_size=6)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def sentence(text: str, most: int = 5000) -> str:
    """The text, which is one that an author can read in one line and that the field `error` can hold."""
    assert " " in text.strip()
    assert "\n" not in text
    assert len(text) <= most
    return text


PIECES = [
    "{", "}", "[", "]", ",", ":", '"', '"a"', '"b":', "0", "-0", "-", "1", "1.0", "1e5", "1e400", "-1e999", "1E-999",
    "9" * 17, "9" * 400, "9007199254740993", "0.1", "01", "1.", ".5", "+1", "true", "false", "null", "NaN", "Infinity",
    "-Infinity", " ", "\n", "\t", "\0", "\\", "\\u0061", "\\ud83d\\ude00", "\\ud800", "\\udfff", '"\\ud800"',
    '{"a":1,"a":2}', "\u2028", "😀", "\ufeff", "//", "'", "\\x", "[" * 150, "]" * 150, '{"a":' * 150, "}" * 150,
    "[" * 5000,
]  # fmt: skip
json_texts = json_values.flatmap(
    lambda value: st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)])
)


@st.composite
def edited_texts(draw: st.DrawFn, texts_: st.SearchStrategy[str]) -> str:
    """A text in which pieces were put in, replaced, removed or doubled."""
    text = draw(texts_)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 6)))
        piece = draw(st.sampled_from(PIECES) | st.just(text[start:end] * 2) | texts)
        text = text[:start] + piece + text[end:]
    return text


nested = st.tuples(st.integers(150, 250), st.sampled_from(["[", '{"a":', '[{"a":'])).map(
    lambda case: case[1] * case[0] + "1" + "".join({"[": "]", "{": "}"}.get(c, "") for c in reversed(case[1] * case[0]))
)
any_texts = st.one_of(
    texts,
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    json_texts,
    edited_texts(json_texts),
    edited_texts(nested),
    nested,
)
