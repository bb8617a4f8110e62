"""A .netrc is for other programs: it neither replaces our token nor is sent anywhere."""

import threading
from pathlib import Path

import pytest
from support import DEADLINE, Server

from pocketbase_events.pb.realtime import WakeUp


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home with a .netrc that knows a password for every host."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\ndefault login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("netrc")
def test_realtime_hears_of_events_all_the_same(server: Server) -> None:
    woken = threading.Event()
    waking = WakeUp(server.url, server.gateway().token, lambda _: woken.set())
    waking.start()
    try:
        assert woken.wait(DEADLINE), "the connection wakes it"
        woken.clear()
        server.worker_client().append("create", "milk00000000001", {"title": "Milk"})
        assert woken.wait(DEADLINE), "as a guest, it would hear of nothing"
    finally:
        waking.stop()
