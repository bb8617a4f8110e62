"""Logging in: as the worker, as a superuser, or as the worker on a superuser's behalf."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from pocketbase_events.errors import NotInstalledError, WrongUsageError
from pocketbase_events.pb.literals import literal
from pocketbase_events.pb.login import SUPERUSERS, WORKERS, Account, log_in, log_in_by_token
from pocketbase_events.pb.sdk import sdk, send
from pocketbase_events.settings import Settings

SUPERUSERS_ID = "pbc_3142635823"  # the id of the collection _superusers, the same in every PocketBase
IMPERSONATION = 86_400  # seconds that a token made by a superuser lives


def worker_token(settings: Settings) -> str:
    """A token of the worker's account: by its own password or, where only a superuser's is given, on its behalf.

    The superuser's token is dropped at once.

    Raises:
        WrongUsageError: when neither password is given.
        CredentialsRefusedError: when PocketBase refuses them.
        NotInstalledError: if the account does not exist.
        TroubleError: when PocketBase can't be reached or can't answer now.
    """
    if settings.worker_password is None:
        with superuser(settings) as client:
            return _impersonated(client, settings)
    worker = Account(settings.worker_email, settings.worker_password.get_secret_value(), WORKERS)
    return account_token(settings.url, worker)


def account_token(url: str, account: Account) -> str:
    """A token of an account, by its own password.

    Raises:
        CredentialsRefusedError: if PocketBase refuses it.
        TroubleError: if PocketBase can't be reached or can't answer now.
    """
    with sdk(url) as client:
        return log_in(client, url, account)


@contextmanager
def superuser(settings: Settings) -> Iterator[PocketBase]:
    """The SDK's client, logged in as the superuser of the settings.

    Raises:
        WrongUsageError: when neither its email and password nor its token is given.
        CredentialsRefusedError: when PocketBase refuses them.
        TroubleError: when PocketBase can't be reached or can't answer now.
    """
    if not settings.has_superuser:
        raise WrongUsageError(
            why="Set POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD, or POCKETBASE_SUPERUSER_TOKEN"
            " (or, for what needs no superuser, POCKETBASE_EVENTS_WORKER_PASSWORD)."
        )
    with sdk(settings.url) as client:
        if settings.superuser_token is not None:
            log_in_by_token(client, settings.url, settings.superuser_token.get_secret_value())
        elif settings.superuser_email is not None and settings.superuser_password is not None:
            password = settings.superuser_password.get_secret_value()
            log_in(client, settings.url, Account(settings.superuser_email, password, SUPERUSERS))
        yield client


def superuser_token(settings: Settings) -> str:
    """A token of the superuser.

    Raises:
        As `superuser` does.
    """
    with superuser(settings) as client:
        return str(client.auth_store.token)


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
    """The claims of a token; empty if it isn't one."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (LookupError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _impersonated(client: PocketBase, settings: Settings) -> str:
    try:
        accounts = send(
            client,
            settings.url,
            f"/api/collections/{WORKERS}/records",
            params={"filter": f"email = {literal(settings.worker_email)}", "perPage": 1},
        )
    except ClientResponseError:
        raise NotInstalledError(url=settings.url) from None  # the collection does not exist
    if not accounts.get("items"):
        raise NotInstalledError(url=settings.url)
    account = accounts["items"][0]["id"]
    path = f"/api/collections/{WORKERS}/impersonate/{account}"
    return str(send(client, settings.url, path, method="POST", body={"duration": IMPERSONATION})["token"])
