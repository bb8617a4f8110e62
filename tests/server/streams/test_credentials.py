"""How relay and replica get into NATS, and what they say if they don't. No secret is ever told."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nkeys
import pytest
import trustme
from support import Server
from support.command_line import assert_civil, cli
from support.commands import EXECUTABLE
from support.nats import Nats, nats_server
from support.replicas import WORKER_ONLY, catches_up, record_some, told

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[str]]
SECRET = "wrong-password"  # one of those that `assert_civil` looks for


def follows(primary: Server, copy: Server, nats: Nats, start: Start, **env: str) -> None:
    """A replica gets the log by these variables."""
    record_some(primary, 20)
    running = [start(server, name, nats.url, **env) for server, name in ((primary, "relay"), (copy, "replica"))]
    catches_up(copy, primary, *running)
    for process in running:
        assert_civil(told(process))


def gets_in(server: Server, nats: Nats, **env: str) -> None:
    """These variables are enough to ask for a stream."""
    assert "there is no stream pocketbase_events" in cli(server, "verify", "--nats", nats.url, code=3, **env).stderr


def test_a_user_and_a_password(primary: Server, copy: Server, tmp_path: Path, start: Start) -> None:
    account = {"user": "me", "password": SECRET}
    with nats_server(tmp_path / "nats", authorization=account) as nats:
        follows(primary, copy, nats, start, NATS_USER="me", NATS_PASSWORD=SECRET)
        for wrong in ({}, {"NATS_USER": "me", "NATS_PASSWORD": "sh0rt"}, {"NATS_TOKEN": "sh0rt"}):
            for name in ("relay", "verify"):
                arguments = ("relay", nats.url) if name == "relay" else ("verify", "--nats", nats.url)
                said = cli(primary, *arguments, code=3, **WORKER_ONLY, **wrong).stderr
                assert f"NATS at {nats.url} refused the credentials. Check NATS_USER and NATS_PASSWORD" in said
        said = cli(copy, "status", code=1).stderr
        assert "Nobody can tell how far this replica is behind: NATS at" in said


def test_an_nkey(primary: Server, tmp_path: Path) -> None:
    seed = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER)
    (tmp_path / "user.nk").write_bytes(seed)
    users: dict[str, Any] = {"users": [{"nkey": nkeys.from_seed(bytearray(seed)).public_key.decode()}]}
    with nats_server(tmp_path / "nats", authorization=users) as nats:
        gets_in(primary, nats, NATS_NKEY=str(tmp_path / "user.nk"))
    missing = cli(primary, "relay", "nats://127.0.0.1:1", code=2, NATS_NKEY=str(tmp_path / "no such"), **WORKER_ONLY)
    assert "which NATS_NKEY names, can't be read (No such file or directory)." in missing.stderr


def test_tls(primary: Server, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    tls = {"cert_file": str(tmp_path / "server.pem"), "key_file": str(tmp_path / "server.pem")}
    with nats_server(tmp_path / "nats", tls=tls) as nats:
        nats.url = nats.url.replace("nats://", "tls://")
        gets_in(primary, nats, NATS_CA=str(tmp_path / "ca.pem"))
        assert "certificate verify failed" in cli(primary, "verify", "--nats", nats.url, code=3).stderr


def test_without_nats_py_a_sentence_says_what_to_install(primary: Server, tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "__init__.py").write_text("raise ModuleNotFoundError('as if it were not there', name='nats')")
    done = subprocess.run(
        [EXECUTABLE, "relay", "nats://127.0.0.1:1"],
        env={**primary.environment, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "nats-py, which streams need, is not installed. Run: pip install 'pocketbase-events[nats]'" in done.stderr
