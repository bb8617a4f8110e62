"""An export keeps the ids of the events' records, so that a client's repeat stays harmless after a move."""

import json
from pathlib import Path

import pytest
from support import NEVER, Server, create, item_id
from support.command_line import cli
from support.exports import VECTORS


def ids(server: Server) -> dict[int, str]:
    return {event["seq"]: event["id"] for event in server.superuser().records("events")}


def test_an_import_gives_every_event_the_id_of_its_record(
    recorded: Server, another: Server, file: Path, exported: bytes
) -> None:
    cli(another, "import", str(file))
    assert (
        ids(another) == ids(recorded) == {event["seq"]: event["id"] for event in map(json.loads, exported.splitlines())}
    )


def test_a_client_that_repeats_an_append_after_a_move_appends_nothing(
    server: Server, another: Server, tmp_path: Path
) -> None:
    appended = server.guest().append("create", item_id(1), {"title": "x"}, id="chosenbyaclient")
    server.worker().run_to_end(NEVER)
    cli(server, "export", str(tmp_path / "log.jsonl"))
    cli(another, "import", str(tmp_path / "log.jsonl"))
    body = {name: appended[name] for name in ("id", "type", "collection", "item_id", "data")}
    assert another.guest()("POST", "/api/collections/events/records", json=body).status_code == 400
    assert list(ids(another).values()) == ["chosenbyaclient"]


def test_an_export_without_ids_is_imported(server: Server) -> None:
    cli(server, "import", str(VECTORS))
    assert len(ids(server)) == 11


@pytest.mark.parametrize("given", ["", "short", "UPPERCASE000000", "with-a-dash0000", "sixteencharacter"])
def test_an_id_that_no_record_can_have_is_refused(server: Server, file: Path, exported: bytes, given: str) -> None:
    lines = [json.loads(line) for line in exported.splitlines()]
    lines[3]["id"] = given
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "line 4 is not an event: its id can't be that of a record" in cli(server, "import", str(file), code=1).stderr
    assert ids(server) == {}


def test_an_id_that_two_events_share_is_reported_and_nothing_is_imported(
    server: Server, file: Path, exported: bytes
) -> None:
    lines = [json.loads(line) for line in exported.splitlines()]
    lines[20]["id"] = lines[3]["id"]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "seq 21: its id is used twice, by seq 4 before it" in cli(server, "import", str(file), code=1).stderr
    assert ids(server) == {}


def test_a_repeat_that_came_before_the_import_is_reported_with_what_to_do(
    another: Server, file: Path, exported: bytes
) -> None:
    first = json.loads(exported.splitlines()[0])
    another.guest().append_all({**create(0), "id": first["id"]})
    said = cli(another, "import", str(file), code=1).stderr
    assert "Events with the same id are pending or rejected here" in said
