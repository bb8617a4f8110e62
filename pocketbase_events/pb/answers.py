"""The meaning of HTTP statuses, whichever client received them."""

from http import HTTPStatus

from pocketbase_events.errors import RateLimitedError, TroubleError


def trouble_of(status: int, path: str) -> TroubleError | None:
    """The error if a status says that PocketBase can't answer now; None if the answer is the caller's to read.

    Args:
        status: the HTTP status.
        path: what was asked for.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedError(limit=path)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TroubleError(why=f"it answered with status {status}.")
    return None
