"""A public app's collection, whose files are required, under the log: used by a client that knows only PocketBase."""

from typing import Any

from support import Server, check_log, eventually, item_id
from support.command_line import as_json, cli
from support.pictures import PNG, append, contents, settle, stored_files

# The receipts of a household app, and the pictures of a gallery: required files, types, several of them.
RECEIPTS: list[dict[str, Any]] = [
    {"name": "vendor", "type": "text", "required": True},
    {"name": "total", "type": "number"},
    {
        "name": "scan", "type": "file", "required": True, "maxSelect": 1, "maxSize": 10_485_760,
        "mimeTypes": ["image/png", "image/jpeg", "application/pdf"], "thumbs": ["100x100"],
    },
    {"name": "attachments", "type": "file", "maxSelect": 20, "protected": True},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]  # fmt: skip
ROWS = "/api/collections/receipts/records"
USERS = '@request.auth.id != ""'


def test_a_public_apps_required_files_are_attached_changed_lost_and_rebuilt(server: Server) -> None:
    rules = {"listRule": USERS, "viewRule": USERS, "createRule": USERS, "updateRule": USERS, "deleteRule": USERS}
    server.create_collection("receipts", RECEIPTS, **rules)
    ann = server.user("ann")
    body = {"id": item_id(1), "vendor": "Baker"}
    assert ann("POST", ROWS, data=body, files=[("scan", ("old scan.png", PNG))]).ok, "before the log"
    cli(server, "attach", "receipts", "--adopt", "--yes")
    event: dict[str, Any] = {"collection": "receipts", "actor": ann.user_id}

    without = append(ann, "create", item_id(2), {"vendor": "Butcher"}, **event)
    data = {"vendor": "Butcher", "scan": 0, "attachments": [1, 2]}
    files = ("scan.png", PNG + b"2"), ("Ä note.txt", b"note"), ("copy.pdf", b"%PDF-1.4")
    append(ann, "create", item_id(3), data, *files, **event)
    settle(server)
    assert "scan: " in server.superuser().record("events", without["id"])["error"], "the field is required"

    append(ann, "update", item_id(3), {"scan": 0}, ("better.png", PNG + b"better"), **event)
    append(ann, "update", item_id(3), {"attachments+": 0}, ("more.txt", b"more"), **event)
    kept = ann("GET", f"{ROWS}/{item_id(3)}").json()
    append(ann, "update", item_id(3), {"attachments-": kept["attachments"][0]}, **event)
    settle(server)
    told = [contents(server, item_id(n), field, "receipts") for n in (1, 3) for field in ("scan", "attachments")]
    assert told == [[PNG], [], [PNG + b"better"], [b"%PDF-1.4", b"more"]]

    cli(server, "attach", "receipts", "--no-lock")
    for number in (1, 3):
        assert server.superuser()("DELETE", f"{ROWS}/{item_id(number)}").ok
    eventually(lambda: not stored_files(server, "receipts"), "the end of their files")
    assert as_json(server, "rebuild")["collections"]["receipts"]["inserted"] == 2
    assert [
        contents(server, item_id(n), field, "receipts") for n in (1, 3) for field in ("scan", "attachments")
    ] == told
    cli(server, "attach", "receipts", "--lock")
    assert as_json(server, "check", "--files")["differences"] == []
    assert as_json(server, "verify", "--files")["problems"] == []
    check_log(server)
