"""Append again what was recorded after a backup was made that has now been restored.

    pocketbase-events export before.jsonl       # before you restore
    python examples/append_again.py before.jsonl

It needs a superuser, set in the environment as for the command line. Events keep their ids, so an event that exists is
not appended again, and you can run this as often as you like. They get new seqs, times and hashes. What they expected
of a row's seq (`expected_seq`) was met then, and is left out.
"""

import json
import os
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from pocketbase import PocketBase
from pocketbase.errors import ClientResponseError

from pocketbase_events import EventLog

FIELDS = ("id", "type", "collection", "item_id", "data", "actor", "reason", "together")
Event = dict[str, Any]


def in_common(log: EventLog, exported: list[Event]) -> int:
    """How many events at the beginning the export and the log have in common, by their hashes."""
    pairs = zip(log.follow(until_head=True), exported, strict=False)
    return next((place for place, (ours, theirs) in enumerate(pairs) if ours.hash != theirs["hash"]), log.head().seq)


def is_appended(client: PocketBase, events: list[Event]) -> bool:
    """Append events in one transaction; false if they are there already."""
    bodies = [{name: event.get(name) for name in FIELDS} for event in events]
    requests = [{"method": "POST", "url": "/api/collections/events/records", "body": body} for body in bodies]
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
    exported = [json.loads(line) for line in file.read_text().splitlines()]
    with EventLog.from_environment() as log:
        missing = exported[in_common(log, exported) :]
    groups = groupby(missing, lambda event: (event.get("together") or event["seq"], event["actor"]))
    appended = sum(len(group) for _, each in groups if is_appended(client, group := list(each)))
    return f"Appended {appended} of {len(missing)} events."


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
