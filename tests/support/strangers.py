"""Those who may answer at an address without being the PocketBase that is meant."""

import multiprocessing
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer

from support.every_command import COMMANDS, EITHER_WAY, WAITS


class Stranger(BaseHTTPRequestHandler):
    """A server of something else: one answer to every request."""

    answer = (200, "text/html", b"")

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        pass


class NotInHttp(BaseRequestHandler):
    """A server that greets in a protocol of its own, and hangs up."""

    def handle(self) -> None:
        with suppress(OSError):
            self.request.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


class Silent(BaseRequestHandler):
    """A server that takes the connection, and says nothing until the other side gives up."""

    def handle(self) -> None:
        with suppress(OSError):
            while self.request.recv(65536):
                pass


class Tcp(ThreadingTCPServer):
    """Threads that nobody waits for."""

    daemon_threads = True


def http(status: int, kind: str, body: bytes) -> TCPServer:
    """An HTTP server that answers like this."""
    handler = type("Answering", (Stranger,), {"answer": (status, kind, body)})
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def tcp(handler: type[BaseRequestHandler]) -> TCPServer:
    """A server that speaks no HTTP."""
    return Tcp(("127.0.0.1", 0), handler)


@contextmanager
def hangs_up() -> Iterator[str]:
    """The address of a server that resets each connection at once, as one does that crashes.

    It is a process that never pauses, so that it often resets before the client goes on.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        process = multiprocessing.get_context("fork").Process(target=_reset_all, args=[listener])
        process.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.kill()
            process.join()


def _reset_all(listener: socket.socket) -> None:
    listener.setblocking(False)
    while True:
        with suppress(BlockingIOError):
            listener.accept()[0].close()


ALL = tuple(name for name in COMMANDS if name != WAITS)

# By name: what answers (None: nobody), what is said of it, and which commands meet it.
STRANGERS: dict[str, tuple[Callable[[], TCPServer] | None, str, Sequence[str]]] = {
    "nobody": (None, "can't be reached", ALL),
    "another API": (lambda: http(404, "application/json", b'{"message": "Nope."}'), "no PocketBase", EITHER_WAY),
    "an API that agrees": (lambda: http(200, "application/json", b'{"ok": true}'), "no PocketBase", EITHER_WAY),
    "a web site": (lambda: http(200, "text/html", b"<p>Hello</p>"), "no PocketBase", EITHER_WAY),
    "a server in trouble": (lambda: http(500, "text/plain", b"Oops"), "status 500", EITHER_WAY),
    "an SSH server": (lambda: tcp(NotInHttp), "can't be reached", EITHER_WAY),
}


@contextmanager
def serving(server: TCPServer) -> Iterator[str]:
    """The address of a server that answers as long as the block lasts."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
