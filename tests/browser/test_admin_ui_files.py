"""The file picker of the admin UI's record form, and the files in a record's history."""

from base64 import b64decode

import pytest
from playwright.sync_api import FilePayload, expect
from support import check_log
from support.admin_ui import AdminUI, recorded
from support.command_line import as_json
from support.pictures import contents

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "cover", "type": "file", "maxSelect": 1},
    {"name": "papers", "type": "file", "maxSelect": 5},
]
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def test_files_are_picked_replaced_and_removed_in_the_form_and_shown_in_the_history(window: AdminUI) -> None:
    server, key = window.server, "formfile0000001"
    server.create_collection("albums", FIELDS)
    server.attach("albums")
    form = window.new_record("albums", id=key, title="Album")
    inputs = form.locator("input[type=file]")
    inputs.nth(0).set_input_files(payload("cover.png", PNG))
    inputs.nth(1).set_input_files([payload("a.txt", b"A"), payload("b.txt", b"B")])
    window.click("Create")
    window.says("Successfully created albums")
    assert contents(server, key, "cover", "albums") == [PNG]
    assert contents(server, key, "papers", "albums") == [b"A", b"B"]
    form = window.open_record("Album", "albums")
    inputs = form.locator("input[type=file]")
    form.get_by_label("Remove file").first.click()
    inputs.nth(0).set_input_files(payload("other.png", PNG + b"2"))
    inputs.nth(1).set_input_files(payload("c.txt", b"C"))
    window.click("Save changes")
    window.says("Successfully updated albums")
    assert contents(server, key, "cover", "albums") == [PNG + b"2"]
    assert contents(server, key, "papers", "albums") == [b"A", b"B", b"C"]
    panel = window.history("Album", "albums")
    expect(panel.get_by_title("cover_")).not_to_have_count(0)
    expect(panel.locator("img.record-history-picture:not([hidden])")).not_to_have_count(0)
    assert [type_ for type_, _ in recorded(server, key, "albums")] == ["create", "update", "update"]
    check_log(server)
    assert as_json(server, "check", "albums", "--files")["ok"]
