"""Fill in the `seq` of rows that lack it: that of the last event that changed them."""

from pocketbase_events.core.schema import SEQ
from pocketbase_events.errors import ProblemError
from pocketbase_events.jobs.check import catch_up, find_drift
from pocketbase_events.jobs.hold import hold_of, holding
from pocketbase_events.jobs.rebuild.ways import numbering
from pocketbase_events.jobs.rebuild.writer import RowWriter
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.gateway import Gateway


def fill_in(seen: Gateway, superuser: Gateway, name: str, watch: Watch) -> int:
    """Set `seq` in the rows of an attached collection whose `seq` is not what the log says; returns in how many.

    Other fields stay. New events wait meanwhile. Interrupted, run it again. `seen` is PocketBase, seen as the worker.

    Raises:
        ProblemError: if PocketBase refuses a row.
        HeldError: if somebody else holds the head and does not let go.
        TroubleError: if PocketBase can't answer now.
    """
    before = superuser.status().seq
    drift = find_drift(superuser, [name], watch)
    ids = {each.id: None for each in drift.differences if SEQ in each.fields}
    held = hold_of(seen, "attach")
    with holding(held):
        catch_up(superuser, drift.fold, held.head.seq)
        # A worker that did not know of the field may have written rows since they were read.
        for page in superuser.log(before, held.head.seq, collection=name) if held.head.seq > before else ():
            ids |= {event.item_id: None for event in page}
        writer = RowWriter(superuser, held, superuser, drift)
        refused = writer.write([(name, item_id) for item_id in ids], numbering, watch)
    if refused:
        (_, item_id), why = next(iter(refused.items()))
        raise ProblemError(
            why=f"{len(refused)} rows of {name} could not be given their {SEQ}, {item_id} first: {why} Put that right,"
            f" then run: pocketbase-events attach {name} --seq"
        )
    return len(ids)
