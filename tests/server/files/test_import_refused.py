"""Files and logs with which nothing is imported."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support import NAMES, NEVER, Server, head_of, is_held, item_id, live_rows
from support.command_line import cli
from support.exports import COUNT, events_of


def replaced(before: bytes, after: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """One byte of line 20 is another."""

    def edit(lines: list[bytes]) -> list[bytes]:
        edited = lines[19].replace(before, after, 1)
        assert edited != lines[19]
        return [*lines[:19], edited, *lines[20:]]

    return edit


BROKEN: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a byte of data": (replaced(b'"data": {"', b'"data": {"x'), "seq 20: changed"),
    "a byte of a hash": (replaced(b'", "id"', b'x", "id"'), "seq 20: its hash"),
    "a byte of a key": (replaced(b'"actor"', b'"akt0r"'), "line 20 is not an event"),
    "a byte that is no UTF-8": (replaced(b"item", b"ite\xff"), "line 20 is not an event: it is not UTF-8"),
    "a quote": (replaced(b'"', b"'"), "line 20 is not an event"),
    "a seq that is a text": (replaced(b'"seq": 20', b'"seq": "20"'), "line 20 is not an event"),
    "a seq that is true": (
        lambda lines: [lines[0].replace(b'"seq": 1,', b'"seq": true,'), *lines[1:]],
        "line 1 is not an event",
    ),
    "a type of another kind": (replaced(b'"type": "update"', b'"type": "upsert"'), "line 20 is not an event"),
    "a key twice": (replaced(b'{"actor"', b'{"actor": "", "actor"'), "line 20 is not an event"),
    "last line cut": (lambda lines: [*lines[:-1], lines[-1][:100]], "line 30 is not an event: it is cut off"),
    "a line cut": (lambda lines: [*lines[:19], lines[19][:100] + b"\n", *lines[20:]], "line 20 is not an event"),
    "a line removed": (lambda lines: [*lines[:19], *lines[20:]], "seq 20: gap"),
    "two lines swapped": (lambda lines: [*lines[:19], lines[20], lines[19], *lines[21:]], "seq 20: gap"),
    "a line twice": (lambda lines: [*lines[:20], *lines[19:]], "seq 20: duplicate"),
    "the beginning removed": (lambda lines: lines[1:], "seq 1: gap"),
    "another file": (lambda _: [b"# Shopping\n", b"\n", b"- Milk\n"], "line 1 is not an event"),
    "one document": (lambda lines: [b"[", b",".join(lines), b"]"], "line 1 is not an event"),
    "garbage": (lambda _: [random.Random(1).randbytes(10_000)], "line 1 is not an event"),
}


def assert_nothing_was_written(server: Server) -> None:
    assert events_of(server) == []
    assert head_of(server) == (0, "")
    assert not is_held(server)
    assert live_rows(server, NAMES) == {}


@pytest.mark.slow
@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_file_is_refused_and_nothing_is_written(server: Server, file: Path, exported: bytes, way: str) -> None:
    breaks, says = BROKEN[way]
    file.write_bytes(b"".join(breaks(exported.splitlines(keepends=True))))
    told = cli(server, "import", str(file), code=1).stderr
    assert "is damaged; nothing was imported" in told
    assert says in told
    assert len(told) < 5000
    assert_nothing_was_written(server)


def test_a_verdict_on_a_broken_file_is_json_if_asked_for(server: Server, file: Path, exported: bytes) -> None:
    file.write_bytes(exported[:-100])
    told = json.loads(cli(server, "import", str(file), "--json", code=1).stdout)
    assert told.keys() == {"ok", "events", "head", "problems"}
    assert [problem["seq"] for problem in told["problems"]] == [COUNT]
    assert told == json.loads(cli(server, "verify", "--file", str(file), "--json", code=1).stdout)


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", None])
def test_a_file_without_events_is_refused(server: Server, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "log.jsonl"
    if content is not None:
        file.write_bytes(content)
    told = cli(server, "import", str(file), code=2).stderr
    assert str(file) in told
    assert_nothing_was_written(server)


def test_a_folder_is_refused(server: Server, tmp_path: Path) -> None:
    assert str(tmp_path) in cli(server, "import", str(tmp_path), code=2).stderr
    assert_nothing_was_written(server)


def test_without_a_superuser_nothing_is_imported(server: Server, file: Path) -> None:
    told = cli(server, "import", str(file), code=2, POCKETBASE_SUPERUSER_PASSWORD="").stderr
    assert "POCKETBASE_SUPERUSER_PASSWORD" in told
    assert_nothing_was_written(server)


def test_a_log_that_has_events_is_not_imported_into(server: Server, file: Path) -> None:
    server.guest().append("create", item_id(1), {"title": "x"})
    server.worker().run_to_end(NEVER)
    before, head = events_of(server), head_of(server)
    told = cli(server, "import", str(file), code=1).stderr
    assert "has events already" in told
    assert "Nothing was changed" in told
    assert (events_of(server), head_of(server)) == (before, head)
    assert not is_held(server)
    assert live_rows(server, ("title",)) == {item_id(1): {"title": "x"}}


def test_an_export_that_ends_before_the_log_is_not_imported(recorded: Server, file: Path, exported: bytes) -> None:
    file.write_bytes(b"".join(exported.splitlines(keepends=True)[:20]))
    before = events_of(recorded)
    assert "has events already" in cli(recorded, "import", str(file), code=1).stderr
    assert events_of(recorded) == before
