"""`pocketbase_events.testing`, and that the package is quiet in somebody else's process."""

import subprocess
import sys

import pytest

from pocketbase_events import EventRejected, StillPendingError, new_id, testing
from pocketbase_events.errors import ProblemError

QUIET = """
import warnings; warnings.simplefilter("error")
from pocketbase_events import EventRejected, new_id, testing
with testing.sandbox() as pb:
    pb.collection("notes", [{"name": "body", "type": "text"}], allow="")
    with pb.log(pb.user()) as log:
        log.append("create", "notes", new_id(), {"body": "Hello"})
        try:
            log.append("create", "notes", new_id(), {"colour": "red"})
        except EventRejected:
            pass
"""


@pytest.mark.slow
def test_nothing_is_printed_by_a_log_and_a_worker_in_ones_own_process() -> None:
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, timeout=180, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_sandbox_has_the_log_users_and_attached_collections() -> None:
    with testing.sandbox() as pb, pb.log() as log, pb.log(pb.user("bob@example.com")) as bob:
        pb.collection("notes", [{"name": "body", "type": "text"}], allow='actor != ""')
        event = bob.append("create", "notes", new_id(), {"body": "Hello"})
        assert log.rows("notes") == [{"id": event.item_id, "body": "Hello", "deleted": False}]
        with pytest.raises(EventRejected, match="exists already"):
            bob.append("create", "notes", event.item_id, {"body": "Hello"})


@pytest.mark.slow
def test_waiting_until_nothing_is_pending_has_an_end() -> None:
    with testing.sandbox(worker=False) as pb, pb.log() as log, pb.log(pb.superuser) as root:
        pb.collection("notes", [{"name": "body", "type": "text"}])
        testing.wait_until_nothing_is_pending(log)
        with pytest.raises(StillPendingError):
            root.append("create", "notes", new_id(), {"body": "x"}, within=0)
        with pytest.raises(ProblemError, match="1 event is still pending"):
            testing.wait_until_nothing_is_pending(log, within=0.1)
