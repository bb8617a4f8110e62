"""Append again what was recorded after a backup was made that has now been restored.

    pocketbase-events export before.jsonl       # before you restore
    python examples/append_again.py before.jsonl

A superuser does this, given in the environment as for the command line. Events keep their ids, so one that is there is
not appended again, and you may run this as often as you like. They get new seqs, times and hashes. What they expected
of a row's seq (`expected_seq`) was met then, and is left out.
"""

import json
import os
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from pocketbase_events import EventLog

FIELDS = ("id", "type", "collection", "item_id", "data", "actor", "reason", "together")
Event = dict[str, Any]


def events_after(file: Path, seq: int) -> Iterator[list[Event]]:
    """The events of an export after this seq. Those that belong together come in one list."""
    events = (json.loads(line) for line in file.read_text().splitlines())
    missing = ({name: event.get(name) for name in (*FIELDS, "seq")} for event in events if event["seq"] > seq)
    for (together, *_), group in groupby(missing, lambda event: (event["together"] or event["seq"], event["actor"])):
        yield [{name: event[name] for name in FIELDS} for event in group if together]


def is_appended(client: PocketBase, events: list[Event]) -> bool:
    """Append events in one transaction; false if they are there already."""
    requests = [{"method": "POST", "url": "/api/collections/events/records", "body": event} for event in events]
    try:
        client.send("/api/batch", {"method": "POST", "body": {"requests": requests}})
    except ClientResponseError as error:
        if "validation_not_unique" in str(error.data) or "validation_pk_invalid" in str(error.data):
            return False
        raise
    return True


def main(file: Path) -> str:
    client = PocketBase(os.environ["POCKETBASE_URL"])
    email, password = (os.environ[f"POCKETBASE_SUPERUSER_{name}"] for name in ("EMAIL", "PASSWORD"))
    client.collection("_superusers").auth_with_password(email, password)
    with EventLog.from_environment() as log:
        found = list(events_after(file, common_head(log, file)))
    appended = sum(len(events) for events in found if is_appended(client, events))
    return f"Appended {appended} of {sum(map(len, found))} events."


def common_head(log: EventLog, file: Path) -> int:
    """The seq of the last event that the export and the log have in common: both have its hash."""
    hashes = {event["seq"]: event["hash"] for event in map(json.loads, file.read_text().splitlines())}
    common = 0
    for event in log.follow(0, until_head=True):
        if hashes.get(event.seq) != event.hash:
            break
        common = event.seq
    return common


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
