"""A trustworthy history for PocketBase: a hash-chained event log, and rows projected from it.

    from pocketbase_events import Account, EventLog

    with EventLog("http://127.0.0.1:8090", Account("ann@example.com", "her-password")) as log:
        event = log.append("create", "notes", new_id(), {"body": "Hello"})
        print(event.seq, event.hash)

These names are the public Python API; `pocketbase_events.testing` helps to test what is built on it. Everything else
may change from one version to the next. The package logs to `logging.getLogger("pocketbase_events")`, and configures
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pocketbase_events.core.events import Head, Recorded
    from pocketbase_events.core.undo import Conflict
    from pocketbase_events.errors import (
        AppendRefusedError,
        ContradictionError,
        CredentialsRefusedError,
        EventRejected,
        LogWentBackError,
        NotInstalledError,
        PocketBaseEventsError,
        StillPendingError,
        TroubleError,
        WrongUsageError,
    )
    from pocketbase_events.event_log import EventLog
    from pocketbase_events.jobs.append import NewEvent, new_id
    from pocketbase_events.jobs.take_back import Undone
    from pocketbase_events.pb.login import Account

__version__ = "0.1.0"
__all__ = [
    "Account",
    "AppendRefusedError",
    "Conflict",
    "ContradictionError",
    "CredentialsRefusedError",
    "EventLog",
    "EventRejected",
    "Head",
    "LogWentBackError",
    "NewEvent",
    "NotInstalledError",
    "PocketBaseEventsError",
    "Recorded",
    "StillPendingError",
    "TroubleError",
    "Undone",
    "WrongUsageError",
    "__version__",
    "new_id",
]

# Names are imported when they are used: it takes the command line half a second, in which Ctrl-C must be heard.
_ELSEWHERE = {
    "Account": "pb.login",
    "Conflict": "core.undo",
    "EventLog": "event_log",
    "Head": "core.events",
    "NewEvent": "jobs.append",
    "Recorded": "core.events",
    "Undone": "jobs.take_back",
    "new_id": "jobs.append",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
