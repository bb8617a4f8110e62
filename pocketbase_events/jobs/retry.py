"""Giving rejected events another chance."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from pocketbase_events.jobs.rejected import find
from pocketbase_events.pb.admin import Admin, Record


def retry(admin: Admin, ids: Sequence[str], *, everything: bool) -> list[str]:
    """Make rejected events pending again, in the order in which they were appended. Returns their ids.

    A group is recorded or rejected as a whole, so all of it is retried with one of its events.

    Raises:
        WrongUsageError: if an id is not that of a rejected event; nothing is changed then.
    """
    groups = _groups(find(admin, ids))
    chosen = [record_id for group in groups if everything or {*group} & {*ids} for record_id in group]
    admin.update_all("events", chosen, error="")
    return chosen


def _groups(events: Sequence[Record]) -> Iterator[list[str]]:
    """The ids of the events, in order, those of a group together."""
    for (together, _), members in groupby(events, key=lambda event: (event["together"], event["actor"])):
        ids = [member["id"] for member in members]
        yield from [ids] if together else ([record_id] for record_id in ids)
