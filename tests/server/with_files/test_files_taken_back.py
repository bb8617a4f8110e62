"""Old files come back by undo and revert, and the past shows them."""

from support import Server, check_log, item_id
from support.command_line import as_json
from support.pictures import append, contents, recorded, settle
from support.working import working


def test_undo_and_revert_bring_old_files_back(pics: Server) -> None:
    guest, key = pics.guest(), item_id(101)
    first = recorded(
        pics, append(guest, "create", key, {"picture": 0, "papers": [1]}, ("1.txt", b"1"), ("p.txt", b"p"))
    )
    second = recorded(pics, append(guest, "update", key, {"picture": 0}, ("2.txt", b"2")))
    append(guest, "update", key, {"papers+": 0}, ("q.txt", b"q"))
    settle(pics)
    last = recorded(pics, append(guest, "update", key, {"papers-": pics.superuser().record("pics", key)["papers"][0]}))
    with working(pics):
        as_json(pics, "undo", str(second["seq"]), "--yes")
        assert contents(pics, key, "picture") == [b"1"]
        undone = as_json(pics, "undo", str(last["seq"]), "--yes")
        assert contents(pics, key, "papers") == [b"p", b"q"]
        as_json(pics, "undo", str(undone["appended"][0]["seq"]), "--yes")
        assert contents(pics, key, "papers") == [b"q"]
        as_json(pics, "revert", "pics", key, "--to", str(first["seq"]), "--yes")
    assert (contents(pics, key, "picture"), contents(pics, key, "papers")) == ([b"1"], [b"p"])
    check_log(pics)
    assert as_json(pics, "check", "pics", "--files")["ok"]


def test_a_deleted_item_is_restored_with_its_files(pics: Server) -> None:
    guest, key = pics.guest(), item_id(102)
    append(guest, "create", key, {"picture": 0}, ("1.txt", b"1"))
    guest.append("delete", key, collection="pics")
    recorded(pics, guest.append("update", key, {"deleted": False}, collection="pics"))
    assert contents(pics, key, "picture") == [b"1"]


def test_history_and_show_name_the_files_of_events(pics: Server) -> None:
    guest, key = pics.guest(), item_id(103)
    first = recorded(pics, append(guest, "create", key, {"papers": [0]}, ("cat.txt", b"1")))
    second = recorded(pics, append(guest, "update", key, {"papers+": 0}, ("dog.txt", b"2")))
    history = as_json(pics, "history", "pics", key)
    cat, dog = first["files"][0], second["files"][0]
    assert [entry["changes"] for entry in history] == [{"papers": [None, [cat]]}, {"papers": [[cat], [cat, dog]]}]
    assert as_json(pics, "show", "pics", key, "--at", str(first["seq"]))[0]["papers"] == [cat]
