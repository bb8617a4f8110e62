"""Running a worker: beside a PocketBase, in any process, until it is stopped."""

import threading
import time
from datetime import UTC, datetime
from uuid import uuid4

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.record import patience
from pocketbase_events.jobs.record.heard import Heard
from pocketbase_events.jobs.record.observer import UNOBSERVED, Observer
from pocketbase_events.jobs.record.steps import Step
from pocketbase_events.jobs.record.worker import HOLD_INTERVAL, Worker
from pocketbase_events.logs import log
from pocketbase_events.pb.connect import gateway
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.realtime import WakeUp
from pocketbase_events.settings import Settings


def worker(seen: Gateway, observer: Observer = UNOBSERVED) -> Worker:
    """A worker with a real clock, timer and event ids."""
    return Worker(seen, now=lambda: datetime.now(UTC), new_id=uuid4, timer=time.monotonic, observer=observer)


def settle(recorder: Worker, stop: threading.Event) -> None:
    """Record until nothing is pending, even if others record too, or until `stop` is set."""
    while recorder.run_to_end(stop) in (Step.CONFLICT, Step.HELD) and not stop.wait(HOLD_INTERVAL):
        pass
    recorder.tell()


def run_worker(
    settings: Settings, stop: threading.Event, wake: threading.Event, observer: Observer = UNOBSERVED
) -> None:
    """Work until `stop` is set. Whoever sets it sets `wake` as well, or the worker notices seconds later.

    It waits for a PocketBase that is down, at the start as later.

    Raises:
        CredentialsRefusedError: at the start, if PocketBase refuses the credentials.
        WrongUsageError: if the settings lack them.
        NotInstalledError: at the start, if the event log is not set up.
    """
    with gateway(settings, answers_within=patience.USUAL) as seen:
        work_through(seen, settings.url, stop, wake, observer)


def work_through(
    seen: Gateway, url: str, stop: threading.Event, wake: threading.Event, observer: Observer = UNOBSERVED
) -> None:
    """Work until `stop` is set, through a gateway to the PocketBase at `url`."""
    try:
        seen.token()
    except TroubleError as error:
        log.warning("waiting_for_pocketbase", why=str(error))
        observer.trouble(str(error))

    heard = Heard(wake)
    wake_up = WakeUp(url, seen.token, heard.told, changed=observer.realtime)
    wake_up.start()
    try:
        worker(seen, observer).run(stop, wake, wake_up, heard)
    finally:
        wake_up.stop()
    log.info("stopped")
