"""An event's files come into its row, and the log covers their content."""

from typing import Any

import pytest
from support import NEVER, Server, check_log, item_id
from support.pictures import PNG, append, contents, recorded, settle, sha, stored_files
from support.recording import outcome, why

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.record import Step


def test_a_create_brings_its_files_into_the_row_and_their_hashes_into_the_log(pics: Server) -> None:
    guest, key = pics.guest(), item_id(1)
    data = {"title": "Cat", "picture": 1, "papers": [2, 0]}
    event = append(guest, "create", key, data, ("a.txt", b"A"), ("cat photo.png", PNG), ("b.txt", b"B"))
    after = recorded(pics, event)
    assert after["file_hashes"] == [sha(b"A"), sha(PNG), sha(b"B")]
    assert contents(pics, key, "picture") == [PNG]
    assert contents(pics, key, "papers") == [b"B", b"A"]
    check_log(pics)


def test_files_are_replaced_added_removed_and_emptied(pics: Server) -> None:
    guest, key = pics.guest(), item_id(2)
    append(guest, "create", key, {"picture": 0, "papers": 1}, ("1.txt", b"1"), ("p.txt", b"p"))
    append(guest, "update", key, {"picture": 0}, ("2.txt", b"2"))
    append(guest, "update", key, {"papers+": [0, 1]}, ("q.txt", b"q"), ("r.txt", b"r"))
    settle(pics)
    assert contents(pics, key, "picture") == [b"2"]
    assert contents(pics, key, "papers") == [b"p", b"q", b"r"]
    names = pics.superuser().record("pics", key)["papers"]
    append(guest, "update", key, {"papers-": names[1]})
    append(guest, "update", key, {"+papers": 0}, ("o.txt", b"o"))
    settle(pics)
    assert contents(pics, key, "papers") == [b"o", b"p", b"r"]
    append(guest, "update", key, {"papers": None})
    recorded(pics, append(guest, "update", key, {"picture": None}))
    assert contents(pics, key, "papers") == contents(pics, key, "picture") == []
    assert not [path for path in stored_files(pics) if path.startswith(key)]
    check_log(pics)


@pytest.mark.parametrize(
    ("data", "files", "sentence"),
    [
        ({"picture": 0}, 0, '"picture" names file 0, but the event has 0'),
        ({"picture": "x.png"}, 1, "data names no field for file 0"),
        ({"picture": [0]}, 1, '"picture" takes a number: which of the event\'s own files'),
        ({"papers": [0, 0]}, 1, '"papers" names a file twice'),
        ({"papers": [0, "x"]}, 1, '"papers" takes a list of numbers'),
        ({"papers": True}, 0, '"papers" takes a list of numbers'),
        ({"papers": -1}, 1, "data names no field for file 0"),
        ({"title": "x"}, 1, "data names no field for file 0 of the event. Name one, or leave it out."),
        ({"picture+": 0}, 1, '"picture" holds one file. Set it, instead of adding to it.'),
        ({"papers+": None}, 0, '"papers" can be added files, not null.'),
        ({"papers-": 0}, 0, '"papers-" takes the name of one of the row\'s files'),
        ({"papers-": "no_1234567890.txt"}, 0, '"papers" of the item holds no file "no_1234567890.txt".'),
        ({"avatar": 0}, 1, "avatar: "),
    ],
)
def test_what_no_file_field_takes_is_rejected_with_a_sentence(
    pics: Server, data: dict[str, Any], files: int, sentence: str
) -> None:
    guest, key = pics.guest(), item_id(3)
    outcome(pics, guest.append("create", key, {}, collection="pics"))
    before = stored_files(pics)
    event = append(guest, "update", key, data, *[("x.txt", b"x")] * files)
    assert sentence in why(pics, event)
    assert stored_files(pics) == before
    check_log(pics)


def test_a_group_with_files_is_recorded_whole_or_not_at_all(pics: Server) -> None:
    guest = pics.guest()
    append(guest, "create", item_id(4), {"picture": 0}, ("x.png", PNG), together="album")
    last = append(guest, "create", item_id(5), {"avatar": 0}, ("x.txt", b"text"), together="album")
    assert "avatar: " in why(pics, last)
    assert not [path for path in stored_files(pics) if path.startswith((item_id(4), item_id(5)))]
    append(guest, "create", item_id(4), {"picture": 0}, ("x.png", PNG), together="album 2")
    recorded(pics, append(guest, "update", item_id(4), {"avatar": 0}, ("x.png", PNG), together="album 2"))
    assert contents(pics, item_id(4), "picture") == contents(pics, item_id(4), "avatar") == [PNG]
    check_log(pics)


def test_an_event_whose_file_is_gone_waits_a_minute_for_its_storage_and_is_rejected_then(pics: Server) -> None:
    event = append(pics.guest(), "create", item_id(6), {"picture": 0}, ("x.png", PNG))
    [path] = [path for path in stored_files(pics, "events") if path.startswith(event["id"])]
    (pics.data / "storage" / "pbe_events_0001" / path).unlink()
    now = [0.0]
    worker = pics.worker(timer=lambda: now[0])
    for now[0] in (0.0, 59.0):
        with pytest.raises(TroubleError, match="does not show the file"):
            worker.run_once()
    now[0] = 61.0
    assert worker.run_to_end(NEVER) is Step.IDLE
    rejected = pics.superuser().record("events", event["id"])
    assert rejected["error"].endswith("Is it still in its storage? Append the event again.")
    assert rejected["seq"] == 0
