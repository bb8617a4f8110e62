"""The way to PocketBase: as the worker, as a superuser, or to its database file."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pocketbase_events.pb.accounts import superuser_token, worker_token
from pocketbase_events.pb.connection import ANSWERS_WITHIN, Connection
from pocketbase_events.pb.database import Database
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Source
from pocketbase_events.settings import Settings


@contextmanager
def gateway(settings: Settings, *, answers_within: float = ANSWERS_WITHIN) -> Iterator[Gateway]:
    """PocketBase, seen as the worker."""
    connection = Connection(settings.url, lambda: worker_token(settings), answers_within=answers_within)
    with closing(connection):
        yield Gateway(connection)


@contextmanager
def superuser_gateway(settings: Settings) -> Iterator[Gateway]:
    """PocketBase, seen as the superuser."""
    with closing(Connection(settings.url, lambda: superuser_token(settings))) as connection:
        yield Gateway(connection)


@contextmanager
def superuser_if_given(settings: Settings) -> Iterator[Gateway | None]:
    """PocketBase, seen as the superuser; None if the settings name none."""
    if not settings.has_superuser:
        yield None
        return
    with superuser_gateway(settings) as superuser:
        yield superuser


@contextmanager
def appending(settings: Settings) -> Iterator[Connection]:
    """PocketBase, seen as the superuser if there is one, else as the worker: who appends is the events' actor."""
    log_in = superuser_token if settings.has_superuser else worker_token
    with closing(Connection(settings.url, lambda: log_in(settings))) as connection:
        yield connection


@contextmanager
def log_source(settings: Settings, folder: Path | None) -> Iterator[Source]:
    """Reads the log: in the database file if its folder is given, else as the worker."""
    if folder is None:
        with gateway(settings) as seen:
            yield seen
    else:
        with closing(Database(folder)) as database:
            yield database


@contextmanager
def row_source(settings: Settings, folder: Path | None) -> Iterator[Source]:
    """Reads log and rows: in the database file if its folder is given, else as the superuser if there is one.

    For the worker, PocketBase evaluates the owner's list rule, which can take minutes if it joins collections.
    """
    with superuser_if_given(settings) as superuser:
        if superuser is not None and folder is None:
            yield superuser
            return
        with log_source(settings, folder) as seen:
            yield seen
