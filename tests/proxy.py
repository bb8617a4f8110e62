"""A TCP proxy between a worker and PocketBase that does what networks do."""

import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

from support import free_port

CHUNK = 65536  # bytes
RESET = struct.pack("ii", 1, 0)  # closing a socket with this linger time resets the connection
TRICKLE = 0.005  # seconds between two bytes


class Proxy:
    """Forwards to a port of this machine. `url` is where it listens; `hits` counts what it did to the traffic."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self._address = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self._address[1]}"
        self._sockets: list[socket.socket] = []
        self._mute: set[socket.socket] = set()
        self._break: set[socket.socket] = set()
        self._streams: set[socket.socket] = set()
        self._drop_answers_to = (b"", 0)  # how a request begins, and how many answers are still to be dropped
        self._reset_requests_to = b""
        self._hold_up = (b"", 0)  # how a request begins, and how many of them still pass
        self._guard: Callable[[bytes], bytes | None] | None = None
        self._delay = 0.0
        self._away = (0.0, 0.0)
        self._trickles = self._swallows = False
        self._calm = threading.Event()  # set when delays and trickling are over
        self.dropped = threading.Event()
        self.held_up = threading.Event()
        self.hits = 0
        self._threads: list[threading.Thread] = []
        self._listen()

    @property
    def has_streams(self) -> bool:
        """Whether a realtime stream is open through which messages come."""
        return bool(self._streams - self._mute)

    # -- what networks do ----------------------------------------------------------------------------------

    def silence_streams(self) -> None:
        """Every realtime stream that is open now stays open, and nothing comes through it any more."""
        self.hits += len(self._streams - self._mute)
        self._mute |= self._streams

    def close_streams(self) -> None:
        """Close every realtime stream that is open now."""
        for stream in tuple(self._streams):
            self._streams.discard(stream)
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
                self.hits += 1

    def drop_the_answer_to(self, request: bytes, times: int = 1) -> None:
        """Forward the next requests that begin like this, and break the connection instead of answering."""
        self._drop_answers_to = (request, times)

    def reset_requests_to(self, request: bytes) -> None:
        """Reset the connection in the middle of each request that begins like this."""
        self._reset_requests_to = request

    def hold_up(self, request: bytes, after: int) -> None:
        """Let so many requests that begin like this pass. The next one waits until all is well, and is then broken."""
        self._calm.clear()
        self._hold_up = (request, after)

    def guard(self, answer_to: Callable[[bytes], bytes | None]) -> None:
        """Show each whole POST to this guard, and give its answer instead of forwarding, unless it is None."""
        self._guard = answer_to

    def delay_answers(self, seconds: float) -> None:
        """Hold each answer back for so long."""
        self._calm.clear()
        self._delay = seconds

    def be_far_away(self, seconds: float, jitter: float = 0.0) -> None:
        """Deliver what PocketBase answers so much later, give or take the jitter, in order and however much it is."""
        self._away = (seconds, jitter)

    def trickle(self) -> None:
        """Forward answers one byte at a time, slowly."""
        self._calm.clear()
        self._trickles = True

    def swallow(self) -> None:
        """Let everything that is sent either way vanish: no answer, no error. Those connections never recover."""
        self._swallows = True

    def refuse(self) -> None:
        """Break every connection, and refuse new ones."""
        self._stop_listening()
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self.hits += 1

    def be_well(self) -> None:
        """Forward everything again."""
        self._drop_answers_to, self._reset_requests_to, self._guard = (b"", 0), b"", None
        self._hold_up = (b"", 0)
        self._delay, self._away = 0.0, (0.0, 0.0)
        self._trickles, self._swallows = False, False
        self._calm.set()
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(self._address)
            self._listen()

    def close(self) -> None:
        """Break every connection, take no more, and wait until all of it is over."""
        self._calm.set()
        self._stop_listening()
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for opened in self._sockets:
            opened.close()

    # -- forwarding ----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        self._accepting = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._accepting.start()

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()  # no connection comes after this one
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._sockets.append(client)
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    client.close()
                    continue
                self._sockets.append(server)
                for pass_on, one, other in ((self._up, client, server), (self._down, server, client)):
                    thread = threading.Thread(target=self._forward, args=(pass_on, one, other), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _forward(self, pass_on: Callable[[socket.socket, socket.socket], None], *ends: socket.socket) -> None:
        """Pass on what one end sends until either has closed, and close both."""
        with suppress(OSError):
            pass_on(*ends)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(CHUNK):
            if self._guard is not None and data.startswith(b"POST "):
                data = _whole(client, data)
                answer = self._guard(data)
                if answer is not None:
                    self.hits += 1
                    client.sendall(answer)
                    continue
            if data.startswith(b"GET /api/realtime"):
                self._streams.add(server)
            drop, times = self._drop_answers_to
            if times and data.startswith(drop):
                self._drop_answers_to = (drop, times - 1)
                self._break.add(server)
            if self._is_held_up(data):
                return
            if self._reset_requests_to and data.startswith(self._reset_requests_to):
                self.hits += 1
                server.sendall(data[: len(data) // 2])
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
                return
            if not self._is_swallowed(server):
                server.sendall(data)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        road: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        delivering = threading.Thread(target=self._deliver, args=(road, client), daemon=True)
        delivering.start()
        try:
            while data := server.recv(CHUNK):
                if server in self._break:
                    # The answer is there, so what was asked for is done.
                    self.hits += 1
                    self.dropped.set()
                    return
                if server not in self._mute and not self._is_swallowed(server):
                    seconds, jitter = self._away
                    self.hits += bool(seconds)
                    road.put((time.monotonic() + seconds + random.uniform(-jitter, jitter), data))
        finally:
            road.put((0.0, b""))
            delivering.join()

    def _deliver(self, road: "SimpleQueue[tuple[float, bytes]]", client: socket.socket) -> None:
        """Send what comes along the road when it is due."""
        with suppress(OSError):
            while True:
                due, data = road.get()
                if not data:
                    return
                time.sleep(max(0.0, due - time.monotonic()))
                self._answer(client, data)

    def _answer(self, client: socket.socket, data: bytes) -> None:
        if self._delay:
            self.hits += 1
            self._calm.wait(self._delay)
        while self._trickles and data:
            self.hits += 1
            client.sendall(data[:1])
            data = data[1:]
            self._calm.wait(TRICKLE)
        client.sendall(data)

    def _is_held_up(self, data: bytes) -> bool:
        request, passing = self._hold_up
        if not request or not data.startswith(request):
            return False
        self._hold_up = (request, passing - 1)
        if passing > 0:
            return False
        self.hits += 1
        self.held_up.set()
        self._calm.wait()
        return True

    def _is_swallowed(self, server: socket.socket) -> bool:
        if self._swallows:
            self.hits += 1
            self._mute.add(server)
        return server in self._mute and server not in self._streams


def page(status: str) -> bytes:
    """An answer for people, as proxies and firewalls give it."""
    body = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>nginx</body></html>".encode()
    head = f"HTTP/1.1 {status}\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _whole(client: socket.socket, data: bytes) -> bytes:
    """A request to its end, this being its beginning."""
    head, _, _ = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    length = len(head) + 4 + int(found[1] if found else 0)
    while len(data) < length and (more := client.recv(CHUNK)):
        data += more
    return data
