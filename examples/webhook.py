"""Send every recorded event to a web address: none is missed, none is taken twice.

    python examples/webhook.py https://example.com/hook webhook.seq

The file keeps the seq of the last event that was taken. If this program is killed just before it writes that down,
it sends the event again, with the same Idempotency-Key: by that the receiver knows that it has it already.
"""

import sys
import time
from dataclasses import asdict
from pathlib import Path

import requests

from pocketbase_events import EventLog, Recorded


def is_taken(address: str, event: Recorded) -> bool:
    """Send an event, and tell whether it arrived."""
    headers = {"Idempotency-Key": event.event_id}
    try:
        requests.post(address, json=asdict(event), headers=headers, timeout=10).raise_for_status()
    except requests.RequestException as error:
        print(f"seq {event.seq} was not taken: {error}", file=sys.stderr)
        return False
    return True


def main(address: str, file: Path) -> None:
    last = int(file.read_text()) if file.exists() else 0
    with EventLog.from_environment() as log:
        for event in log.follow(last):
            while not is_taken(address, event):
                time.sleep(1)
            new = file.with_suffix(".new")
            new.write_text(str(event.seq))
            new.replace(file)  # whole or not at all


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
