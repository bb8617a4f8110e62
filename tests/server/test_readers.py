"""Whatever reads a log gives the same events: the API, the database file, an export, a stream."""

import json
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from support import NEVER, Server, start_copy
from support.chains import VECTORS
from support.command_line import as_json, cli
from support.nats import nats_server

from pocketbase_events.core.events import Head, Pending, Recorded, dump, record
from pocketbase_events.jobs.relay import relay
from pocketbase_events.pb.database import Database
from pocketbase_events.pb.export_file import PAGE, ExportFile, line_of
from pocketbase_events.pb.source import LogReader
from pocketbase_events.settings import NatsSettings
from pocketbase_events.stream.stream import Stream, connected

END = 2 * PAGE + 100
LARGE = range(PAGE - 20, PAGE + 20)  # seqs of events that fill a page of the API in small numbers
NAMED = [
    {"collection": "notes"},
    {"collection": "no such"},
    {"collection": "shopping_items", "item_id": "milk00000000001"},
    {"collection": "notes", "item_id": "filler000000007"},
    {"collection": "notes", "item_id": "no'such\"one"},
    {"collection": "notes", "item_id": ""},
]
RANGES = [
    (0, END), (0, 0), (0, 1), (5, 5), (4, 5), (0, 11), (3, 9), (END - 1, END), (END, END + 10), (END + 5, END + 10),
    *((at - 1, at + 1) for at in (5, 6, PAGE, PAGE + 6, 2 * PAGE)), (PAGE - 1, 2 * PAGE + 1), (7, PAGE + 7),
]  # fmt: skip


def chain() -> list[Recorded]:
    """The vectors with their awkward values, and events behind them until there are several pages."""
    events = [event for page in ExportFile(VECTORS).log(0, END) for event in page]
    while len(events) < END:
        seq = len(events) + 1
        pending = Pending(f"record{seq:09d}", "update", "notes", f"filler{seq % 10:09d}", "", "", False, "")
        data = {"body": "x" * 100_000 if seq in LARGE else f"{seq}"}
        head, timestamp = events[-1].head, events[-1].timestamp
        event_id = f"00000000-0000-4000-8000-{seq:012d}"
        events.append(record(pending, data, head, event_id, timestamp))
    return events


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


@pytest.fixture(scope="module")
def server(folder: Path, installed_template: Path) -> Iterator[Server]:
    """A PocketBase into which the chain was imported, and that was exported again."""
    (folder / "given.jsonl").write_text("".join(map(line_of, chain())))
    for server in start_copy(installed_template, folder / "pocketbase"):
        cli(server, "import", str(folder / "given.jsonl"))
        cli(server, "export", str(folder / "log.jsonl"))
        yield server


@pytest.fixture(scope="module")
def expected(server: Server) -> list[Recorded]:
    """The log as the API shows it, which is the chain, though PocketBase sorts the keys of objects."""
    found = read(server.gateway(), 0, END)
    assert list(map(told_plainly, found)) == list(map(told_plainly, chain()))
    return found


def told_plainly(event: Recorded) -> tuple[bytes, str]:
    return dump(event.hashed), event.hash


@pytest.fixture(scope="module")
def stream(server: Server, folder: Path) -> Iterator[Stream]:
    """A stream of NATS JetStream that a relay has filled."""
    with (
        nats_server(folder / "nats", max_payload=8_000_000) as nats,
        connected(NatsSettings(), nats.url, "log") as stream,
    ):
        relay(server.gateway(), lambda: nullcontext(stream), 1, pause=until_the_end)
        yield stream


def until_the_end(seconds: float | None) -> bool:
    """A pause in trouble, and the end when there is nothing more to publish."""
    return seconds is not None and not NEVER.wait(seconds)


@pytest.fixture(scope="module", params=["API", "database file", "export", "stream"])
def reader(request: pytest.FixtureRequest, server: Server, folder: Path) -> Iterator[LogReader]:
    if request.param == "API":
        yield server.gateway()
    elif request.param == "stream":
        yield request.getfixturevalue("stream")
    elif request.param == "export":
        yield ExportFile(folder / "log.jsonl")
    else:
        with closing(Database(server.data)) as database:
            yield database


def told(events: list[Recorded]) -> list[str]:
    """Events to the letter: 1.0 is not 1, -0.0 is not 0, keys keep their order."""
    return [json.dumps({**event.hashed, "hash": event.hash, "flaw": event.flaw}) for event in events]


def read(reader: LogReader, after: int, to: int, **named: str) -> list[Recorded]:
    return [event for page in reader.log(after, to, **named) for event in page]


@pytest.mark.slow
@pytest.mark.parametrize(("after", "to"), RANGES)
def test_a_range_of_the_log(reader: LogReader, expected: list[Recorded], after: int, to: int) -> None:
    assert told(read(reader, after, to)) == told(expected[after:to])


@pytest.mark.parametrize("named", NAMED, ids=lambda named: "-".join(named.values()))
@pytest.mark.parametrize(("after", "to"), [(0, END), (3, PAGE + 50), (PAGE, PAGE)])
def test_the_events_of_a_collection_or_an_item(
    reader: LogReader, expected: list[Recorded], after: int, to: int, named: dict[str, str]
) -> None:
    wanted = [event for event in expected[after:to] if named.items() <= event.hashed.items()]
    assert told(read(reader, after, to, **named)) == told(wanted)


def test_every_event_has_the_id_of_its_record(reader: LogReader, server: Server) -> None:
    records = server.superuser().records("events", sort="seq", fields="id,seq")
    assert [(event.seq, event.id) for event in read(reader, 0, END)] == [(each["seq"], each["id"]) for each in records]


def test_an_event_is_the_head_of_the_log_that_ends_with_it(reader: LogReader, expected: list[Recorded]) -> None:
    assert [event.head for event in read(reader, 0, 12)] == [Head(event.seq, event.hash) for event in expected[:12]]


def test_pages_come_in_order_and_none_of_them_is_huge(reader: LogReader) -> None:
    seqs = [[event.seq for event in page] for page in reader.log(0, END)]
    assert [seq for page in seqs for seq in page] == list(range(1, END + 1))
    assert max(map(len, seqs)) <= PAGE


@pytest.mark.slow
def test_verify_check_and_history_read_a_stream(server: Server, stream: Stream) -> None:
    there = ("--nats", stream.url, "--stream", stream.name)
    assert as_json(server, "verify", *there) == as_json(server, "verify")
    assert as_json(server, "check", *there) == as_json(server, "check")
    item = ("notes", "filler000000007")
    assert as_json(server, "history", *item, *there) == as_json(server, "history", *item)
    assert "Give one of --file, --dir and --nats." in cli(server, "verify", *there, "--dir", "x", code=2).stderr
