"""The records of our views, as models, whether they come from PocketBase's API or from its database file."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, field_validator

from pocketbase_events.core.batch import APPENDS_TRIGGER, HEAD_TRIGGER, STAMPS_TRIGGER, VERSION
from pocketbase_events.core.events import Head, Pending, Recorded
from pocketbase_events.core.json_text import MAX_SAFE_INTEGER, UnreadableJsonError, read_data
from pocketbase_events.core.replica import Origin, origin_of
from pocketbase_events.errors import ContradictionError, NewerError, OlderError, ReplicaError


class Status(BaseModel):
    """The log at one moment. Dates are PocketBase's texts, in UTC; "" and 0 if there is none.

    Attributes:
        last_seen: when a worker last looked for events.
        workers: how many accounts `event_workers` has.
        append_rule: the create rule of `events`.
        read_rules: the list and the view rule of `events`.
        triggers: the names of our triggers that are installed.
        last_created: when PocketBase received the last recorded event.
        batch_enabled: whether the batch API is switched on; true if PocketBase encrypts its settings.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    seq: int
    hash: str
    hold_until: str
    hold_by: str
    last_seq: int
    last_hash: str
    last_timestamp: str
    pending: int
    rejected: int
    oldest_pending: str
    now: str
    triggers: tuple[str, ...]
    version: int = 0
    last_seen: str = ""
    workers: int = 0
    append_rule: str | None = None
    read_rules: tuple[str | None, ...] = ()
    last_created: str = ""
    batch_enabled: bool = True

    @field_validator("seq", "last_seq", mode="before")
    @classmethod
    def _whole(cls, seq: Any) -> int:  # noqa: ANN401 - anything may be in the file
        """A number that is not whole, or not exact everywhere, becomes -1: no event has that seq."""
        is_number = isinstance(seq, int | float) and abs(seq) <= MAX_SAFE_INTEGER
        return int(seq) if is_number and seq == int(seq) else -1

    @property
    def head(self) -> Head:
        """The head in `event_head`."""
        return Head(self.seq, self.hash)

    @property
    def last(self) -> Head:
        """The head as the last recorded event implies it."""
        return Head(self.last_seq, self.last_hash)

    @property
    def contradiction(self) -> ContradictionError | None:
        """The error to raise if the head is not the last recorded event; None if it is."""
        if self.head == self.last:
            return None
        return ContradictionError(
            seq=self.seq, hash=self.hash[:8], last_seq=self.last_seq, last_hash=self.last_hash[:8]
        )

    def sound(self) -> Self:
        """This status, if the head is the last recorded event.

        Raises:
            ContradictionError: if it isn't.
        """
        if self.contradiction is not None:
            raise self.contradiction
        return self

    @property
    def origin(self) -> Origin | None:
        """The stream of which this is a replica; None if it is an ordinary log."""
        return origin_of(self.append_rule)

    def ordinary(self) -> Self:
        """This status, if the log is one to which events are appended.

        Raises:
            ReplicaError: if it is a replica.
        """
        if self.origin is not None:
            raise ReplicaError(origin=self.origin)
        return self

    @property
    def stamping(self) -> bool:
        """Whether many events can be recorded at once."""
        return STAMPS_TRIGGER in self.triggers

    @property
    def appending(self) -> bool:
        """Whether a superuser can append many events at once."""
        return APPENDS_TRIGGER in self.triggers

    @property
    def head_locked(self) -> bool:
        """Whether nobody can move the head back, superusers included."""
        return HEAD_TRIGGER in self.triggers

    @property
    def held(self) -> bool:
        """Whether a hold is in force, by PocketBase's clock."""
        return self.hold_until > self.now

    @property
    def oldest_pending_seconds(self) -> float:
        """How long the first pending event has been waiting, by PocketBase's clock; 0 if none is pending."""
        return self._ago(self.oldest_pending) if self.oldest_pending else 0.0

    @property
    def seen_seconds(self) -> float | None:
        """How long ago a worker last looked, by PocketBase's clock; None if none ever did."""
        return self._ago(self.last_seen) if self.last_seen else None

    @property
    def last_delay(self) -> float:
        """Seconds from the append of the last recorded event to its record, by the clocks of both machines."""
        if not self.last_created or not self.last_timestamp:
            return 0.0
        recorded, created = map(datetime.fromisoformat, (self.last_timestamp, self.last_created))
        return max(0.0, (recorded - created).total_seconds())

    def seconds_after(self, earlier: "Status") -> float:
        """How much later than another one this status was read, by PocketBase's clock."""
        return self._ago(earlier.now)

    def _ago(self, time: str) -> float:
        return max(0.0, (datetime.fromisoformat(self.now) - datetime.fromisoformat(time)).total_seconds())


