"""The history of a record in PocketBase's admin UI: who changed it, and taking that back."""

import pytest
from playwright.sync_api import Browser, expect
from support import Server, live_rows
from support.admin_ui import NARROW, AdminUI, admin_window, append_all, recorded

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MARKUP = "<img src=x onerror=alert(1)> Ann"


def entries(window: AdminUI) -> list[str]:
    """The entries that the panel shows, the newest first, each as one line of words."""
    return [" ".join(text.split()) for text in window.panel.locator("li").all_inner_texts()]


def test_it_says_when_who_why_and_what_from_what_to_whatever_a_name_looks_like(window: AdminUI) -> None:
    ann = window.server.user("ann")
    root = window.server.superuser()
    root("PATCH", f"/api/collections/users/records/{ann.user_id}", json={"name": MARKUP})
    append_all(ann, ("create", "histmilk0000001", {"title": "Hist milk", "qty": 2}))
    append_all(ann, ("update", "histmilk0000001", {"qty": 3}), reason="we drink <b>more</b>")
    append_all(root, ("update", "histmilk0000001", {"note": "oat"}))
    window.history("Hist milk")
    newest, middle, oldest = entries(window)
    assert newest.startswith("root@example.com changed it 20")
    assert "note nothing oat" in newest
    assert middle.startswith(f"{MARKUP} changed it 20")
    assert "we drink <b>more</b> qty 2 3" in middle
    assert "created it" in oldest
    assert "title Hist milk" in oldest
    expect(window.panel.locator("img, b")).to_have_count(0)


def test_one_event_is_taken_back_and_the_list_and_the_form_show_it(window: AdminUI) -> None:
    root = window.server.superuser()
    append_all(root, ("create", "histundo0000001", {"title": "Hist undo", "qty": 2}))
    append_all(root, ("update", "histundo0000001", {"qty": 9}), ("update", "histundo0000001", {"note": "kept"}))
    panel = window.history("Hist undo")
    panel.locator("li").nth(1).get_by_role("button", name="Undo").click()
    window.says("Taken back.")
    expect(panel.locator("li")).to_have_count(4)
    panel.get_by_role("button", name="Close").click()
    expect(window.form.locator("[name=qty]")).to_have_value("2")
    expect(window.form.locator("[name=note]")).to_have_value("kept")
    expect(window.row("Hist undo").locator("[data-name=qty]")).to_have_text("2")


def test_it_asks_before_it_takes_back_what_was_changed_again(window: AdminUI) -> None:
    root = window.server.superuser()
    append_all(root, ("create", "histconf0000001", {"title": "Hist conflict", "qty": 1}))
    append_all(root, ("update", "histconf0000001", {"qty": 2}), ("update", "histconf0000001", {"qty": 3}))
    panel = window.history("Hist conflict")
    panel.locator("li").nth(1).get_by_role("button", name="Undo").click()
    expect(window.page.get_by_text("qty was changed again since")).to_be_visible()
    window.confirm()
    window.says("Taken back.")
    expect(panel.locator("li").first).to_contain_text("3")
    assert recorded(window.server, "histconf0000001")[-1] == ("update", {"qty": 1})


def test_a_record_is_restored_to_a_moment_by_keyboard(window: AdminUI) -> None:
    root = window.server.superuser()
    append_all(root, ("create", "histkeys0000001", {"title": "Hist keys", "qty": 1}))
    append_all(root, ("update", "histkeys0000001", {"qty": 2}), ("update", "histkeys0000001", {"note": "x"}))
    window.open("collections?collection=items")
    window.row("Hist keys").focus()
    window.page.keyboard.press("Enter")
    history = window.form.get_by_role("button", name="History", exact=True)
    history.focus()
    window.page.keyboard.press("Enter")
    there = window.panel.get_by_role("button", name="Restore to here").last
    expect(there).to_be_visible()
    there.focus()
    window.page.keyboard.press("Enter")
    window.page.locator(".modal.popup[data-modal-state=open] .modal-footer button").last.focus()
    window.page.keyboard.press("Enter")
    window.says("Taken back.")
    expect(window.panel.locator("li")).to_have_count(4)
    window.panel.focus()
    window.page.keyboard.press("Escape")
    expect(window.panel).to_have_count(0)
    assert live_rows(window.server, ("title", "qty", "note"))["histkeys0000001"] == {
        "title": "Hist keys",
        "qty": 1,
        "note": "",
    }


def test_a_deleted_record_is_found_and_restored(window: AdminUI) -> None:
    root = window.server.superuser()
    append_all(root, ("create", "histgone0000001", {"title": "Hist gone"}), ("delete", "histgone0000001", None))
    window.open("collections?collection=items")
    expect(window.page.get_by_role("button", name="Deleted records")).to_be_visible()
    expect(window.row("Hist gone")).to_have_count(0)
    window.click("Deleted records")
    window.row("Hist gone").click()
    expect(window.form.get_by_text("This record is deleted.")).to_be_visible()
    window.form.get_by_role("button", name="Restore").click()
    window.says("Restored.")
    expect(window.form.get_by_text("This record is deleted.")).to_be_hidden()
    window.form.get_by_role("button", name="Close").click()
    window.click("Deleted records")
    expect(window.row("Hist gone")).to_be_visible()


def test_it_fits_a_phone_and_a_dark_screen(chromium: Browser, extended: Server) -> None:
    long = "a note that goes on and on " * 20
    append_all(extended.superuser(), ("create", "histdark0000001", {"title": "Hist dark", "note": long}))
    append_all(extended.superuser(), ("update", "histdark0000001", {"note": "x" * 400}))
    with admin_window(chromium, extended, viewport=NARROW, color_scheme="dark") as small:
        panel = small.history("Hist dark")
        width = panel.evaluate("element => element.querySelector('.modal-content').scrollWidth")
        assert width <= NARROW["width"]
        colours = panel.locator("li").first.evaluate(
            "element => [getComputedStyle(element.closest('.modal')).backgroundColor, getComputedStyle(element).color]"
        )
        ground, text = (int(colour.split("(")[1].split(",")[0]) for colour in colours)
        assert ground < 60
        assert text > 200
        assert small.complaints == []
