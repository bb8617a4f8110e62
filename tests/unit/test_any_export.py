"""Any export is read, or told line by line."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import any_texts, json_values, numbers, scalars, sentence, texts

from pocketbase_events.core.events import EMPTY, Pending, Recorded, record
from pocketbase_events.jobs.verify import verify_file
from pocketbase_events.pb.export_file import BadLine, ExportFile, line_of
from pocketbase_events.pb.source import Page


def quiet(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
    del what, total
    yield from pages


@st.composite
def chains(draw: st.DrawFn) -> list[Recorded]:
    """A log of up to six events."""
    events: list[Recorded] = []
    head = EMPTY
    for number in range(draw(st.integers(1, 6))):
        type_ = draw(st.sampled_from(["create", "update", "delete"]))
        pending = Pending("", type_, draw(texts), draw(texts), draw(texts), "", damaged=False, schema_version="")
        event_id = str(UUID(int=draw(st.integers(0, 2**128 - 1)) & ~0xFF | number, version=4))
        events.append(record(pending, draw(json_values), head, event_id, f"2026-01-01 00:00:00.00{number}Z"))
        head = events[-1].head
    return events


def read_export(path: Path) -> list[Recorded | BadLine]:
    return [event for page in ExportFile(path).lines() for event in page]


@st.composite
def edits(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """What may happen to one byte, or to one line, of a file."""
    place = draw(st.integers(0, 10_000))
    byte = bytes([draw(st.integers(0, 255) | st.sampled_from(b'0123456789abcdefE+-."{}[],:\\\n\r\t \0u'))])
    how = draw(st.sampled_from(["replace", "insert", "remove", "remove a line", "double a line", "swap lines", "cut"]))

    def edit(content: bytes) -> bytes:
        at = place % len(content)
        lines = content.splitlines(keepends=True)
        line = place % len(lines)
        before, after = lines[:line], lines[line + 1 :]
        edited = {
            "replace": content[:at] + byte + content[at + 1 :],
            "insert": content[:at] + byte + content[at:],
            "remove": content[:at] + content[at + 1 :],
            "remove a line": b"".join(before + after),
            "double a line": b"".join([*before, lines[line], lines[line], *after]),
            "swap lines": b"".join([*before, *after[:1], lines[line], *after[1:]]),
            "cut": content[:at],
        }[how]
        # Nothing tells a log that was cut off between two lines from a shorter one.
        return content if edited and content.startswith(edited.rstrip(b"\n") + b"\n") else edited or content

    return edit


@given(chains(), edits())
def test_any_edit_of_an_export_is_found_or_leaves_the_very_same_events(
    tmp_path_factory: pytest.TempPathFactory, chain: list[Recorded], edit: Callable[[bytes], bytes]
) -> None:
    content = "".join(map(line_of, chain)).encode()
    path = tmp_path_factory.getbasetemp() / "edited.jsonl"
    path.write_bytes(content)
    assert verify_file(path, quiet).problems == []
    assert list(map(told, read_export(path))) == list(map(told, chain))
    path.write_bytes(edit(content))
    verdict = verify_file(path, quiet)
    for problem in verdict.problems:
        sentence(problem.reason)
    assert bool(verdict.problems) == (list(map(told, read_export(path))) != list(map(told, chain)))


def told(event: Recorded | BadLine) -> bytes:
    """What a line says, to the byte."""
    if isinstance(event, BadLine):
        return f"line {event.number}: {event.why}".encode()
    return rfc8785.dumps({**event.hashed, "hash": event.hash})


lines = st.one_of(
    any_texts.map(str.encode),
    st.binary(max_size=40),
    chains().map(lambda chain: line_of(chain[0]).strip().encode()),
    st.fixed_dictionaries({
        "actor": scalars, "collection": texts, "data": json_values, "event_id": texts | numbers, "hash": texts,
        "item_id": texts, "seq": scalars, "timestamp": texts,
        "type": st.sampled_from(["create", "update", "delete", "Create", "", None, []]),
    }).map(lambda event: json.dumps(event).encode()),
)  # fmt: skip


@given(st.lists(lines, max_size=6))
def test_each_line_of_any_file_is_an_event_or_its_flaw_is_explained(
    tmp_path_factory: pytest.TempPathFactory, given_lines: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.jsonl"
    path.write_bytes(b"\n".join(given_lines))
    found = read_export(path)
    for each in found:
        if isinstance(each, BadLine):
            assert 0 < each.number <= b"\n".join(given_lines).count(b"\n") + 1
            sentence(each.why)
        else:
            assert read_again(tmp_path_factory, each) == [told(each)]
    verdict = verify_file(path, quiet)
    for problem in verdict.problems:
        sentence(problem.reason)
    bad = sum(isinstance(each, BadLine) for each in found)
    assert verdict.events == len(found) - bad
    assert len(verdict.problems) >= bad


def read_again(folder: pytest.TempPathFactory, event: Recorded) -> list[bytes]:
    path = folder.getbasetemp() / "again.jsonl"
    path.write_text(line_of(event))
    return list(map(told, read_export(path)))
