"""Rejected events: which there are, and dismissing them."""

from collections.abc import Sequence

from pocketbase_events.errors import WrongUsageError
from pocketbase_events.pb.admin import Admin, Record

REJECTED = 'seq = 0 && error != ""'


def find(admin: Admin, ids: Sequence[str]) -> list[Record]:
    """All rejected events in the order of insertion, with id, together and actor. Their data may be unreadable.

    Raises:
        WrongUsageError: if one of `ids` is not that of a rejected event.
    """
    found = admin.records("events", filter=REJECTED, sort="@rowid", fields="id,together,actor")
    unknown = [record_id for record_id in ids if all(event["id"] != record_id for event in found)]
    if unknown:
        raise WrongUsageError(why=f"There is no rejected event {', '.join(unknown)}. See: pocketbase-events rejected")
    return found


def dismiss(admin: Admin, ids: Sequence[str], *, everything: bool) -> list[str]:
    """Delete rejected events: those named, or all. Returns their ids.

    Raises:
        WrongUsageError: if an id is not that of a rejected event; nothing is changed then.
    """
    chosen = [event["id"] for event in find(admin, ids) if everything or event["id"] in ids]
    admin.delete_all("events", chosen)
    return chosen
