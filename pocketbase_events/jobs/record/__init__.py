"""Recording: the worker, and its parts.

`run` wires a worker, `worker` is its loop, and `trouble` says how long the loop waits after a failure. `recorder`
records one page; what may come of that is in `steps`. `drafts` makes transactions ready, `batch_size` decides how large
they are, `patience` how long to wait for the answer, `blame` and `refusals` which event is refused. `clock` compares
the time with PocketBase's, `presence` shows that a worker is there, `news` logs what was recorded, `observer` hears of
everything.
"""

from pocketbase_events.jobs.record.news import Tally
from pocketbase_events.jobs.record.recorder import Recorder
from pocketbase_events.jobs.record.run import run_worker, settle, work_through, worker
from pocketbase_events.jobs.record.steps import Step
from pocketbase_events.jobs.record.worker import Worker

__all__ = ["Recorder", "Step", "Tally", "Worker", "run_worker", "settle", "work_through", "worker"]
