"""Giving rejected events another chance."""

from collections.abc import Sequence

from pocketbase_events.errors import WrongUsageError
from pocketbase_events.pb.admin import Admin


def retry(admin: Admin, ids: Sequence[str], *, everything: bool) -> list[str]:
    """Make rejected events pending again, in the order in which they were appended; returns their ids.

    Raises:
        WrongUsageError: when an id is not that of a rejected event; nothing is changed then.
    """
    found = [event["id"] for event in admin.records("events", filter='seq = 0 && error != ""', sort="@rowid")]
    unknown = [record_id for record_id in ids if record_id not in found]
    if unknown:
        raise WrongUsageError(why=f"There is no rejected event {', '.join(unknown)}. See: pocketbase-events rejected")
    chosen = [record_id for record_id in found if everything or record_id in ids]
    admin.update_all("events", chosen, error="")
    return chosen