class Setup(BaseModel):
    """How PocketBase and our part of it are set up.

    Attributes:
        batch: the settings of the batch API; None if PocketBase encrypts its settings.
        rate_limits: the settings of its rate limiter; None as above.
        collections: our collections, with their rules, view queries and indexes.
        triggers: the SQL of our triggers that are installed, by name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    batch: dict[str, Any] | None
    rate_limits: dict[str, Any] | None
    collections: tuple[dict[str, Any], ...]
    triggers: dict[str, str]


def status_of(item: Mapping[str, Any]) -> Status:
    """A record of `event_status`.

    Raises:
        NewerError: if a newer version of ours has set up the log.
    """
    refuse_newer(item)
    return Status.model_validate(item)


def refuse_newer(item: Mapping[str, Any]) -> None:
    """Refuse a log that a newer version of ours has set up.

    Raises:
        NewerError: if one has.
    """
    if item.get("version", 0) > VERSION:
        raise NewerError


def refuse_older(item: Mapping[str, Any]) -> None:
    """Refuse a log that an older version of ours has set up, since it lacks fields that we need.

    Raises:
        OlderError: if one has.
    """
    if item.get("version", 0) < VERSION:
        raise OlderError


def pending_of(item: Mapping[str, Any]) -> Pending:
    """A record of `event_pending`."""
    return _pending(
        item,
        data=item["data"],
        files=tuple(json.loads(item["files"])) if item["files"] else (),
        damaged=_is_damaged(item),
        schema_version=item["schema_version"],
        adopted=bool(item["adopted"]),
    )


def heard_of(record: Mapping[str, Any]) -> Pending:
    """A pending event as realtime tells of it: without the version of the schema, or whether it was adopted."""
    data = "" if record["data"] is None else json.dumps(record["data"], ensure_ascii=False)
    return _pending(record, data=data, files=tuple(record["files"]), damaged=False, schema_version="")


def _pending(event: Mapping[str, Any], **read: Any) -> Pending:  # noqa: ANN401 - the other fields
    names = ("id", "type", "collection", "item_id", "actor", "reason", "together", "expected_seq", "created")
    return Pending(**{name: event[name] for name in names}, **read)


def recorded_of(item: Mapping[str, Any]) -> Recorded:
    """A record of `event_log`, its data read; an event whose data can't be read has a flaw."""
    data, flaw = None, ""
    files: list[str] = []
    hashes: list[str] = []
    try:
        data = read_data(item["data"], damaged=_is_damaged(item))
        files, hashes = _files_of(item["files"])
    except UnreadableJsonError as error:
        flaw = str(error)
    return Recorded(
        id=item["id"],
        seq=item["seq"],
        event_id=item["event_id"],
        timestamp=item["timestamp"],
        type=item["type"],
        collection=item["collection"],
        item_id=item["item_id"],
        data=data,
        actor=item["actor"],
        hash=item["hash"],
        flaw=flaw,
        reason=item["reason"],
        together=item["together"],
        expected_seq=item["expected_seq"],
        adopted=bool(item["adopted"]),
        files=files,
        file_hashes=hashes,
    )


def _files_of(text: str) -> tuple[list[str], list[str]]:
    """The names and the hashes of an event's files; none if it has none.

    Raises:
        UnreadableJsonError: if they are not such lists, as the worker writes them.
    """
    if not text:
        return [], []
    try:
        names, hashes = json.loads(text)
    except ValueError:
        names, hashes = None, None
    lists = all(isinstance(each, list) and all(isinstance(text, str) for text in each) for each in (names, hashes))
    if not lists or len(names) != len(hashes):
        raise UnreadableJsonError("file_hashes is not the list of a hash for each of its files.")
    return names, hashes


def _is_damaged(item: Mapping[str, Any]) -> bool:
    """Whether an event's texts are not valid UTF-8: bad bytes were replaced on the way, which changes the length."""
    texts = f"{item['collection']}{item['item_id']}{item['actor']}{item['data']}{item['reason']}{item['together']}"
    return bool((len(texts) if texts.isascii() else len(texts.encode())) != item["bytes"])
