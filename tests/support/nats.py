"""A real NATS server, or a cluster of them, and what only other people do to a stream."""

import asyncio
import json
import signal
import subprocess
import sysconfig
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nats
from nats.js import JetStreamContext

from pocketbase_events.stream.messages import DEFAULT_STREAM
from support.ports import free_port
from support.waiting import eventually

BINARY = str(Path(sysconfig.get_path("scripts")) / "nats-server")


class Nats:
    """A nats-server with JetStream, in a folder of its own."""

    def __init__(self, folder: Path, port: int | None = None, **config: Any) -> None:
        self.port = port or free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        given = {"host": "127.0.0.1", "port": self.port, "jetstream": {"store_dir": str(folder / "js")}, **config}
        (folder / "nats.conf").write_text(json.dumps(given))

    def start(self) -> None:
        starts = self._starts()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [BINARY, "-c", str(self._folder / "nats.conf")], stdout=log, stderr=subprocess.STDOUT
            )
        eventually(lambda: self._starts() > starts, "nats-server's start")

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def _starts(self) -> int:
        log = self._folder / "log"
        return log.read_bytes().count(b"Server is ready") if log.exists() else 0


@contextmanager
def nats_server(folder: Path, **config: Any) -> Iterator[Nats]:
    server = Nats(folder, **config)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def nats_cluster(folder: Path) -> Iterator[list[Nats]]:
    """Three servers that are one cluster."""
    routes = [free_port() for _ in range(3)]
    found = [f"nats-route://127.0.0.1:{port}" for port in routes]
    servers = [
        Nats(
            folder / f"n{number}",
            server_name=f"n{number}",
            cluster={"name": "pbe", "listen": f"127.0.0.1:{port}", "routes": found},
        )
        for number, port in enumerate(routes)
    ]
    try:
        for server in servers:
            server.start()
        eventually(lambda: _has_leader(servers[0]), "the cluster's leader")
        yield servers
    finally:
        for server in servers:
            server.stop()


def _has_leader(server: Nats) -> bool:
    with suppress(Exception):
        at(server.url, lambda jetstream: jetstream.account_info())
        return True
    return False


def at(url: str, do: Callable[[JetStreamContext], Awaitable[Any]]) -> Any:
    """Do something to JetStream, as anyone who has a client can."""

    async def done() -> Any:
        connection = await nats.connect(url.split(","), allow_reconnect=False, connect_timeout=5)
        try:
            return await do(connection.jetstream())
        finally:
            await connection.close()

    return asyncio.run(done())


def last_of(url: str, stream: str = DEFAULT_STREAM) -> int:
    """The sequence of a stream's last message; 0 if there is no stream, or it can't be asked now."""
    try:
        return int(at(url, lambda jetstream: jetstream.stream_info(stream)).state.last_seq)
    except (nats.errors.Error, OSError):
        return 0


def leader_of(url: str, stream: str = DEFAULT_STREAM) -> str:
    """The name of the server that leads a stream; "" if none does, or it can't be asked now."""
    try:
        return at(url, lambda jetstream: jetstream.stream_info(stream)).cluster.leader or ""
    except (nats.errors.Error, OSError):
        return ""


def bodies_of(url: str, stream: str = DEFAULT_STREAM) -> list[tuple[int, str, dict[str, Any], dict[str, str]]]:
    """All messages of a stream: sequence, subject, what is in the body, and headers."""

    async def read(jetstream: JetStreamContext) -> list[Any]:
        last = (await jetstream.stream_info(stream)).state.last_seq
        return [await jetstream.get_msg(stream, seq) for seq in range(1, last + 1)]

    return [(each.seq, each.subject, json.loads(each.data), dict(each.headers or {})) for each in at(url, read)]
