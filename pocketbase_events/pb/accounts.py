"""Logging in: as the worker, as a superuser, or as the worker on a superuser's behalf."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from pocketbase_events.errors import (
    CredentialsRefusedError,
    NotInstalledError,
    PocketBaseEventsError,
    UnreachableError,
    WrongUsageError,
)
from pocketbase_events.pb.answers import trouble_of
from pocketbase_events.pb.literals import literal
from pocketbase_events.settings import Settings

WORKERS = "event_workers"
SUPERUSERS = "_superusers"
TIMEOUT = 30.0  # seconds that an answer may take; changing the schema of many rows does
LOGIN_TIMEOUT = 4.0  # seconds that logging in may take
IMPERSONATION = 86_400  # seconds that a token made by a superuser lives


def worker_token(settings: Settings) -> str:
    """A token of the worker's account: by its own password or, where only a superuser's is given, on its behalf.

    The superuser's token is dropped at once.

    Raises:
        WrongUsageError: when neither password is given.
        CredentialsRefusedError: when PocketBase refuses them.
        NotInstalledError: when there is no such account.
        TroubleError: when PocketBase can't be reached or can't answer now.
    """
    if settings.worker_password is None:
        with superuser(settings) as client:
            return _impersonated(client, settings)
    with _client(settings.url) as client:
        password = settings.worker_password.get_secret_value()
        return _log_in(client, WORKERS, settings.worker_email, password, settings.url)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with an email and a password in an auth collection of PocketBase."""

    email: str
    password: str = field(repr=False)
    collection: str = "users"


def account_token(url: str, account: Account) -> str:
    """A token of an account, by its own password.

    Raises:
        CredentialsRefusedError: if PocketBase refuses it.
        TroubleError: if PocketBase can't be reached or can't answer now.
    """
    with _client(url) as client:
        return _log_in(client, account.collection, account.email, account.password, url)


@contextmanager
def superuser(settings: Settings) -> Iterator[PocketBase]:
    """The SDK's client, logged in as the superuser of the settings.

    Raises:
        WrongUsageError: when its email or password is not given.
        CredentialsRefusedError: when PocketBase refuses them.
        TroubleError: when PocketBase can't be reached or can't answer now.
    """
    if settings.superuser_email is None or settings.superuser_password is None:
        raise WrongUsageError(
            why="Set POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD"
            " (or, for what needs no superuser, POCKETBASE_EVENTS_WORKER_PASSWORD)."
        )
    with _client(settings.url) as client:
        password = settings.superuser_password.get_secret_value()
        _log_in(client, SUPERUSERS, settings.superuser_email, password, settings.url)
        yield client


def superuser_token(settings: Settings) -> str:
    """A token of the superuser.

    Raises:
        As `superuser` does.
    """
    with superuser(settings) as client:
        return str(client.auth_store.token)


def send(client: PocketBase, url: str, path: str, **config: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's own
    """One request through the SDK: its answer as JSON, its errors as ours.

    Raises:
        ClientResponseError: for a 4xx that the caller has to read.
        TroubleError: when PocketBase can't be reached or can't answer now.
    """
    try:
        answer = client.send(path, config)
    except ClientResponseError as error:
        raise _ours(error, url) or error from None
    if not isinstance(answer, dict) and config.get("method", "GET") == "GET":
        raise UnreachableError(url=url, why="what answers there is no PocketBase")
    return answer or {}


def expires_at(token: str) -> float:
    """When a token ends, in seconds since 1970 by PocketBase's clock; 0 when it doesn't say."""
    try:
        return float(_claims(token)["exp"])
    except (LookupError, TypeError, ValueError, OverflowError):
        return 0.0


def owner_of(token: str) -> tuple[str, str]:
    """Whose token it is: the id of the auth collection, and of the record in it; empty if the token doesn't say."""
    claims = _claims(token)
    return str(claims.get("collectionId", "")), str(claims.get("id", ""))


def _claims(token: str) -> dict[str, Any]:
    """What a token says of itself; nothing if it is no token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (LookupError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


@contextmanager
def _client(url: str) -> Iterator[PocketBase]:
    client = PocketBase(url, timeout=TIMEOUT)
    try:
        yield client
    finally:
        client.http_client.close()


def _impersonated(client: PocketBase, settings: Settings) -> str:
    try:
        accounts = send(
            client,
            settings.url,
            f"/api/collections/{WORKERS}/records",
            params={"filter": f"email = {literal(settings.worker_email)}", "perPage": 1},
        )
    except ClientResponseError:
        raise NotInstalledError(url=settings.url) from None  # there is no such collection
    if not accounts.get("items"):
        raise NotInstalledError(url=settings.url)
    account = accounts["items"][0]["id"]
    path = f"/api/collections/{WORKERS}/impersonate/{account}"
    return str(send(client, settings.url, path, method="POST", body={"duration": IMPERSONATION})["token"])


def _log_in(client: PocketBase, collection: str, email: str, password: str, url: str) -> str:
    try:
        client.http_client.timeout = LOGIN_TIMEOUT
        token = client.collection(collection).auth_with_password(email, password).token
        client.http_client.timeout = TIMEOUT
    except ClientResponseError as error:
        ours = _ours(error, url)
        if ours is not None:
            raise ours from None
        if error.status == HTTPStatus.NOT_FOUND and collection == WORKERS and _is_pocketbase(client):
            raise NotInstalledError(url=url) from None
        if error.status == HTTPStatus.NOT_FOUND:
            raise UnreachableError(url=url, why="what answers there is no PocketBase 0.23 or newer") from None
        role = "worker" if collection == WORKERS else "superuser"
        variable = "POCKETBASE_EVENTS_WORKER_EMAIL" if collection == WORKERS else "POCKETBASE_SUPERUSER_EMAIL"
        raise CredentialsRefusedError(url=url, role=role, email=email, variable=variable) from None
    except (AttributeError, KeyError, TypeError):
        token = ""
    if not token:
        raise UnreachableError(url=url, why="what answers there is no PocketBase")
    return str(token)


def _is_pocketbase(client: PocketBase) -> bool:
    """Whether it is a PocketBase of 0.23 or newer, which has superusers, and nothing else."""
    try:
        answer = client.send(f"/api/collections/{SUPERUSERS}/auth-methods", {})
    except ClientResponseError:
        return False
    return isinstance(answer, dict) and "password" in answer


def _ours(error: ClientResponseError, url: str) -> PocketBaseEventsError | None:
    if error.status == 0:
        return UnreachableError(url=url, why=type(error.original_error).__name__)
    return trouble_of(error.status, urlsplit(error.url or "").path)
