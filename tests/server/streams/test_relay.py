"""`relay` publishes the log to a stream, and refuses a stream that is not the log's."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from nats.js.api import StreamConfig
from support import NEVER, Server, eventually, seq_of
from support.command_line import cli
from support.nats import Nats, at, bodies_of, last_of, nats_server
from support.replicas import WORKER_ONLY, ends, record_some, told

from pocketbase_events.pb.export_file import line_of

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[str]]


def relayed(nats: Nats, stream: str, server: Server, *relays: subprocess.Popen[str]) -> None:
    """Wait until the stream has the whole log."""

    def is_there() -> bool:
        for relay in relays:
            assert relay.poll() is None, told(relay)
        return last_of(nats.url, stream) == seq_of(server)

    eventually(is_there, "the whole log in the stream")


def refusal(server: Server, nats: Nats, stream: str) -> str:
    """What a relay says that refuses the stream."""
    return cli(server, "relay", nats.url, "--stream", stream, code=1, **WORKER_ONLY).stderr


def test_every_event_becomes_a_message_whose_sequence_is_its_seq(
    primary: Server, nats: Nats, stream: str, start: Start
) -> None:
    record_some(primary, 600)
    relay = start(primary, "relay", nats.url, "--stream", stream)
    relayed(nats, stream, primary, relay)
    record_some(primary, 30, seed=2, first=500)
    relayed(nats, stream, primary, relay)
    relay.terminate()
    assert '"event": "stopped"' in ends(relay, code=0)

    log = [event for page in primary.gateway().log(0, seq_of(primary)) for event in page]
    messages = bodies_of(nats.url, stream)
    assert [body for _, _, body, _ in messages] == [json.loads(line_of(event)) for event in log]
    for (seq, subject, _, headers), event in zip(messages, log, strict=True):
        assert seq == event.seq
        assert subject == f"{stream}.items.{event.type}"
        assert headers["Nats-Msg-Id"] == event.event_id
        assert headers["Nats-Expected-Last-Sequence"] == str(seq - 1)
        group = [each.seq for each in log if event.together and each.together == event.together]
        assert headers.get("Pocketbase-Events-Group-End") == (str(group[-1]) if group else None)
    config = at(nats.url, lambda jetstream: jetstream.stream_info(stream)).config
    assert (config.storage, config.deny_delete, config.deny_purge) == ("file", True, True)
    assert config.subjects == [f"{stream}.>"]


def test_two_relays_publish_each_event_once(primary: Server, nats: Nats, stream: str, start: Start) -> None:
    record_some(primary, 700)
    relays = [start(primary, "relay", nats.url, "--stream", stream) for _ in range(2)]
    relayed(nats, stream, primary, *relays)
    for turn in range(5):
        record_some(primary, 20, seed=10 + turn, first=1000 * (1 + turn))
        relayed(nats, stream, primary, *relays)
    assert [body["seq"] for _, _, body, _ in bodies_of(nats.url, stream)] == list(range(1, seq_of(primary) + 1))


def test_a_stream_of_another_log_is_refused(
    primary: Server, copy: Server, nats: Nats, stream: str, start: Start
) -> None:
    record_some(primary, 20)
    record_some(copy, 10, seed=2)
    relay = start(primary, "relay", nats.url, "--stream", stream)
    relayed(nats, stream, primary, relay)
    said = refusal(copy, nats, stream)
    assert f"The stream {stream} at {nats.url} ends with seq 20" in said
    assert "which this log does not have: it ends with seq 10" in said
    assert f"nats stream rm {stream}" in said
    assert last_of(nats.url, stream) == 20


def test_a_stream_to_which_somebody_else_publishes_is_refused(
    primary: Server, nats: Nats, stream: str, start: Start
) -> None:
    record_some(primary, 20)
    relay = start(primary, "relay", nats.url, "--stream", stream)
    relayed(nats, stream, primary, relay)
    at(nats.url, lambda jetstream: jetstream.publish(f"{stream}.items.create", b"hello"))
    record_some(primary, 1, seed=2, first=500)
    assert "The last message (sequence 21)" in ends(relay)
    assert "Let nobody else publish to it." in refusal(primary, nats, stream)


def test_a_stream_that_is_not_for_events_is_refused(primary: Server, nats: Nats, stream: str) -> None:
    at(nats.url, lambda jetstream: jetstream.add_stream(StreamConfig(name=stream, subjects=["orders.*"])))
    said = refusal(primary, nats, stream)
    assert f"There is a stream {stream} at {nats.url} that is not for events: its subjects are orders.*." in said


def test_a_purged_stream_is_refused(primary: Server, nats: Nats, stream: str, start: Start) -> None:
    at(nats.url, lambda jetstream: jetstream.add_stream(StreamConfig(name=stream, subjects=[f"{stream}.>"])))
    record_some(primary, 20)
    relay = start(primary, "relay", nats.url, "--stream", stream)
    relayed(nats, stream, primary, relay)
    relay.terminate()
    ends(relay, code=0)
    at(nats.url, lambda jetstream: jetstream.purge_stream(stream))
    assert "it was purged, or somebody else publishes there" in refusal(primary, nats, stream)


def test_a_stream_that_is_deleted_is_filled_again(primary: Server, nats: Nats, stream: str, start: Start) -> None:
    record_some(primary, 300)
    relay = start(primary, "relay", nats.url, "--stream", stream)
    relayed(nats, stream, primary, relay)
    at(nats.url, lambda jetstream: jetstream.delete_stream(stream))
    record_some(primary, 1, seed=2, first=500)
    relayed(nats, stream, primary, relay)
    assert [body["seq"] for _, _, body, _ in bodies_of(nats.url, stream)] == list(range(1, seq_of(primary) + 1))


def test_an_event_larger_than_the_server_takes_stops_the_relay(
    primary: Server, stream: str, tmp_path: Path, start: Start
) -> None:
    primary.guest().append("create", "large0000000000", {"title": "é" * 2000})
    primary.worker().run_to_end(NEVER)
    with nats_server(tmp_path / "small", max_payload=8000) as small:
        said = ends(start(primary, "relay", small.url, "--stream", stream))
    assert "The event of seq 1 makes a message of 12" in said
    assert "this NATS server takes 8000. Raise max_payload" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("http://127.0.0.1:4222",), "http://127.0.0.1:4222 is no address of a NATS server"),
        (("nats://me:secret@127.0.0.1",), "Credentials in an address show in the list of processes."),
        (("nats://127.0.0.1:1", "--stream", "a.b"), "A stream's name has letters, digits, _ and -"),
    ],
)
def test_a_wrong_address_or_name_is_refused(primary: Server, arguments: tuple[str, ...], sentence: str) -> None:
    for name in ("relay", "replica"):
        assert sentence in cli(primary, name, *arguments, code=2).stderr
