"""A TCP proxy between a worker and PocketBase that does what networks do."""

import socket
import threading
from contextlib import suppress

CHUNK = 65536  # bytes


class Proxy:
    """Forwards to a port of this machine. `url` is where it listens."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._mute: set[socket.socket] = set()
        self._break: set[socket.socket] = set()
        self._streams: set[socket.socket] = set()
        self._drop_next_answer_to: bytes | None = None
        self.dropped = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def silence_streams(self) -> None:
        """Every realtime stream that is open now stays open, and nothing comes through it any more."""
        self._mute |= self._streams

    def drop_the_answer_to(self, request: bytes) -> None:
        """Forward the next request that begins like this, and break the connection instead of answering."""
        self._drop_next_answer_to = request

    def close(self) -> None:
        """Break every connection, take no more, and wait until all of it is over."""
        for opened in (self._listener, *self._sockets):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()  # no connection comes after this one
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for opened in (self._listener, *self._sockets):
            opened.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                server = socket.create_connection(self._target)
                self._sockets.append(server)
                for forward, one, other in ((self._up, client, server), (self._down, server, client)):
                    thread = threading.Thread(target=forward, args=(one, other), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK):
                if data.startswith(b"GET /api/realtime"):
                    self._streams.add(server)
                if self._drop_next_answer_to and data.startswith(self._drop_next_answer_to):
                    self._drop_next_answer_to = None
                    self._break.add(server)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if server in self._break:
                    # The answer is there, so what was asked for is done.
                    self.dropped.set()
                    client.shutdown(socket.SHUT_RDWR)
                    return
                if server not in self._mute:
                    client.sendall(data)
            client.shutdown(socket.SHUT_WR)
