"""Trouble with PocketBase: how long to wait before the next attempt, and what to say of it, once."""

from collections.abc import Callable

from pocketbase_events.errors import CredentialsRefusedError, PocketBaseEventsError, WrongClockError
from pocketbase_events.logs import log

FIRST_RETRY, LAST_RETRY = 0.25, 1.0  # seconds between two attempts
LOGIN_RETRY = 3.0  # seconds between two attempts to log in with what was refused; each costs PocketBase a bcrypt
TOLD_AGAIN_AFTER = 60.0  # seconds after which lasting or returning trouble is logged again


class Trouble:
    """What keeps the worker from recording, as long as it lasts.

    Args:
        timer: seconds, for durations.
    """

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._retry = FIRST_RETRY
        self._since = 0.0
        self._lasts = self._told = False
        self._told_at: dict[str, float] = {}  # by sentence, or its kind

    def met(self, error: PocketBaseEventsError, took: float = 0.0) -> float:
        """Note why an attempt failed that `took` so many seconds. How many to wait before the next one."""
        now, why = self._timer(), str(error)
        what = "clock" if isinstance(error, WrongClockError) else why  # whose sentence has the time
        if not self._lasts:
            self._lasts, self._since = True, now
        # Waiting for an answer that did not come was a pause, too.
        retry = max(FIRST_RETRY, self._retry - took)
        if isinstance(error, CredentialsRefusedError):
            retry = LOGIN_RETRY
        self._told_at = {told: at for told, at in self._told_at.items() if now - at < TOLD_AGAIN_AFTER}
        if what not in self._told_at:
            log.error("trouble", why=why, for_s=round(now - self._since, 1), retry_in_s=round(retry, 2))
            self._told, self._told_at[what] = True, now
        self._retry = min(2 * self._retry, LAST_RETRY)
        return retry

    def is_over(self) -> None:
        """Note that PocketBase did what was asked."""
        if self._told:
            log.info("recovered", after_s=round(self._timer() - self._since, 1))
        self._lasts = self._told = False
        self._retry = FIRST_RETRY
