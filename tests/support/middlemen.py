"""Those who may stand between us and PocketBase: HTTP and SOCKS proxies, and a server that speaks TLS for it."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

SOCKS_ACCEPTED = b"\x05\x00"
SOCKS_CONNECTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class Middleman(ThreadingTCPServer):
    """Listens on a port of its own. `asked` is what was asked for."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler: type[StreamRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.port = self.server_address[1]
        self.asked: list[str] = []
        self.refusal = b""  # sent instead of everything else
        self.tls: ssl.SSLContext | None = None
        self.target = 0  # port

    def handle_error(self, *_: object) -> None:
        """Connections break; that is what they do here."""


class HttpProxy(StreamRequestHandler):
    """Forwards requests and tunnels."""

    server: Middleman

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode().split(" ", 2)
        self.server.asked.append(f"{method} {target}")
        head = b""
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            head += b"" if line.lower().startswith((b"connection:", b"proxy-")) else line
        if self.server.refusal:
            self.wfile.write(self.server.refusal)
            return
        if method == "CONNECT":
            host, _, port = target.partition(":")
            with socket.create_connection((host, int(port))) as there:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                pipe(self.connection, there)
            return
        parts = urlsplit(target)
        with socket.create_connection((parts.hostname, parts.port or 80)) as there:
            path = target.partition(parts.netloc)[2]
            there.sendall(f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + head + b"\r\n")
            pipe(self.connection, there, already=self.rfile.peek() if b"content-length" in head.lower() else b"")


class SocksProxy(StreamRequestHandler):
    """Connects to wherever it is told to, as SOCKS5 has it, without a password."""

    server: Middleman

    def handle(self) -> None:
        _, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.wfile.write(SOCKS_ACCEPTED)
        *_, kind = self.rfile.read(4)
        host = socket.inet_ntoa(self.rfile.read(4)) if kind == 1 else self.rfile.read(self.rfile.read(1)[0]).decode()
        port = int.from_bytes(self.rfile.read(2))
        self.server.asked.append(f"{host}:{port}")
        with socket.create_connection((host, port)) as there:
            self.wfile.write(SOCKS_CONNECTED)
            pipe(self.connection, there)


class TlsFront(StreamRequestHandler):
    """Speaks TLS for a server that doesn't."""

    server: Middleman

    def handle(self) -> None:
        assert self.server.tls is not None
        with (
            self.server.tls.wrap_socket(self.connection, server_side=True) as secured,
            socket.create_connection(("127.0.0.1", self.server.target)) as there,
        ):
            pipe(secured, there)


def pipe(one: socket.socket, other: socket.socket, already: bytes = b"") -> None:
    """Pass on what either end sends, until one has closed."""

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    if already:
        other.sendall(already)
    back = threading.Thread(target=pass_on, args=(other, one), daemon=True)
    back.start()
    pass_on(one, other)
    back.join()


@contextmanager
def middleman(handler: type[StreamRequestHandler]) -> Iterator[Middleman]:
    """One that listens as long as the block lasts."""
    with Middleman(handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
