"""Keep the total of all payments in a collection of its own, `totals`, itself under the log.

    pocketbase-events attach payments --create '@request.auth.id != ""'
    pocketbase-events attach totals --allow '@request.auth.collectionName = "event_workers"'
    python examples/running_total.py

`payments` has a number `amount` and admits only create events; `totals` has a json field `state`. The state holds the
total and the seq of the last payment in it, so both change in one event. That event's id is made of the payment's
seq, so a payment is never counted twice, whenever this program is killed.
"""

import math

from pocketbase_events import EventLog

ROW = "payments0000000"


def main() -> None:
    with EventLog.from_environment() as log:
        rows = log.rows("totals", ROW)
        state = rows[0]["state"] if rows else {"total": 0, "seq": 0}
        for payment in log.follow(state["seq"], collections=["payments"]):
            counted = {"total": state["total"] + payment.data["amount"], "seq": payment.seq}
            log.append(
                "update" if state["seq"] else "create",
                "totals",
                ROW,
                {"state": counted},
                id=f"total{payment.seq:010d}",
                within=math.inf,
            )
            state = counted


if __name__ == "__main__":
    main()
