"""A replica has the primary's log and rows; nothing else is recorded there."""

import json
import subprocess
from collections.abc import Callable

import pytest
from support import NEVER, Server, eventually, item_id, live_rows, seq_of
from support.command_line import as_json, cli
from support.exports import VECTORS
from support.nats import Nats, at, last_of
from support.replicas import WORKER_ONLY, assert_same, catches_up, ends, log_of, record_some, told

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[str]]
Link = Callable[[], tuple[subprocess.Popen[str], ...]]


@pytest.fixture
def link(primary: Server, copy: Server, nats: Nats, stream: str, start: Start) -> Link:
    """Starts a relay and a replica."""
    arguments = (nats.url, "--stream", stream)
    return lambda: (start(primary, "relay", *arguments), start(copy, "replica", *arguments))


def test_log_and_rows_of_a_replica_are_the_primarys(primary: Server, copy: Server, link: Link) -> None:
    text, json_ = {"type": "text"}, {"type": "json"}
    things = [{"name": "title", **text}, {"name": "qty", "type": "number"}, {"name": "done", "type": "bool"}]
    notes = [{"name": "body", **text}, {"name": "tags", **json_}, {"name": "meta", **json_}]
    for server in (primary, copy):
        for name, fields in (("shopping_items", things), ("notes", notes)):
            server.create_collection(name, fields)
            server.attach(name)
    cli(primary, "import", str(VECTORS))  # awkward values
    record_some(primary, 900)
    running = link()
    catches_up(copy, primary, *running)
    record_some(primary, 60, seed=2, first=1000)
    catches_up(copy, primary, *running)
    assert_same(primary, copy)
    cli(copy, "verify")
    cli(copy, "check")
    for process in running:
        process.terminate()
        ends(process, code=0)


def test_appends_are_refused_at_a_replica_that_is_set_up_again_too_and_status_says_whose_it_is(
    primary: Server, copy: Server, nats: Nats, stream: str, link: Link
) -> None:
    record_some(primary, 30)
    relay, replica = link()
    catches_up(copy, primary, relay, replica)
    url, event = "/api/collections/events/records", {"type": "create", "collection": "items", "item_id": item_id(99)}
    for client in (copy.guest(), copy.user("somebody"), copy.worker_client()):
        assert client("POST", url, json=event).status_code == 400
    cli(copy, "init")
    cli(copy, "attach", "items", "--allow", "")
    assert copy.guest()("POST", url, json=event).status_code == 400
    found = as_json(copy, "status")
    assert found["replica"] == {"url": nats.url, "stream": stream, "events_behind": 0, "seconds_behind": 0.0}
    assert as_json(primary, "status")["replica"] is None
    assert f"replica   of the stream {stream} at {nats.url}, up to date" in cli(copy, "status").stdout

    replica.terminate()
    ends(replica, code=0)
    record_some(primary, 20, seed=2, first=100)
    eventually(lambda: as_json(copy, "status")["replica"]["events_behind"] == 20, "20 events behind")
    behind = as_json(copy, "status")["replica"]["seconds_behind"]
    assert 0 < behind < 60
    relay.terminate()
    ends(relay, code=0)
    at(nats.url, lambda jetstream: jetstream.delete_stream(stream))
    assert f"there is no stream {stream}" in cli(copy, "status", code=1).stderr


def test_a_worker_at_a_replica_stands_by_and_takes_over_once_it_is_promoted(
    primary: Server, copy: Server, link: Link, start: Start
) -> None:
    record_some(primary, 10)
    running = link()
    catches_up(copy, primary, *running)
    assert "This PocketBase is a replica of the stream" in cli(copy, "run", "--once", code=1).stderr
    for appending in (("undo", "1", "--yes"), ("revert", "items", "--to", "1", "--yes")):
        assert "This PocketBase is a replica of the stream" in cli(copy, *appending, code=1).stderr
    worker = start(copy, "run")
    copy.superuser().append("create", item_id(77), {"title": "from the admin UI"})
    eventually(lambda: "This PocketBase is a replica of the stream" in told(worker), "the worker's sentence")
    assert "1 events were appended here by a superuser" in cli(copy, "status", code=1).stderr
    record_some(primary, 10, seed=2, first=100)
    catches_up(copy, primary, *running)
    assert_same(primary, copy)
    for process in running:
        process.terminate()
        ends(process, code=0)

    asked = cli(copy, "replica", "--promote", code=2).stderr
    assert "The old primary must be gone for good" in asked
    assert "Nobody answered." in asked
    before = log_of(copy)
    last = seq_of(copy)
    assert f"Promoted: the log goes on after seq {last}." in cli(copy, "replica", "--promote", "--yes").stdout
    copy.guest().append("update", item_id(77), {"note": "appended"})
    eventually(lambda: seq_of(copy) == last + 2, "what was appended to the promoted log")
    assert log_of(copy)[:last] == before
    assert as_json(copy, "status")["replica"] is None
    assert "no replica" in cli(copy, "replica", "--promote", "--yes", code=1).stderr
    cli(copy, "check")


