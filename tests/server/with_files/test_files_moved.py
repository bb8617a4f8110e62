"""Files go with an export into another PocketBase, and come under the log with the rows that are adopted."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import Server, check_log, eventually, item_id
from support.command_line import as_json, cli
from support.pictures import FIELDS, PNG, append, contents, settle, sha, stored_files, with_pictures

ROWS = "/api/collections/pics/records"
ODD = [
    "ünïcode ÄÖ 日本.jpg", "日本", "a.b.c.tar.gz", "noext", ".hidden", "x" * 150 + ".png", "UPPER.JPEG", "weird;'q.txt",
    "..", "emoji😀.pdf", "sp ace  two.txt", "a" * 95 + "_12_0.png", "n." + "e" * 30, "same.txt", "same.txt", "a",
]  # fmt: skip


def adoptable(server: Server) -> list[str]:
    """A collection that is not attached, with rows that hold files of odd names; their ids."""
    many = [{**field, "maxSelect": 30} if field["name"] == "papers" else field for field in FIELDS]
    server.create_collection("pics", many, listRule="", viewRule="")
    root = server.superuser()
    papers: list[Any] = [("papers", (name, name.encode())) for name in ODD]
    bodies: list[list[Any]] = [papers, [("picture", ("a.png", PNG)), ("avatar", ("b.png", PNG))], []]
    for number, files in enumerate(bodies, 1):
        assert root("POST", ROWS, data={"id": item_id(number), "title": "x"}, files=files or None).ok
    return [item_id(number) for number in range(1, len(bodies) + 1)]


def test_an_export_carries_the_files_into_another_pocketbase(server: Server, pics: Server, tmp_path: Path) -> None:
    guest, file = pics.guest(), tmp_path / "log.jsonl"
    append(
        guest, "create", item_id(201), {"picture": 0, "papers": [1, 2]}, ("p", PNG), ("é.txt", b"1"), ("é.txt", b"2")
    )
    settle(pics)
    old = pics.superuser().record("pics", item_id(201))["papers"]
    append(guest, "update", item_id(201), {"papers-": old[0]})
    settle(pics)
    assert "files are in" in cli(pics, "export", str(file)).stderr
    kept = tmp_path / "log.jsonl.files"
    assert {path.name for path in kept.iterdir()} >= {sha(PNG), sha(b"1"), sha(b"2")}
    assert all(sha(path.read_bytes()) == path.name for path in kept.iterdir())
    assert as_json(pics, "verify", "--file", str(file), "--files")["ok"]
    with_pictures(server)
    cli(server, "import", str(file))
    assert check_log(server) == check_log(pics)
    assert contents(server, item_id(201), "picture") == [PNG]
    assert contents(server, item_id(201), "papers") == [b"2"]
    assert as_json(server, "check", "--files")["ok"]
    assert as_json(server, "verify", "--files")["ok"]


def test_an_import_without_the_files_changes_nothing_and_says_which_are_missing(
    server: Server, pics: Server, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    append(pics.guest(), "create", item_id(202), {"picture": 0}, ("p.png", PNG + b"202"))
    settle(pics)
    file.write_text(cli(pics, "export").stdout)
    assert "name a FILE" in cli(pics, "export").stderr
    assert as_json(pics, "verify", "--file", str(file))["ok"]
    with_pictures(server)
    done = cli(server, "import", str(file), "--json", code=1)
    assert sha(PNG + b"202") in done.stdout + done.stderr
    assert check_log(server).seq == 0


def test_rows_with_files_of_odd_names_are_adopted_rebuilt_and_moved(server: Server, tmp_path: Path) -> None:
    ids = adoptable(server)
    before, names = contents(server, ids[0], "papers"), server.superuser().record("pics", ids[0])["papers"]
    cli(server, "attach", "pics", "--allow", "", "--adopt")
    assert server.superuser().record("pics", ids[0])["papers"] == names, "adopting does not touch the row"
    check_log(server)
    assert as_json(server, "check", "--files")["ok"]
    assert as_json(server, "verify", "--files")["ok"]
    events = server.superuser().records("events", sort="seq")
    assert [(event["type"], len(event["files"])) for event in events[:2]] == [("create", 10), ("update", 6)]

    append(server.guest(), "update", ids[0], {"papers-": [names[3], names[13]]})
    settle(server)
    left = [data for place, data in enumerate(before) if place not in (3, 13)]
    assert contents(server, ids[0], "papers") == left
    assert as_json(server, "check", "--files")["ok"]

    cli(server, "attach", "pics", "--no-lock")
    for row in ids:
        assert server.superuser()("DELETE", f"{ROWS}/{row}").ok
    eventually(lambda: not stored_files(server), "the end of their files")
    assert as_json(server, "rebuild")["collections"]["pics"]["inserted"] == 3
    assert contents(server, ids[0], "papers") == left
    assert as_json(server, "check", "--files")["ok"]
    cli(server, "export", str(tmp_path / "log.jsonl"))
    names_now = server.superuser().record("pics", ids[0])["papers"]
    assert sorted(json.loads(line)["file_names"] for line in (tmp_path / "log.jsonl").read_text().splitlines()[:2])
    assert not set(names_now) & set(names)


@pytest.mark.parametrize("name", dict.fromkeys(ODD))
def test_a_file_of_any_name_finds_its_way(pics: Server, name: str) -> None:
    key = f"odd{ODD.index(name):012d}"
    append(pics.guest(), "create", key, {"papers": [0, 1]}, (name, b"one"), (name, b"two"))
    settle(pics)
    append(pics.guest(), "update", key, {"papers-": pics.superuser().record("pics", key)["papers"][0]})
    settle(pics)
    assert contents(pics, key, "papers") == [b"two"]


def test_after_all_that_rows_and_log_agree(pics: Server) -> None:
    assert as_json(pics, "check", "--files")["ok"]
    assert as_json(pics, "verify", "--files")["ok"]
