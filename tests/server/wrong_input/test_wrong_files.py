"""Exports that are malformed, can't be read, or can't be written."""

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Server, check_log
from support.every_command import DONE, NOBODY, NOT_AS_ROOT, PROBLEM, VECTORS, WRONG_USAGE, told


def zipped() -> bytes:
    """A zip archive with an export in it."""
    with io.BytesIO() as archive:
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("log.jsonl", VECTORS.read_text())
        return archive.getvalue()


# By name: what the file holds, and what is said of it.
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "garbage": (lambda: random.Random(1).randbytes(5000), "line 1 is not an event: it is not UTF-8 text"),
    "JSON that is not an event": (
        lambda: b'{"a": 1}\n[1]\n3\nnull\n',
        "line 1 is not an event: it is not an object with",
    ),
    "a last line cut off": (lambda: VECTORS.read_bytes()[:-40], "line 11 is not an event: it is cut off"),
    "a gzip": (lambda: gzip.compress(VECTORS.read_bytes()), "compressed with gzip. Decompress it first: gunzip"),
    "a bzip2": (lambda: bz2.compress(VECTORS.read_bytes()), "compressed with bzip2"),
    "an xz": (lambda: lzma.compress(VECTORS.read_bytes()), "compressed with xz"),
    "a zip": (zipped, "a zip archive. Unpack it first: unzip"),
    "a database": (lambda: b"SQLite format 3\0" + bytes(84), "an SQLite database, not an export"),
    "a byte-order mark": (lambda: VECTORS.read_text().encode("utf-8-sig"), "begins with a byte-order mark"),
    "a line of 50 MB": (
        lambda: b'{"a": "' + b"x" * 50_000_000 + b'"}\n',
        "line 1 is not an event: it is not an object",
    ),
    "50 MB and no line": (lambda: b"x" * 50_000_000, "line 1 is not an event: it is cut off"),
    "UTF-16": (lambda: VECTORS.read_text().encode("utf-16"), "UTF-16 text, as PowerShell writes"),
    "UTF-16, big end first": (lambda: b"\xfe\xff" + VECTORS.read_text().encode("utf-16-be"), "UTF-16 text"),
    "NUL bytes": (lambda: bytes(10_000), "line 1 is not an event"),
    "NUL bytes at its end": (lambda: VECTORS.read_bytes() + bytes(4096), "line 12 is not an event"),
    "brackets": (lambda: b"[" * 100_000, "line 1 is not an event: data is nested"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "does"), [*((name, "verify") for name in FILES), ("garbage", "import"), ("a line of 50 MB", "import")]
)
def test_a_malformed_file_is_reported_line_by_line(ready: Server, tmp_path: Path, name: str, does: str) -> None:
    content, says = FILES[name]
    file = tmp_path / "log.jsonl"
    file.write_bytes(content())
    if does == "verify":
        told(["verify", "--file", str(file)], NOBODY, PROBLEM, says)
    else:
        said = told(["import", str(file)], ready.environment, PROBLEM, says).err
        assert "nothing was imported" in said
    file.unlink()


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n"], ids=["empty", "blank lines"])
def test_a_file_without_events_does_not_verify_and_is_not_imported(
    ready: Server, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(content)
    verdict = json.loads(told(["verify", "--file", str(file), "--json"], NOBODY, PROBLEM, "").out)
    assert (verdict["ok"], verdict["events"]) == (False, 0)
    assert "the file has no events" in verdict["problems"][0]["reason"]
    assert "export the log again" in told(["verify", "--file", str(file)], NOBODY, PROBLEM, "").err
    assert told(["import", str(file), "--json"], ready.environment, WRONG_USAGE, "has no events").out == ""


def test_a_verdict_on_a_malformed_file_is_one_json_document(ready: Server, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(gzip.compress(VECTORS.read_bytes()))
    verified = told(["verify", "--file", str(file), "--json"], NOBODY, PROBLEM, "")
    imported = told(["import", str(file), "--json"], ready.environment, PROBLEM, "nothing was imported")
    assert json.loads(verified.out) == json.loads(imported.out)
    assert json.loads(verified.out)["ok"] is False


UNREADABLE = {
    "nowhere": "{folder}/nothere.jsonl",
    "a folder": "{folder}",
    "below a file": f"{VECTORS}/log.jsonl",
    "without a name": "",
    "a name of 5000 characters": "x" * 5000,
    "a line break in its name": "{folder}/log\n.jsonl",
    **({"an error at reading": "/proc/self/mem"} if Path("/proc/self/mem").exists() else {}),
}


@pytest.mark.parametrize(
    ("path", "does"),
    [
        *((path, ["verify", "--file"]) for path in UNREADABLE),
        *((path, ["import"]) for path in ("nowhere", "a folder", "a name of 5000 characters")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_file_that_cannot_be_read_is_wrong_usage(ready: Server, tmp_path: Path, path: str, does: list[str]) -> None:
    named = UNREADABLE[path].format(folder=tmp_path)
    done = told([*does, named], ready.environment, WRONG_USAGE, named[:60])
    assert done.out == ""
    assert "can't be written" not in done.err


@NOT_AS_ROOT
@pytest.mark.parametrize("hidden", ["file", "folder"])
@pytest.mark.parametrize("does", [["verify", "--file"], ["import"]], ids=["verify", "import"])
def test_a_file_without_permission_is_wrong_usage(ready: Server, tmp_path: Path, does: list[str], hidden: str) -> None:
    file = tmp_path / "kept" / "log.jsonl"
    file.parent.mkdir()
    file.write_bytes(VECTORS.read_bytes())
    (file if hidden == "file" else file.parent).chmod(0)
    try:
        assert "written" not in told([*does, str(file)], ready.environment, WRONG_USAGE, "read").err
    finally:
        (file if hidden == "file" else file.parent).chmod(0o700)


def test_lines_that_end_as_on_windows_are_read(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(VECTORS.read_bytes().replace(b"\n", b"\r\n"))
    assert json.loads(told(["verify", "--file", str(file), "--json"], NOBODY, DONE, "").out)["events"] == 11
    told(["import", str(file), "--json"], server.environment, DONE, "not attached here")
    assert check_log(server).seq == 11


@pytest.mark.parametrize("where", ["{folder}/nowhere/log.jsonl", "{folder}", f"{VECTORS}/log.jsonl", "x" * 5000])
def test_an_export_that_cannot_be_written_is_reported(ready: Server, tmp_path: Path, where: str) -> None:
    told(["export", where.format(folder=tmp_path)], ready.environment, WRONG_USAGE, "can't be written")
    assert list(tmp_path.iterdir()) == []
