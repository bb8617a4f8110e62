"""`/metrics` and `/health` over HTTP, in threads of their own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics

from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.monitor import Monitor

ENDS_WITHIN = 0.1  # seconds between two looks whether to end


@contextmanager
def serving(monitor: Monitor, host: str, port: int) -> Iterator[None]:
    """Answer requests for as long as the block lasts.

    Raises:
        WrongUsageError: if nothing can listen there.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    class Handler(_Handler):
        watched = monitor

    try:
        server = Server((host, port), Handler)
    except OSError as error:
        raise WrongUsageError(
            why=f"Nothing can listen on {host}:{port} ({error.strerror}). Stop what runs there, or choose another"
            " address with --metrics."
        ) from None
    thread = threading.Thread(target=server.serve_forever, args=(ENDS_WITHIN,), name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of the two paths."""

    watched: Monitor
    timeout = 5  # seconds, for the client that opens a connection and says nothing

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self.watched.renew()
            self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, self.watched.metrics())
        elif path == "/health":
            self.watched.renew()
            health = self.watched.health()
            status = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "text/plain; charset=utf-8", f"{health.sentence}\n".encode())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"See /metrics and /health.\n")

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Name no versions to strangers."""
        return "pocketbase-events"

    def log_message(self, *_: object) -> None:
        """Log no requests."""
