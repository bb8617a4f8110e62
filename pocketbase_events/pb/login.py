"""Logging in, and why PocketBase does not let somebody in: it is not always the password."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from pocketbase_events.errors import (
    CredentialsRefusedError,
    LoginRefusedError,
    NotInstalledError,
    NotPocketBaseError,
    PocketBaseEventsError,
    TokenRefusedError,
)
from pocketbase_events.pb.sdk import TIMEOUT, our_error, send

WORKERS = "event_workers"
SUPERUSERS = "_superusers"
LOGIN_TIMEOUT = 4.0  # seconds that logging in may take
SUPERUSER_TOKEN = "POCKETBASE_SUPERUSER_TOKEN"  # noqa: S105 - the variable's name
_ROLES = {
    WORKERS: ("worker", "POCKETBASE_EVENTS_WORKER_EMAIL"),
    SUPERUSERS: ("superuser", "POCKETBASE_SUPERUSER_EMAIL"),
}
_USER = ("user", "the email")
_NOT_FROM_HERE = "You are not allowed to perform this request."  # PocketBase's words to a superuser from elsewhere
_IP_LIST = "its settings name the addresses that superusers may come from (superuserIPs), and this is none of them."
_MFA = "it asks for a second factor (MFA). "
_MFA_ADVICE = {
    WORKERS: "Switch MFA off for the collection event_workers.",
    SUPERUSERS: f"Set {SUPERUSER_TOKEN} to a token of the superuser instead.",
}
_TOKEN_ADVICE = "In the admin UI, open the superuser's record in _superusers and choose Impersonate."  # noqa: S105


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with an email and a password in an auth collection of PocketBase."""

    email: str
    password: str = field(repr=False)
    collection: str = "users"


def log_in(client: PocketBase, url: str, account: Account) -> str:
    """Log the client in; the account's new token.

    Raises:
        CredentialsRefusedError: if PocketBase refuses the account.
        NotInstalledError: if the worker's collection is not there.
        TroubleError: if PocketBase can't be reached or can't answer now.
    """
    client.http_client.timeout = LOGIN_TIMEOUT
    try:
        token = client.collection(account.collection).auth_with_password(account.email, account.password).token
    except ClientResponseError as error:
        raise _why_not(client, url, account, error) from None
    except (AttributeError, KeyError, TypeError):
        token = ""
    client.http_client.timeout = TIMEOUT
    if not token:
        raise NotPocketBaseError(url=url, what="")
    return str(token)


def log_in_by_token(client: PocketBase, url: str, token: str) -> None:
    """Log the client in as the superuser whose token it is.

    Raises:
        TokenRefusedError: if PocketBase does not know it, or it is not a superuser's.
        TroubleError: if PocketBase can't be reached or can't answer now.
    """
    client.auth_store.save(token, None)
    try:  # PocketBase takes a wrong one for a guest's, without an error
        send(client, url, f"/api/collections/{SUPERUSERS}/auth-refresh", method="POST")
    except ClientResponseError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise _too_old(url) from None
        why = f"it has expired, was revoked, or is not a superuser's. {_TOKEN_ADVICE}"
        if _is_from_elsewhere(error):
            why = _IP_LIST
        raise TokenRefusedError(url=url, variable=SUPERUSER_TOKEN, why=why) from None


def _why_not(client: PocketBase, url: str, account: Account, error: ClientResponseError) -> PocketBaseEventsError:
    """Why PocketBase did not log an account in, by its name."""
    ours = our_error(error)
    if ours is not None:
        return ours
    role, variable = _ROLES.get(account.collection, _USER)
    if error.status == HTTPStatus.NOT_FOUND:
        is_set_up = account.collection != WORKERS
        return NotInstalledError(url=url) if not is_set_up and _is_pocketbase(client) else _too_old(url)
    why = str(_said(error).get("message") or f"status {error.status}.")
    if "mfaId" in _said(error):
        why = _MFA + _MFA_ADVICE.get(account.collection, "Use a token.")
    elif account.collection == SUPERUSERS and _is_from_elsewhere(error):
        why = _IP_LIST
    elif error.status == HTTPStatus.BAD_REQUEST:
        return CredentialsRefusedError(url=url, role=role, email=account.email, variable=variable)
    return LoginRefusedError(url=url, role=role, email=account.email, why=why)


def _is_from_elsewhere(error: ClientResponseError) -> bool:
    return error.status == HTTPStatus.FORBIDDEN and _said(error).get("message") == _NOT_FROM_HERE


def _said(error: ClientResponseError) -> dict[str, Any]:
    """What PocketBase said, if it was an object."""
    return error.data if isinstance(error.data, dict) else {}


def _is_pocketbase(client: PocketBase) -> bool:
    """Whether it is a PocketBase of 0.23 or newer, which has superusers, and nothing else."""
    try:
        answer = client.send(f"/api/collections/{SUPERUSERS}/auth-methods", {})
    except ClientResponseError:
        return False
    return isinstance(answer, dict) and "password" in answer


def _too_old(url: str) -> NotPocketBaseError:
    return NotPocketBaseError(url=url, what=" 0.23 or newer")
