"""What the program tells of its own life: through the standard library's logger `pocketbase_events`.

The package configures no logging and prints nothing: an application decides where the lines go. Each record has a
message for people, and the same as attributes: `event` (the name of what happened) and `facts` (a dict).
"""

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

LOGGER = "pocketbase_events"


def _as_record(_: object, __: str, entry: MutableMapping[str, Any]) -> dict[str, Any]:
    """Hand an entry to the standard library's logger."""
    event = entry.pop("event")
    words = " ".join((event, *(f"{name}={value}" for name, value in entry.items())))
    return {"msg": words, "extra": {"event": event, "facts": dict(entry)}}


logging.getLogger(LOGGER).addHandler(logging.NullHandler())  # or Python would print warnings to standard error
log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    logging.getLogger(LOGGER),
    processors=[structlog.stdlib.filter_by_level, _as_record],
    wrapper_class=structlog.stdlib.BoundLogger,
)
