"""Addresses and folders that `serve` can't use."""

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from support import Server, free_port
from support.every_command import NOBODY, NOT_AS_ROOT, PROBLEM, WRONG_USAGE, told

LISTENING: list[tuple[str, str]] = [
    ("nonsense", "--http takes HOST:PORT"),
    ("", "--http takes HOST:PORT"),
    ("127.0.0.1:-1", "--http takes HOST:PORT"),
    ("127.0.0.1:65536", "--http takes HOST:PORT"),
    ("http://127.0.0.1:{free}", "--http takes HOST:PORT"),
    ("127.0.0.1:{free}/path", "--http takes HOST:PORT"),
    ("me@127.0.0.1:{free}", "--http takes HOST:PORT"),
    ("127.0.0.1:{taken}", "Nothing can listen on 127.0.0.1"),
    ("192.0.2.1:{free}", "Nothing can listen on 192.0.2.1"),
]


@pytest.mark.parametrize(("address", "says"), LISTENING, ids=[address for address, _ in LISTENING])
def test_if_serve_cannot_listen_it_says_so_and_writes_nothing(
    ready: Server, tmp_path: Path, address: str, says: str
) -> None:
    at = address.format(free=free_port(), taken=ready.port)
    assert told(["serve", "--http", at, "--dir", str(tmp_path / "data")], NOBODY, WRONG_USAGE, says).out == ""
    assert list(tmp_path.iterdir()) == []


@NOT_AS_ROOT
def test_a_port_that_only_root_may_use_is_reported(tmp_path: Path) -> None:
    with suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", 1))
        pytest.skip("anybody may listen there")
    told(["serve", "--http", "127.0.0.1:1", "--dir", str(tmp_path / "x")], NOBODY, WRONG_USAGE, "Nothing can listen")


# By name: what is in serve's folder, the exit code, and what is said.
KEPT: dict[str, tuple[str, bytes, int, str]] = {
    "a file in its place": ("", b"", WRONG_USAGE, "--dir"),
    "credentials that are no JSON": ("credentials.json", b"not JSON", WRONG_USAGE, "--dir"),
    "a database that is none": ("data/data.db", b"no database at all\n" * 100, PROBLEM, "not a database"),
    "a file where the data goes": ("data", b"", PROBLEM, "PocketBase did not start"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_folder_that_serve_cannot_use_is_reported(tmp_path: Path, name: str) -> None:
    inside, content, code, says = KEPT[name]
    file = tmp_path / "data" / inside
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    address = f"127.0.0.1:{free_port()}"
    assert told(["serve", "--http", address, "--dir", str(tmp_path / "data")], NOBODY, code, says).out == ""
