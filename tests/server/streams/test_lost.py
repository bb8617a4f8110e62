"""A stream that is lost, begins late or is of another log, and a primary that was set back: said, and never merged."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from nats.js.api import StreamConfig
from support import Server, eventually, seq_of
from support.command_line import cli
from support.nats import Nats, at, last_of
from support.replicas import WORKER_ONLY, assert_same, catches_up, ends, record_some

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[str]]


def test_a_replica_goes_on_after_its_stream_was_deleted_and_filled_again(
    primary: Server, copy: Server, nats: Nats, stream: str, start: Start
) -> None:
    record_some(primary, 200)
    there = (nats.url, "--stream", stream)
    running = (start(primary, "relay", *there), start(copy, "replica", *there))
    catches_up(copy, primary, *running)
    at(nats.url, lambda jetstream: jetstream.delete_stream(stream))
    record_some(primary, 30, seed=2, first=1000)
    catches_up(copy, primary, *running)
    assert_same(primary, copy)


def test_a_primary_that_was_set_back_is_noticed_by_its_relay_and_then_by_its_replica(
    primary: Server, copy: Server, nats: Nats, stream: str, start: Start, tmp_path: Path
) -> None:
    there = (nats.url, "--stream", stream)
    record_some(primary, 50)
    primary.stop()
    shutil.copytree(primary.data, tmp_path / "backup")
    primary.start()
    record_some(primary, 20, seed=2, first=1000)
    relay, replica = start(primary, "relay", *there), start(copy, "replica", *there)
    catches_up(copy, primary, relay, replica)
    before = seq_of(primary)

    primary.stop()
    shutil.rmtree(primary.data)
    shutil.copytree(tmp_path / "backup", primary.data)
    primary.start()
    record_some(primary, 5, seed=3, first=2000)
    ends(relay)
    said = cli(primary, "relay", *there, code=1, **WORKER_ONLY).stderr
    assert f"ends with seq {before}" in said
    assert "a backup was restored here" in said
    assert (last_of(nats.url, stream), seq_of(copy)) == (before, before)
    assert replica.poll() is None

    at(nats.url, lambda jetstream: jetstream.delete_stream(stream))
    start(primary, "relay", *there)
    said = ends(replica)
    assert "The log here has another event of seq" in said
    assert "begin anew with an empty PocketBase" in said
    assert seq_of(copy) == before


def test_a_stream_whose_first_messages_are_gone_is_for_replicas_that_were_filled_from_an_export(
    primary: Server, copy: Server, nats: Nats, stream: str, start: Start, tmp_path: Path
) -> None:
    config = StreamConfig(name=stream, subjects=[f"{stream}.>"], max_msgs=20)
    at(nats.url, lambda jetstream: jetstream.add_stream(config))
    there = (nats.url, "--stream", stream)
    record_some(primary, 100)
    relay = start(primary, "relay", *there)
    eventually(lambda: last_of(nats.url, stream) == seq_of(primary), "the log in the stream")
    said = ends(start(copy, "replica", *there))
    assert "Earlier messages are gone from the stream: load an export of the primary here (import)" in said
    cli(primary, "export", str(tmp_path / "log.jsonl"))
    cli(copy, "import", str(tmp_path / "log.jsonl"))
    record_some(primary, 10, seed=2, first=1000)
    catches_up(copy, primary, relay, start(copy, "replica", *there))
    assert_same(primary, copy)
