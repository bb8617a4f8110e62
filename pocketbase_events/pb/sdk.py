"""PocketBase's Python SDK, its requests sent our way and its errors made ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from pocketbase_events.errors import NotPocketBaseError, PocketBaseEventsError
from pocketbase_events.pb.answers import trouble_of
from pocketbase_events.pb.transport import Transport, no_pocketbase

TIMEOUT = 30.0  # seconds that an answer may take; changing the schema of many rows does
SENT_ON = ("authorization", "content-type", "accept-language")  # headers; the others are the transport's business


@contextmanager
def sdk(url: str) -> Iterator[PocketBase]:
    """The SDK's client for a PocketBase."""
    client = PocketBase(url, timeout=TIMEOUT, transport=_OurWay(url), trust_env=False)
    try:
        yield client
    finally:
        client.http_client.close()


def send(client: PocketBase, url: str, path: str, **config: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's own
    """One request through the SDK: its answer as JSON, its errors as ours.

    Raises:
        ClientResponseError: for a 4xx that the caller has to read.
        TroubleError: if PocketBase can't be reached or can't answer now.
    """
    try:
        answer = client.send(path, config)
    except ClientResponseError as error:
        raise our_error(error) or error from None
    if not isinstance(answer, dict) and config.get("method", "GET") == "GET":
        raise NotPocketBaseError(url=url, what="")
    return answer or {}


def our_error(error: ClientResponseError) -> PocketBaseEventsError | None:
    """What an error of the SDK is to us; None if it is an answer that the caller has to read."""
    if isinstance(error.original_error, PocketBaseEventsError):
        return error.original_error
    if error.status == 0:
        raise error.original_error or error
    return trouble_of(error.status, urlsplit(error.url).path)


class _OurWay(httpx.BaseTransport):
    """Sends what the SDK's HTTP library would send."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transport = Transport(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = str(request.url).removeprefix(self._url)
        answer = self._transport.send(
            request.method,
            path,
            answers_within=request.extensions["timeout"]["read"],
            headers={name: request.headers[name] for name in SENT_ON if name in request.headers},
            data=request.read(),
        )
        kind = answer.headers.get("Content-Type", "")
        if answer.content and not kind.startswith("application/json") and trouble_of(answer.status_code, path) is None:
            raise no_pocketbase(self._url, answer)
        return httpx.Response(answer.status_code, headers={"Content-Type": kind}, content=answer.content)

    def close(self) -> None:
        self._transport.close()
