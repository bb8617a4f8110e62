"""Recording: the worker, and its parts.

`run` wires a worker, `worker` is its loop, `recorder` records one page, `drafts` makes transactions ready, `batch_size`
and `refusals` decide how large they are and which event is to blame, `trouble` how long to wait.
"""

from pocketbase_events.jobs.record.recorder import Recorder, Step, Tally
from pocketbase_events.jobs.record.run import run_worker, settle, work_through, worker
from pocketbase_events.jobs.record.worker import Worker

__all__ = ["Recorder", "Step", "Tally", "Worker", "run_worker", "settle", "work_through", "worker"]
