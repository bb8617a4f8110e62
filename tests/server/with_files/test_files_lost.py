"""Files that are changed or lost outside of the log are found, and come back from it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import Server, eventually, item_id
from support.command_line import as_json, cli
from support.pictures import PNG, append, contents, settle, stored_files, with_pictures


@pytest.fixture
def album(server: Server) -> Server:
    """A PocketBase with three items, one of which is deleted, and a worker that has recorded them."""
    with_pictures(server)
    guest = server.guest()
    for number in range(1, 4):
        data = {"title": f"{number}", "picture": 0, "papers": [1, 2]}
        files = (f"{number}.png", PNG + bytes([number])), ("a.txt", b"A" * number), ("b.txt", b"B" * number)
        append(guest, "create", item_id(number), data, *files)
    append(guest, "update", item_id(2), {"picture": 0}, ("new.png", PNG + b"new"))
    guest.append("delete", item_id(3), collection="pics")
    settle(server)
    sound(server)
    return server


def sound(server: Server) -> None:
    assert as_json(server, "check", "--files")["differences"] == []
    for way in ([], ["--dir", str(server.data)]):
        assert as_json(server, "verify", "--files", *way)["ok"]


def folder_of(server: Server, collection: str, record: str) -> Path:
    found: list[dict[str, Any]] = server.superuser()("GET", "/api/collections?perPage=100").json()["items"]
    return server.data / "storage" / next(c["id"] for c in found if c["name"] == collection) / record


def all_contents(server: Server) -> list[list[bytes]]:
    return [contents(server, item_id(n), field) for n in (1, 2, 3) for field in ("picture", "papers")]


def test_verify_names_an_events_file_that_was_changed_truncated_or_removed(album: Server) -> None:
    events = album.superuser().records("events", sort="seq")
    files = [folder_of(album, "events", events[0]["id"]) / name for name in events[0]["files"]]
    files[0].write_bytes(PNG + b"other")
    files[1].write_bytes(b"")
    files[2].unlink()
    for way in ([], ["--dir", str(album.data)]):
        told = as_json(album, "verify", "--files", *way, code=1)
        assert [problem["seq"] for problem in told["problems"]] == [1, 1, 1]
        reasons = [problem["reason"] for problem in told["problems"]]
        assert [("changed" in why, "gone" in why) for why in reasons] == [(True, False), (True, False), (False, True)]
        assert all(name.name in why for name, why in zip(files, reasons, strict=True))
    assert as_json(album, "verify")["ok"], "without --files no file is looked at"


@pytest.mark.parametrize("reads", ["API", "file"])
def test_check_names_rows_whose_files_hold_something_else(album: Server, reads: str) -> None:
    way = ["--dir", str(album.data)] if reads == "file" else []
    row = album.superuser().record("pics", item_id(1))
    folder = folder_of(album, "pics", item_id(1))
    (folder / row["picture"]).write_bytes(b"other")
    (folder / row["papers"][1]).unlink()
    assert as_json(album, "check", *way)["ok"]
    [found] = as_json(album, "check", "--files", *way, code=1)["differences"]
    assert (found["id"], found["kind"], sorted(found["fields"])) == (item_id(1), "changed", ["papers", "picture"])
    assert found["fields"]["picture"][1] == f"{row['picture']} (changed)"
    assert found["fields"]["papers"][1] == [row["papers"][0], f"{row['papers'][1]} (gone)"]


def test_files_that_rows_have_lost_are_rebuilt(album: Server) -> None:
    before = all_contents(album)
    shutil.rmtree(folder_of(album, "pics", item_id(1)).parent)
    told = as_json(album, "rebuild", "--files")
    assert told["collections"]["pics"]["updated"] == 3
    assert all_contents(album) == before
    sound(album)


def test_rows_that_are_lost_with_their_files_are_rebuilt(album: Server) -> None:
    before = all_contents(album)
    cli(album, "attach", "pics", "--no-lock")
    root = album.superuser()
    for number in (1, 2, 3):
        assert root("DELETE", f"/api/collections/pics/records/{item_id(number)}").ok
    eventually(lambda: not stored_files(album), "the end of their files")
    assert as_json(album, "rebuild", "pics")["collections"]["pics"]["inserted"] == 3
    assert all_contents(album) == before
    sound(album)


def test_a_row_whose_file_the_log_has_lost_is_named_and_the_others_are_rebuilt(album: Server) -> None:
    event = album.superuser().records("events", sort="seq")[0]
    shutil.rmtree(folder_of(album, "events", event["id"]))
    shutil.rmtree(folder_of(album, "pics", item_id(1)).parent)
    done = cli(album, "rebuild", "--files", "--json", code=1)
    assert json.loads(done.stdout)["collections"]["pics"]["updated"] == 2
    assert f"pics {item_id(1)} could not be written: PocketBase does not show the file" in done.stderr


def test_after_a_rebuild_a_client_removes_a_file_by_the_name_that_it_had(album: Server) -> None:
    old = album.superuser().record("pics", item_id(1))["papers"]
    shutil.rmtree(folder_of(album, "pics", item_id(1)).parent)
    as_json(album, "rebuild", "--files")
    assert old != album.superuser().record("pics", item_id(1))["papers"]
    append(album.guest(), "update", item_id(1), {"papers-": old[0]})
    settle(album)
    assert contents(album, item_id(1), "papers") == [b"B"]
    sound(album)
