"""Move an amount from one account to another: both change or neither, and each transfer is made once.

    pocketbase-events attach accounts --allow '@request.auth.collectionName = "event_workers"'
    python examples/transfer.py invoice-17 ann000000000000 bob000000000000 12.5

`accounts` has a number `balance` that is at least 0, so PocketBase refuses what would overdraw an account. The amount
is added and subtracted by modifiers, so transfers at the same time lose nothing. The ids of the two events are made of
the transfer's name, so running this again with the same name, after a crash say, moves nothing twice. To take the
transfer back: pocketbase-events undo --together invoice-17
"""

import hashlib
import sys

from pocketbase_events import EventLog, EventRejected, NewEvent


def main(name: str, giver: str, taker: str, amount: float) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:14]
    reason = f"transfer of {amount:g} from {giver} to {taker}"
    events = [
        NewEvent("update", "accounts", giver, {"balance-": amount}, id=f"{digest}1", reason=reason),
        NewEvent("update", "accounts", taker, {"balance+": amount}, id=f"{digest}2", reason=reason),
    ]
    with EventLog.from_environment() as log:
        try:
            first, second = log.append_together(events, together=name)
        except EventRejected as rejected:
            return f"Nothing was moved: {rejected}"
        return f"Moved: seq {first.seq} and {second.seq}."


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
