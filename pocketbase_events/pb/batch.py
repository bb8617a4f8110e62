"""PocketBase's batch API: sending a transaction, and telling what its answer means as a whole.

The status is judged before the content, since it may come from a proxy, with a page for people.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests

from pocketbase_events.core.batch import label_of, reasons, uploads_in
from pocketbase_events.core.files import Upload
from pocketbase_events.core.json_text import Json, read_shown
from pocketbase_events.errors import (
    BatchDisabledError,
    BatchTooLargeError,
    OutcomeUnknownError,
    RateLimitedError,
    TroubleError,
    UnreachableError,
)
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.files import Content, Form

MAX_WORDS = 300  # characters of what somebody else says
_DISABLED = "Batch requests are not allowed."  # PocketBase's words (0.23 to 0.40)
_LIMITED = "Too Many Requests"
_FAILED = "Batch transaction failed."  # it names no request then: a time-out, a commit that failed, a late hook


@dataclass(frozen=True, slots=True)
class Failed:
    """The request of a batch that PocketBase refused, by its place, with the status and the body of its answer."""

    index: int
    status: int
    answer: Mapping[str, Any]

    @property
    def why(self) -> str:
        """What PocketBase says against it, field by field if it names any."""
        return reasons(self.answer.get("data") or {}) or str(self.answer.get("message") or f"status {self.status}")


def send_batch(
    connection: Connection,
    requests_: Sequence[Mapping[str, Any]],
    *,
    within: float | None = None,
    content: Callable[[Upload], Content] | None = None,
) -> Failed | None:
    """Send one transaction. None if it is committed; else the request that failed, all others being undone.

    Args:
        connection: PocketBase, seen as some account.
        requests_: what to do, as PocketBase's batch API takes it.
        within: seconds to wait for the answer, if not as long as the connection usually does.
        content: gives the content of the files that go with the requests.

    Raises:
        FileUnreadableError, FileChangedError: if a file can't be sent on. Nothing was sent.
        BatchDisabledError: if the batch API is switched off.
        BatchTooLargeError: if PocketBase, or a proxy before it, takes no transaction of this size.
        RateLimitedError: if the rate limiter refuses it, or one of its requests.
        OutcomeUnknownError: if nobody can tell what became of it: no answer, a time-out, a proxy's refusal.
        TroubleError: if the token can't be renewed.
    """
    connection.token()
    body = _form(requests_, content) if content is not None else None
    headers = {"Content-Type": body.content_type if body else "application/json"}
    data = body or _body(requests_)
    try:
        response = connection.request("POST", "/api/batch", data=data, headers=headers, within=within)
    except RateLimitedError:
        raise
    except UnreachableError as error:
        raise OutcomeUnknownError(why=str(error)) from None
    except TroubleError as error:
        raise OutcomeUnknownError(why=str(error), answered=True) from None
    return _judge(response, requests_)


def _form(requests_: Sequence[Mapping[str, Any]], content: Callable[[Upload], Content]) -> Form | None:
    """The batch as a form, if files go with its requests."""
    uploads = uploads_in(requests_)
    if not uploads:
        return None
    plain = [{key: value for key, value in request.items() if key != "files"} for request in requests_]
    return Form(_body(plain), uploads, content)


def _judge(response: requests.Response, requests_: Sequence[Mapping[str, Any]]) -> Failed | None:
    status, answer = response.status_code, _read(response)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise BatchTooLargeError(in_bytes=True)
    if response.ok and isinstance(answer, list):
        return None
    data = answer.get("data") if isinstance(answer, dict) else None
    failures = data.get("requests") if isinstance(data, dict) else None
    if not failures:
        message = answer.get("message") if isinstance(answer, dict) else None
        if message == _DISABLED:
            raise BatchDisabledError
        raise OutcomeUnknownError(
            why=_words(status, message, response), answered=True, failed_as_a_whole=message == _FAILED
        )
    index = next((int(key) for key in failures if key.isdigit()), None)
    if index is None:
        raise BatchTooLargeError(in_bytes=False)
    # Without a response, the request itself was found malformed (its address is too long, say).
    failure = failures[str(index)].get("response") or {"status": HTTPStatus.BAD_REQUEST, "data": failures[str(index)]}
    is_limited = failure.get("status") == HTTPStatus.TOO_MANY_REQUESTS
    if is_limited and str(failure.get("message")).startswith(_LIMITED):  # a hook that answers so has other words
        raise RateLimitedError(limit=label_of(requests_[index]), index=index)
    return Failed(index, int(failure.get("status", 0)), failure)


def _read(response: requests.Response) -> Json:
    """The JSON that was answered; None if it is something else."""
    try:
        return read_shown(response.content)
    except (ValueError, RecursionError):
        return None


def _words(status: int, message: object, response: requests.Response) -> str:
    """The words of an answer, for a sentence."""
    if message:
        return str(message)[:MAX_WORDS]
    kind = response.headers.get("content-type", "").split(";")[0]
    return (
        f"status {status}, with {kind or 'nothing'} instead of PocketBase's JSON. A proxy or firewall may be behind it."
    )


def _body(requests_: Sequence[Mapping[str, Any]]) -> bytes:
    """A batch as PocketBase reads it, and no longer than it was when a client sent it: json fields count bytes."""
    text = json.dumps({"requests": requests_}, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace")  # half a surrogate pair, which JSON writes the same way
