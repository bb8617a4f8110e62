"""A moment in the log, as options name it: a seq, or a time in any zone."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pocketbase_events.core.events import timestamp_of
from pocketbase_events.errors import WrongUsageError

MAX_DIGITS = 15  # of a seq; more are beyond the end of any log
MOMENT = "A seq, or a time: '2026-01-31 09:30', '2026-01-31 09:30 Europe/Berlin', '2026-01-31T09:30+01:00' (else UTC)."
_ZONED = re.compile(r"(.*[0-9]) ([A-Za-z][\w+-]*(?:/[\w+-]+)*)", re.ASCII)
_WHOLE_SECOND = re.compile(r".*[ T](\d\d:\d\d:\d\d|\d{6})([Z+-].*)?", re.ASCII | re.IGNORECASE)


def moment_of(option: str, text: str) -> int | str | None:
    """The seq or the timestamp that an option names; None for "".

    A time to the second means all of that second, so that a time read elsewhere, without its milliseconds, includes
    the event that it was read from.

    Raises:
        WrongUsageError: when it names neither.
    """
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return int(text.lstrip("0")[:MAX_DIGITS] or 0)
    zoned = _ZONED.fullmatch(text)
    time, zone = (zoned[1], _zone(zoned[2])) if zoned else (text, UTC)
    try:
        moment = datetime.fromisoformat(time)
        moment += timedelta(milliseconds=999 if _WHOLE_SECOND.fullmatch(time) else 0)
        return timestamp_of(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise WrongUsageError(why=f"{option} takes a seq or a time such as '2026-01-31 09:30', not {text}.") from None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongUsageError(
            why=f"This machine knows no time zone {name}. Give an offset instead: '2026-01-31 09:30+01:00'."
        ) from None
