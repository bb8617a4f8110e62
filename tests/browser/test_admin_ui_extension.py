"""Our extension of PocketBase's admin UI: that it is there where it can be, and stays out of the way where it can't."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support import SUPERUSER, Server, start_copy
from support.admin_ui import AdminUI, admin_window, append_all, give_extension

from pocketbase_events.pb.schema_files import schema_file

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SOURCE = Path(__file__).parents[2] / "javascript" / "admin_ui"
MAIN = (SOURCE / "main.js").read_text()
USED = re.findall(r'"([\w.]+)"', MAIN[MAIN.index("const USED") : MAIN.index("];")])
# Extensions are found in `window`; this shows them one in which something is missing.
WITHOUT = """
const without = (object, [name, ...rest]) => new Proxy(object, {
  has: (_, key) => (key !== name || rest.length > 0) && key in object,
  get: (_, key) => (key !== name ? object[key] : rest.length ? without(object[key], rest) : undefined),
});
((window) => {
  const { app, t, store, watch } = window;
  %s
})(without(window, %s));
"""


def test_the_log_is_in_front_and_its_own_collections_are_out_of_the_way_and_explained(window: AdminUI) -> None:
    page = window.page
    expect(page.locator(".breadcrumbs")).to_contain_text("items")
    expect(page.get_by_role("link", name="Events")).to_be_visible()
    hidden = page.locator(".nav-group-regular-collections .nav-item:visible").filter(has_text=re.compile("event"))
    expect(hidden).to_have_count(0)
    page.get_by_text("Event log").click()
    group = page.locator(".nav-group-log")
    ours = [collection["name"] for collection in json.loads(schema_file("collections.json").read_text())]
    expect(group.get_by_role("button")).to_have_count(len(ours))
    assert set(ours) == set(re.findall(r"^  (event\w+):", (SOURCE / "collections.js").read_text(), re.MULTILINE))
    for name, says in (("event_head", "Where the log ends"), ("events", "Nothing has to be written here by hand")):
        group.get_by_role("button", name=name, exact=True).click()
        expect(page.locator(".log-explanation")).to_contain_text(says)
    page.get_by_placeholder("Search collections").fill("event_h")
    expect(page.locator(".nav-item:visible")).to_have_text([re.compile("event_head")])


def test_a_write_past_the_events_is_refused_with_the_reason(window: AdminUI) -> None:
    if not window.server.locks:
        pytest.skip("this PocketBase has no SQL endpoint, so nothing is locked")
    append_all(window.server.superuser(), ("create", "exteold00000001", {"title": "Ext event"}))
    window.open("collections?collection=events&filter=item_id%3D%22exteold00000001%22")
    window.row("exteold00000001").click()
    window.form.locator("[name=item_id]").fill("another")
    window.click("Save changes")
    window.says("An event never changes once it is appended; append another event instead.")
    window.complaints.clear()


def test_nothing_is_loaded_from_elsewhere(window: AdminUI) -> None:
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    append_all(window.server.superuser(), ("create", "extehome0000001", {"title": "Ext home"}))
    window.history("Ext home")
    window.open("events")
    expect(window.page.locator(".page")).to_be_visible()
    assert {url for url in asked if not url.startswith((window.server.url, "data:", "blob:", "about:"))} == set()


def test_where_an_interface_is_missing_one_line_says_so_and_the_ui_works_as_without_it(window: AdminUI) -> None:
    for missing in USED:
        hide(window.page, missing)
        window.open("collections?collection=items")
        expect(window.page.locator(".new-record-btn")).to_be_visible()
        expect(window.page.get_by_role("link", name="Events")).to_have_count(0)
        assert window.complaints == [f"pocketbase-events stays out of this admin UI, which lacks {missing}."]
        window.complaints.clear()
    window.page.locator(".new-record-btn").click()
    expect(window.form.locator("[name=title]")).to_be_visible()
    expect(window.form.get_by_label("Reason")).to_have_count(0)


def test_after_an_upgrade_the_second_visit_has_the_new_version(
    chromium: Browser, installed_template: Path, tmp_path: Path
) -> None:
    for server in start_copy(installed_template, tmp_path / "pocketbase"):
        give_extension(server)
        with admin_window(chromium, server) as window:
            server.stop()
            main = server.folder / "pb_hooks" / "pocketbase_events" / "main.js"
            main.write_text('console.warn("the new version");')
            server.start()
            window.open("collections")
            expect(window.page.locator(".new-record-btn")).to_be_visible()
            window.page.wait_for_load_state("networkidle")  # what this visit reads for the next one is there
            with window.page.expect_console_message(lambda message: message.text == "the new version"):
                window.open("collections")


def hide(page: Page, path: str) -> None:
    """Have the extension believe that the UI lacks an interface."""
    main = MAIN.replace("@version@", "0")
    script = WITHOUT % (main, path.split("."))

    def answer(route: Route) -> None:
        route.fulfill(body=script, content_type="text/javascript")

    page.unroute("**/_/extensions.js")
    page.route("**/_/extensions.js", answer)


def test_every_interface_that_is_used_is_checked_before() -> None:
    found: set[str] = set()
    for file in SOURCE.rglob("*.js"):
        text = re.sub(r"//.*|/\*.*?\*/", "", file.read_text())
        found |= {f"app.{'.'.join(names)}" for names in re.findall(r"\bapp\.(\w+)\.(\w+)", text)}
    optional = {"app.fieldTypes", "app.collectionTypes"}
    later = {"app.store.title", "app.store.errors"}  # written, not read
    assert {each for each in found - set(USED) - later if not each.startswith(tuple(optional))} == set()


def test_without_a_log_the_admin_ui_is_as_it_was(chromium: Browser, bare_template: Path, tmp_path: Path) -> None:
    for server in start_copy(bare_template, tmp_path / "pocketbase"):
        give_extension(server)
        server.create_collection("plain", [{"name": "title", "type": "text"}])
        with admin_window(chromium, server) as window:
            window.new_record("plain", title="As ever")
            window.click("Create")
            window.says("Successfully created plain")
            expect(window.page.get_by_text("Event log")).to_be_hidden()
            assert [line for line in window.complaints if "404" not in line] == []


@pytest.fixture
def old(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    for server in start_copy(installed_template, tmp_path / "pocketbase"):
        if server.version >= (0, 37):
            pytest.skip("This PocketBase takes extensions.")
        give_extension(server)
        yield server


def test_an_older_pocketbase_ignores_it(chromium: Browser, old: Server) -> None:
    complaints: list[str] = []
    page = chromium.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{old.url}/_/")
    page.get_by_label("Email").fill(SUPERUSER[0])
    page.get_by_label("Password").fill(SUPERUSER[1])
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_role("button", name="New record").first).to_be_visible()
    assert complaints == []
    page.close()
