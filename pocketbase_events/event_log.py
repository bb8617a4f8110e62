"""The public face for programs: one PocketBase's event log, seen by one account.

One class, since all of it is about the same two things, an address and an account, and what an account may do is
PocketBase's to decide. What each method does is a job of its own in `jobs`; here they are only wired.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

from pocketbase_events.core.events import EventType, Head, Recorded, timestamp_of
from pocketbase_events.core.groups import MAX_GROUP, TOO_LARGE
from pocketbase_events.core.json_text import Json
from pocketbase_events.errors import TroubleError, WrongUsageError
from pocketbase_events.jobs import history as past
from pocketbase_events.jobs.append import NewEvent, append, new_id
from pocketbase_events.jobs.follow import STOPS_WITHIN, follow, listening
from pocketbase_events.jobs.record import patience, work_through
from pocketbase_events.jobs.revert import propose_revert
from pocketbase_events.jobs.take_back import Proposal, Undone, carry_out, expect_unchanged
from pocketbase_events.jobs.undo import propose_undo
from pocketbase_events.jobs.watch import unwatched
from pocketbase_events.pb.accounts import SUPERUSERS_ID, account_token, owner_of, worker_token
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.login import Account
from pocketbase_events.pb.realtime import SETTLED, Record, WakeUp
from pocketbase_events.settings import read_settings

APPENDS_WITHIN = 30.0  # seconds
WORKERS_ID = "pbe_workers_001"  # the collection event_workers, the same in every PocketBase


class EventLog:
    """The event log of one PocketBase, seen by one account. Threads may share it.

    Whoever may append events appends with `append`. Reading the log (`head`, `pending`, `follow`, `history`, `rows`)
    takes the worker's account or a superuser; `run_worker` takes the worker's.

    Close it when done, or use it in a `with` statement. Nothing is sent before it is needed.

    Args:
        url: PocketBase's address, for example `http://127.0.0.1:8090`.
        account: an email and a password, a token, or a function that gives a new token whenever one is needed.

    Raises:
        WrongUsageError: if `url` is not an address.
    """

    def __init__(self, url: str, account: Account | str | Callable[[], str]) -> None:
        self.url = read_settings(url=url).url
        self._connection = Connection(self.url, lambda: _token(self.url, account))
        self._waiting: dict[str, threading.Event] = {}  # those who wait for an event, by its id
        self._wake_up: WakeUp | None = None
        self._starting = threading.Lock()

    @classmethod
    def from_environment(cls) -> Self:
        """The log that the command line uses: `POCKETBASE_URL`, and the worker's account.

        Its password is `POCKETBASE_EVENTS_WORKER_PASSWORD`. If it is not set, a superuser's email and password give
        a token of the worker's account.

        Raises:
            WrongUsageError: if a variable is wrong. If none is given, the first request says so.
        """
        settings = read_settings()
        return cls(settings.url, lambda: worker_token(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        if self._wake_up is not None:
            self._wake_up.stop()
        self._connection.close()

    def append(
        self,
        type: EventType,  # noqa: A002 - the field's name
        collection: str,
        item_id: str,
        data: Json = None,
        *,
        id: str = "",  # noqa: A002 - the field's name
        reason: str = "",
        together: str = "",
        expected_seq: int = 0,
        within: float = APPENDS_WITHIN,
    ) -> Recorded:
        """Append an event, and wait until it is recorded and its row is written.

        A lost connection is waited out, and never doubles the event.

        Args:
            type: create, update or delete.
            collection: an attached collection.
            item_id: the id of the row; for a create, a new one (`new_id()`).
            data: create: the fields of the row; update: exactly one field and its new value, or a modifier such as
                `{"qty+": 1}`, or `{"deleted": False}`, which restores; delete: nothing.
            id: the event's own id; a new one is made if none is given. To be able to ask again after a crash, choose
                it with `new_id()` and keep it.
            reason: why, at most 1,000 characters.
            together: what it has in common with other events, at most 100 characters, so that `undo` finds them all.
                To have events recorded all or none, use `append_together`.
            expected_seq: reject the event if the row's `seq` is another one, since somebody changed the row meanwhile.
            within: seconds to wait at most.

        Returns:
            The event, with its seq, timestamp and hash.

        Raises:
            EventRejected: if the event can't be applied. Its text says why.
            AppendRefusedError: if PocketBase does not accept it, because a rule does not admit it for example.
            StillPendingError: if the outcome is not known in time. Append again with the same id.
            CredentialsRefusedError: if PocketBase refuses the email or password.
        """
        event = NewEvent(type, collection, item_id, data, id or new_id(), reason, together, expected_seq)
        return self._append([event], within)[0]

    def append_together(
        self, events: Sequence[NewEvent], *, together: str = "", within: float = APPENDS_WITHIN
    ) -> list[Recorded]:
        """Append events as a group, at most 100, and wait. All of them are recorded, in this order, or none.

        Args:
            events: what to append. To be able to ask again after a crash, keep them with their ids.
            together: what the events have in common; a new id if none is given.
            within: seconds to wait at most.

        Returns:
            The events, with consecutive seqs.

        Raises:
            EventRejected: if one of them can't be applied. `id` names it.
            WrongUsageError: if there are more than 100.
            TroubleError: if PocketBase's batch API is switched off, or takes no request of this size.
            AppendRefusedError, StillPendingError, CredentialsRefusedError: as `append` does.
        """
        if len(events) > MAX_GROUP:
            raise WrongUsageError(why=TOO_LARGE.format(most=MAX_GROUP, size=len(events)))
        together = together or new_id()
        return self._append([replace(event, together=together) for event in events], within) if events else []

    def undo(
        self, seqs: Collection[int] = (), *, together: str = "", force: bool = False, within: float = APPENDS_WITHIN
    ) -> Undone:
        """Take recorded events back, by appending events that do the opposite, and wait until they are recorded.

        Up to 100 events are one group. More are several, one after the other, each recorded whole or not at all.

        Args:
            seqs: of the events to take back.
            together: take back all events that have this in common, instead of naming their seqs.
            force: take back as well what was changed again since; that change is lost.
            within: seconds to wait for each group at most.

        Raises:
            WrongUsageError: if the log has no such event.
            EventRejected: if one of the events can't be applied; then none of its group is.
            ProblemError: if somebody changes the same fields at this moment. Nothing was appended.
            AppendRefusedError, StillPendingError, TroubleError: as `append_together` does.
        """
        return self._take_back(propose_undo(self._reader(), seqs, together, force=force, watch=unwatched), within)

    def revert(
        self, collection: str, item_ids: Sequence[str] = (), *, to: int | datetime, within: float = APPENDS_WITHIN
    ) -> Undone:
        """Make rows what `rows(…, at=to)` says they were, by appending events, and wait until they are recorded.

        Fields that differ are set back, items created since are deleted, and items deleted since are restored.

        Args:
            collection: an attached collection.
            item_ids: only these items; all, if none is named.
            to: the seq, or the time (UTC if it has no zone).
            within: seconds to wait for each group at most.

        Raises:
            As `undo` does.
        """
        proposed = propose_revert(self._reader(), collection, item_ids, _moment(to), watch=unwatched)
        return self._take_back(proposed, within)

    def head(self) -> Head:
        """The seq and the hash of the last recorded event; (0, "") if there is none.

        Raises:
            TroubleError: if PocketBase can't be reached or can't answer now.
        """
        return self._reader().status().head

    def pending(self) -> int:
        """How many events are appended, and neither recorded nor rejected yet.

        Raises:
            TroubleError: if PocketBase can't be reached or can't answer now.
        """
        return self._reader().status().pending

    def follow(
        self,
        after: int = 0,
        *,
        collections: Collection[str] = (),
        until_head: bool = False,
        stop: threading.Event | None = None,
    ) -> Iterator[Recorded]:
        """Every recorded event with a seq above `after`, in order, and then those to come, as they are recorded.

        If you keep the seq of the last event that you are done with, and follow after it next time, you never miss
        an event and never see one twice. Lost connections and restarts of PocketBase are waited out.

        Args:
            after: the last seq that you are done with; 0 for the whole log.
            collections: only events of these collections; of all, if none is named.
            until_head: end where the log ends, instead of waiting for more. Trouble is raised then.
            stop: ends it when set, within a quarter of a second.

        Raises:
            TroubleError: if PocketBase can't be reached or can't answer now, with `until_head`.
            LogWentBackError: if this is not the log of which you have seen `after`, because a backup was restored.
            ContradictionError: if the log contradicts itself.
            CredentialsRefusedError: if PocketBase refuses the email or password.
        """
        stop = stop or threading.Event()
        reader = self._reader()
        with listening(self.url, reader.token, stop) as pause:
            for event in follow(reader, after, collections, pause=pause, until_head=until_head):
                if stop.is_set():
                    return
                yield event

    def history(self, collection: str, item_id: str) -> list[dict[str, Any]]:
        """Every recorded event of an item, with what it changed.

        Returns:
            For each event `seq`, `timestamp`, `type`, `actor`, `reason`, `together`, and `changes`: by field,
            [value before, value after].

        Raises:
            WrongUsageError: if the collection is neither attached nor in the log.
        """
        return list(past.history(self._reader(), collection, item_id))

    def rows(
        self, collection: str, item_id: str | None = None, *, at: int | datetime | None = None
    ) -> list[dict[str, Json]]:
        """The rows of a collection as the log has them, deleted ones included.

        Args:
            collection: a collection that is attached, or was.
            item_id: only this row.
            at: as they were after this seq, or at this time (UTC if it has no zone); now, if not given.

        Returns:
            For each row its `id`, the fields that events gave it, and `deleted`.

        Raises:
            WrongUsageError: if the collection is neither attached nor in the log.
        """
        moment = None if at is None else _moment(at)
        return past.rows_at(self._reader(), collection, item_id, moment, unwatched)

    def run_worker(self, stop: threading.Event) -> None:
        """Record events as they are appended, until `stop` is set. The transaction under way is finished then.

        Any number of workers may run: one records, the others stand by.

        Raises:
            WrongUsageError: if the account is not the worker's. A worker holds no superuser's rights.
            CredentialsRefusedError: if PocketBase refuses the email or password at the start.
        """
        with closing(Connection(self.url, self._connection.token, answers_within=patience.USUAL)) as connection:
            with suppress(TroubleError):
                self._expect(connection, WORKERS_ID)
            with _passed_on(stop) as wake:
                work_through(Gateway(connection), self.url, stop, wake)

    def _append(self, events: Sequence[NewEvent], within: float) -> list[Recorded]:
        with self._waiting_for(events[0].id) as flag:
            return append(self._connection, events, flag, timer=time.monotonic, within=within)

    def _take_back(self, proposed: Proposal, within: float) -> Undone:
        expect_unchanged(self._reader(), proposed)
        groups = carry_out(proposed, lambda events: self._append(events, within))
        return Undone([event for group in groups for event in group], proposed.conflicts_left, proposed.left_out)

    def _reader(self) -> Gateway:
        """What reads the log, if the account may."""
        self._expect(self._connection, WORKERS_ID, SUPERUSERS_ID)
        return Gateway(self._connection)

    def _expect(self, connection: Connection, *collections: str) -> None:
        """Refuse an account of any other collection, to which PocketBase would show an empty log."""
        if owner_of(connection.token())[0] not in collections:
            other = " or a superuser's" if SUPERUSERS_ID in collections else ""
            raise WrongUsageError(why=f"This takes the worker's account (collection event_workers){other}.")

    @contextmanager
    def _waiting_for(self, record_id: str) -> Iterator[threading.Event]:
        """A flag that is set when there may be news of an event."""
        with self._starting:
            if self._wake_up is None:
                self._wake_up = WakeUp(self.url, self._connection.token, self._tell, SETTLED)
                self._wake_up.start()
        flag = self._waiting.setdefault(record_id, threading.Event())
        try:
            yield flag
        finally:
            self._waiting.pop(record_id, None)

    def _tell(self, record: Record | None) -> None:
        """Wake who waits for the event of a record; everybody, if it may be any."""
        for record_id in [str(record.get("id"))] if record is not None else list(self._waiting):
            if (flag := self._waiting.get(record_id)) is not None:
                flag.set()


@contextmanager
def _passed_on(stop: threading.Event) -> Iterator[threading.Event]:
    """A flag that is set soon after `stop` is."""
    flag, ended = threading.Event(), threading.Event()

    def pass_on() -> None:
        while not ended.is_set() and not stop.wait(STOPS_WITHIN):
            pass
        flag.set()

    thread = threading.Thread(target=pass_on, name="stop", daemon=True)
    thread.start()
    try:
        yield flag
    finally:
        ended.set()
        thread.join()


def _moment(at: int | datetime) -> int | str:
    """A moment in the log: a seq, or a timestamp."""
    return timestamp_of(at if at.tzinfo else at.replace(tzinfo=UTC)) if isinstance(at, datetime) else at


def _token(url: str, account: Account | str | Callable[[], str]) -> str:
    if isinstance(account, Account):
        return account_token(url, account)
    return account if isinstance(account, str) else account()
