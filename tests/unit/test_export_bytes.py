"""An export that is as it was verifies, and any changed byte of it is found."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from support.chains import VECTORS, pages

from pocketbase_events.core.events import Head
from pocketbase_events.jobs.verify import verify_file


def test_the_vectors_verify() -> None:
    verdict = verify_file(VECTORS, pages)
    last = json.loads(VECTORS.read_text().splitlines()[-1])
    assert verdict.problems == []
    assert (verdict.events, verdict.head) == (11, Head(11, last["hash"]))
    assert verdict.collections == {"shopping_items", "notes"}


def meaning(content: bytes) -> list[bytes] | None:
    """What the lines of an export say, however they are written; None when they are no JSON that has a dump."""
    try:
        return [rfc8785.dumps(json.loads(line)) for line in content.split(b"\n") if line.strip()]
    except ValueError:
        return None


@given(
    st.integers(0, VECTORS.stat().st_size - 1), st.integers(0, 255) | st.sampled_from(b'0123456789abcdef"{}[],:\\\n')
)
def test_any_changed_byte_of_an_export_is_found_unless_it_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    content = VECTORS.read_bytes()
    edited = content[:place] + bytes([byte]) + content[place + 1 :]
    file = tmp_path_factory.getbasetemp() / "edited.jsonl"
    file.write_bytes(edited)
    assert bool(verify_file(file, pages).problems) == (meaning(edited) != meaning(content))
