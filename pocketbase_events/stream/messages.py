"""An event as a message of a stream: its subject, its headers, its body. The stream's sequence is the event's seq."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pocketbase_events.core.events import Head, Recorded
from pocketbase_events.core.groups import recorded_groups
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.pb.export_file import BadLine, event_of, line_of

DEFAULT_STREAM = "pocketbase_events"
GROUP_END = "Pocketbase-Events-Group-End"  # a header of ours: the seq of the last event of its group
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event, ready to be published."""

    seq: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a stream.

    Attributes:
        seq: its sequence in the stream.
        event: the event that it carries, or why it carries none.
        group_end: the seq of the last event of its group; its own seq if it is alone, or nobody said.
        left: how many messages that the reader wants follow it so far.
    """

    seq: int
    event: Recorded | BadLine
    group_end: int
    left: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What a stream holds: the sequence of its first and of its last message, ever, and how many there are."""

    first: int
    last: int
    messages: int


def check_name(stream: str) -> str:
    """The name of a stream.

    Raises:
        WrongUsageError: if no stream can have it.
    """
    if not _NAME.fullmatch(stream):
        raise WrongUsageError(why=f"A stream's name has letters, digits, _ and -, which {stream!r} has not.")
    return stream


def outgoing(stream: str, events: Sequence[Recorded]) -> Iterator[Outgoing]:
    """The messages for events that no group is cut by."""
    for members in recorded_groups(events):
        for event in members:
            headers = {"Nats-Msg-Id": event.event_id, "Nats-Expected-Last-Sequence": str(event.seq - 1)}
            if len(members) > 1:
                headers[GROUP_END] = str(members[-1].seq)
            subject = f"{of_collection(stream, event.collection)}.{event.type}"
            yield Outgoing(event.seq, subject, headers, line_of(event).encode())


def of_collection(stream: str, collection: str) -> str:
    """How the subjects of the events of a collection begin."""
    # A name that a subject can't have is written as in an address: in a log that was imported, any may stand.
    return f"{stream}.{quote(collection, safe='').replace('.', '%2E').replace('~', '%7E') or '%'}"


def message_of(seq: int, headers: Mapping[str, str] | None, body: bytes, left: int = 0) -> Message:
    """A message as it was read."""
    end = (headers or {}).get(GROUP_END, "")
    return Message(seq, event_of(seq, body), int(end) if end.isdecimal() else seq, left)


def head_at(message: Message) -> Head | None:
    """The head of a log that ends with this message; None if it carries no event, or one of another seq."""
    event = message.event
    return event.head if isinstance(event, Recorded) and event.seq == message.seq else None
