"""The record forms of PocketBase's admin UI with our extension: they append events."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support import ITEM_FIELDS, Server, check_log, live_rows, run_command, start_copy
from support.admin_ui import AdminUI, admin_window, append_all, give_extension, recorded

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_new_record_and_a_saved_change_become_events_of_the_superuser(window: AdminUI) -> None:
    form = window.new_record(id="formmilk0000001", title="Form milk")
    form.get_by_label("Reason").fill("the fridge is empty")
    window.click("Create")
    window.says("Successfully created items")
    form = window.open_record("Form milk")
    form.locator("[name=qty]").fill("3")
    form.locator("[name=note]").fill("oat")
    window.click("Save changes")
    window.says("Successfully updated items")
    expect(window.row("Form milk").locator("[data-name=qty]")).to_have_text("3")
    root = window.server.superuser()
    wanted = 'item_id = "formmilk0000001"'
    create, *updates = root.records("events", sort="seq", filter=wanted)
    assert (create["data"], create["reason"]) == ({"title": "Form milk"}, "the fridge is empty")
    assert sorted(map(str, (each["data"] for each in updates))) == ["{'note': 'oat'}", "{'qty': 3}"]
    assert updates[0]["together"] == updates[1]["together"] != ""
    assert {each["actor"] for each in (create, *updates)} == {root.user_id}


def test_records_are_deleted_one_by_one_and_several_at_once(window: AdminUI) -> None:
    ids = [f"formdelete0000{number}" for number in (1, 2, 3)]
    append_all(window.server.superuser(), *(("create", id_, {"title": f"To delete {id_[-1]}"}) for id_ in ids))
    form = window.open_record("To delete 1")
    form.get_by_title("More options").click()
    form.get_by_role("button", name="Delete").click()
    window.confirm()
    expect(window.row("To delete 1")).to_have_count(0)
    for number in (2, 3):
        window.row(f"To delete {number}").locator("label").first.click()
    window.page.locator(".bulkbar").get_by_role("button", name="Delete").click()
    window.confirm()
    window.says("Successfully deleted 2 records.")
    expect(window.row("To delete 2")).to_have_count(0)
    assert all(live_rows(window.server, ("deleted",))[id_]["deleted"] for id_ in ids)
    assert [recorded(window.server, id_)[-1] for id_ in ids] == [("delete", None)] * 3


def test_a_rejection_is_shown_at_its_field(window: AdminUI) -> None:
    form = window.new_record(qty="1")
    window.click("Create")
    expect(form.locator(".generated-error")).to_have_text("Cannot be blank.")
    form.locator("[name=title]").fill("Not blank")
    window.click("Create")
    window.says("Successfully created items")
    window.complaints.clear()


def test_what_another_superuser_has_changed_meanwhile_is_kept(
    window: AdminUI, extended: Server, chromium: Browser
) -> None:
    append_all(extended.superuser(), ("create", "formtwo00000001", {"title": "Two at once", "qty": 1}))
    other = ("other@example.com", "other-password")
    body = {"email": other[0], "password": other[1], "passwordConfirm": other[1]}
    extended.superuser()("POST", "/api/collections/_superusers/records", json=body)
    form = window.open_record("Two at once")
    with admin_window(chromium, extended, user=other) as second:
        second.open_record("Two at once").locator("[name=qty]").fill("7")
        second.click("Save changes")
        second.says("Successfully updated")
    form.locator("[name=note]").fill("mine")
    window.click("Save changes")
    window.says("Successfully updated")
    expect(window.row("Two at once").locator("[data-name=qty]")).to_have_text("7")
    assert recorded(extended, "formtwo00000001")[1:] == [("update", {"qty": 7}), ("update", {"note": "mine"})]


def test_other_collections_are_written_as_ever(window: AdminUI, extended: Server) -> None:
    extended.create_collection("plain", ITEM_FIELDS)
    form = window.new_record("plain", title="No event")
    expect(form.get_by_label("Reason")).to_have_count(0)
    window.click("Create")
    window.says("Successfully created plain")
    expect(window.row("No event")).to_be_visible()
    assert not recorded(extended, window.row("No event").locator("[data-name=id]").inner_text(), "plain")


def test_a_collection_that_is_attached_while_its_form_is_open_is_written_by_events(
    window: AdminUI, extended: Server
) -> None:
    extended.create_collection("orders", ITEM_FIELDS)
    window.new_record("orders", id="formorder000001", title="An order")
    window.click("Create")
    window.says("Successfully created orders")
    form = window.open_record("An order", "orders")
    adopted = run_command("attach", "orders", "--adopt", "--yes", env=extended.environment)
    assert adopted.returncode == 0, adopted.stderr
    form.locator("[name=qty]").fill("2")
    window.click("Save changes")
    window.says("Successfully updated orders")
    assert recorded(extended, "formorder000001", "orders")[-1] == ("update", {"qty": 2})
    window.complaints.clear()  # the browser says that PocketBase refused the first attempt


def test_a_file_is_uploaded_and_removed_in_the_form(window: AdminUI, extended: Server) -> None:
    fields = [{"name": "title", "type": "text", "required": True}, {"name": "picture", "type": "file", "maxSelect": 1}]
    extended.create_collection("posters", fields)
    extended.attach("posters")
    form = window.new_record("posters", id="formalbum000001", title="An album")
    form.locator("input[type=file]").set_input_files({"name": "sun.txt", "mimeType": "text/plain", "buffer": b"sun"})
    window.click("Create")
    window.says("Successfully created posters")
    row = extended.superuser().record("posters", "formalbum000001")
    assert row["picture"].startswith("sun_")
    window.open_record("An album", "posters").get_by_role("button", name="Remove file").click()
    window.click("Save changes")
    window.says("Successfully updated posters")
    assert extended.superuser().record("posters", "formalbum000001")["picture"] == ""


def test_without_a_worker_the_form_says_that_the_change_waits(
    chromium: Browser, installed_template: Path, tmp_path: Path
) -> None:
    for server in start_copy(installed_template, tmp_path / "pocketbase"):
        give_extension(server)
        with admin_window(chromium, server) as window:
            window.new_record(id="waiting00000001", title="Waiting")
            for _ in range(2):
                window.click("Create")
                window.says("no worker has recorded it yet")
            window.complaints.clear()
            server.worker().run_once()
            expect(window.row("Waiting")).to_be_visible()
        assert check_log(server).seq == 1, "clicking again creates nothing twice"
        assert live_rows(server, ("title",)) == {"waiting00000001": {"title": "Waiting"}}
