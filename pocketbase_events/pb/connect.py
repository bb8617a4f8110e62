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
def source(settings: Settings, folder: Path | None) -> Iterator[Source]:
    """What reads the log and the rows: the database file where its folder is given, else the API."""
    if folder is None:
        with gateway(settings) as seen:
            yield seen
    else:
        with closing(Database(folder)) as database:
            yield database