def test_a_primary_that_comes_back_after_a_promotion_is_noticed(
    primary: Server, copy: Server, nats: Nats, stream: str, link: Link, start: Start
) -> None:
    record_some(primary, 20)
    running = link()
    catches_up(copy, primary, *running)
    for process in running:
        process.terminate()
        ends(process, code=0)
    cli(copy, "replica", "--promote", "--yes")
    record_some(copy, 5, seed=3, first=300)
    start(copy, "relay", nats.url, "--stream", stream)
    eventually(lambda: last_of(nats.url, stream) == 25, "its events")
    record_some(primary, 3, seed=4, first=400)
    said = cli(primary, "relay", nats.url, "--stream", stream, code=1, **WORKER_ONLY).stderr
    assert "ends with seq 25" in said
    assert "or a replica was promoted and relays now. Nothing was published." in said


def test_a_broken_link_stops_a_replica(primary: Server, copy: Server, nats: Nats, stream: str, link: Link) -> None:
    record_some(primary, 20)
    relay, replica = link()
    catches_up(copy, primary, relay, replica)
    relay.terminate()
    ends(relay, code=0)
    last = at(nats.url, lambda jetstream: jetstream.get_msg(stream, 20))
    forged = {**json.loads(last.data), "seq": 21, "item_id": item_id(0)}
    at(nats.url, lambda jetstream: jetstream.publish(f"{stream}.items.update", json.dumps(forged).encode()))
    said = ends(replica)
    assert "The message 21 of the stream" in said
    assert "the hash of seq 21 does not follow from its content and the event before." in said
    assert seq_of(copy) == 20
    assert_same(primary, copy)


def test_another_schema_stops_a_replica_until_it_is_made_alike(
    primary: Server, copy: Server, link: Link, nats: Nats, stream: str, start: Start
) -> None:
    record_some(primary, 10)
    relay, replica = link()
    catches_up(copy, primary, relay, replica)
    field = {"name": "colour", "type": "text"}
    assert primary.edit_fields("items", lambda fields: fields.append(field)).ok
    primary.guest().append("create", item_id(500), {"title": "x", "colour": "red"})
    primary.worker().run_to_end(NEVER)
    said = ends(replica)
    why = 'items has no field "colour"'
    assert f"The event of seq {seq_of(primary)} can't be applied here, as it was at the primary: {why}" in said
    assert "Make the collections here what they are there" in said
    assert seq_of(copy) == seq_of(primary) - 1
    assert copy.edit_fields("items", lambda fields: fields.append({**field, "max": 2})).ok
    said = ends(start(copy, "replica", nats.url, "--stream", stream))
    assert "PocketBase refused the row: colour: Must be no more than 2 character(s)" in said
    assert copy.edit_fields("items", lambda fields: fields[-1].update(max=0)).ok
    catches_up(copy, primary, start(copy, "replica", nats.url, "--stream", stream))
    assert_same(primary, copy)
    assert live_rows(copy, ("colour",))[item_id(500)] == {"colour": "red"}


def test_rows_edited_at_a_replica_are_found_and_mended_there(primary: Server, copy: Server, link: Link) -> None:
    record_some(primary, 40)
    running = link()
    catches_up(copy, primary, *running)
    cli(copy, "attach", "items", "--no-lock")
    item = next(iter(live_rows(copy, ("title",))))
    assert copy.superuser()("PATCH", f"/api/collections/items/records/{item}", json={"note": "by hand"}).ok
    assert cli(copy, "check", code=1)
    cli(copy, "rebuild", "--yes")
    cli(copy, "check")
    cli(copy, "attach", "items", "--lock")
    record_some(primary, 10, seed=2, first=100)
    catches_up(copy, primary, *running)
    assert_same(primary, copy)


def test_two_replica_processes_beside_one_pocketbase_record_each_event_once(
    primary: Server, copy: Server, nats: Nats, stream: str, link: Link, start: Start
) -> None:
    record_some(primary, 900)
    running = (*link(), start(copy, "replica", nats.url, "--stream", stream))
    catches_up(copy, primary, *running)
    record_some(primary, 50, seed=2, first=1000)
    catches_up(copy, primary, *running)
    assert_same(primary, copy)


def test_the_first_start_needs_a_superuser_and_later_ones_do_not(
    primary: Server, copy: Server, nats: Nats, stream: str, start: Start
) -> None:
    arguments = ("replica", nats.url, "--stream", stream)
    said = cli(copy, *arguments, code=2, **WORKER_ONLY).stderr
    assert "Closing the appends needs a superuser, the first time" in said
    copy.stop()
    replica = start(copy, *arguments)
    eventually(lambda: "can't be reached" in told(replica), "that PocketBase is not there yet")
    copy.start()
    eventually(lambda: "appends_closed" in told(replica), "appends that are closed")
    replica.terminate()
    ends(replica, code=0)
    record_some(primary, 5)
    replica = start(copy, *arguments, **WORKER_ONLY)
    eventually(lambda: f"there is no stream {stream}" in told(replica), "that it waits for a relay")
    catches_up(copy, primary, start(primary, "relay", *arguments[1:]), replica)
    assert_same(primary, copy)
    said = cli(copy, "replica", nats.url, "--stream", "another", code=1).stderr
    assert f"This PocketBase is a replica of the stream {stream} at {nats.url} already." in said
