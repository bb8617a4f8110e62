"""PocketBase's admin UI in a browser: what a person sees there of the log, and can and can't do to it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support import (
    ITEM_FIELDS,
    SUPERUSER,
    Server,
    check_log,
    command,
    eventually,
    item_id,
    live_rows,
    pending,
    run_command,
)
from support.admin_ui import KEEP_TOASTS, says
from windows import WAIT

from pocketbase_events.pb.schema_files import schema_file

pytestmark = pytest.mark.browser
NO_COLOUR = 'items has no field "colour". Its fields are: title, qty, done, note.'


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context(viewport={"width": 1600, "height": 1000}) as context:
        context.set_default_timeout(WAIT)
        context.add_init_script(KEEP_TOASTS)
        yield context.new_page()


def sign_in(page: Page, server: Server) -> None:
    if server.version < (0, 40):
        pytest.skip("The admin UI of PocketBase before 0.40 is another one.")
    page.goto(f"{server.url}/_/")
    page.get_by_role("textbox", name="Email").fill(SUPERUSER[0])
    page.get_by_role("textbox", name="Password").fill(SUPERUSER[1])
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_role("button", name="New record", exact=True)).to_be_visible()


def open_collection(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile(rf"^{name}\b")).click()
    expect(page.get_by_role("navigation").filter(has_text=re.compile(rf"Collections\s*{name}"))).to_be_visible()


def append(page: Page, type_: str, item: str, data: str) -> None:
    """Fill in the record form, as its help texts say."""
    page.get_by_role("button", name="New record", exact=True).click()
    page.get_by_role("button", name="type *").click()
    page.get_by_role("button", name=type_, exact=True).click()
    page.get_by_role("textbox", name="collection *").fill("items")
    page.get_by_role("textbox", name="item_id *").fill(item)
    page.locator("[name=data]").get_by_role("textbox").fill(data)
    expect(page.get_by_text("Leave it 0: the worker sets it")).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    says(page, "Successfully created events")


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=text))


@pytest.mark.slow
def test_our_collections_are_imported_beside_those_that_are_there(bare: Server, page: Page) -> None:
    bare.create_collection("items", ITEM_FIELDS)
    sign_in(page, bare)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Import collections").click()
    page.get_by_role("textbox", name="Collections").fill(schema_file("collections.json").read_text())
    expect(page.get_by_text("Deleted", exact=True).first).to_be_visible()
    page.get_by_text("Merge with the existing collections").click()
    expect(page.get_by_text("Deleted", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Confirm and import").click()
    says(page, "Successfully imported")
    for command_ in ("init", "status"):
        done = run_command(command_, env=bare.environment)
        assert done.returncode == 0, done.stderr
    page.get_by_role("link", name="Collections", exact=True).click()
    for name in ("items", "events"):
        open_collection(page, name)


@pytest.mark.slow
def test_an_event_is_appended_in_the_form_and_the_list_says_what_became_of_it(server: Server, page: Page) -> None:
    sign_in(page, server)
    open_collection(page, "events")
    append(page, "create", item_id(1), '{"title": "Milk", "qty": 2}')
    append(page, "update", item_id(1), '{"colour": "red"}')
    with command("run", env=server.environment):
        eventually(lambda: pending(server) == 0, "both outcomes")
    page.get_by_role("button", name="Refresh").click()
    columns = ["id", "seq", "error", "actor", "type", "collection", "item_id", "data"]
    shown = [text.split()[-1] for text in page.get_by_role("columnheader").all_inner_texts() if text.strip()]
    assert shown[: len(columns)] == columns
    recorded, rejected = row(page, "Milk"), row(page, "colour")
    expect(recorded.get_by_role("cell").nth(1 + columns.index("seq"))).to_have_text("1")
    expect(rejected.get_by_role("cell").nth(1 + columns.index("seq"))).to_have_text("0")
    expect(rejected.get_by_role("cell").nth(1 + columns.index("error"))).to_have_text(NO_COLOUR)
    rejected.click()
    expect(page.get_by_role("textbox", name="error")).to_have_value(NO_COLOUR)
    assert live_rows(server, ("title", "qty")) == {item_id(1): {"title": "Milk", "qty": 2}}


@pytest.mark.slow
def test_a_recorded_event_and_its_row_cannot_be_changed(server: Server, page: Page) -> None:
    server.guest().append("create", item_id(1), {"title": "Milk"})
    with command("run", env=server.environment):
        eventually(lambda: live_rows(server, ("title",)), "the row")
    sign_in(page, server)
    for collection, field, content in (("events", "item_id *", item_id(1)), ("items", "title *", "Milk")):
        open_collection(page, collection)
        row(page, "Milk").click()
        page.get_by_role("textbox", name=field).fill("changed")
        page.get_by_role("button", name="Save changes").click()
        says(page, "Failed to update record.")
        page.goto("about:blank")  # or only the address's fragment would change
        page.goto(f"{server.url}/_/")
        open_collection(page, collection)
        row(page, "Milk").click()
        expect(page.get_by_role("textbox", name=field)).to_have_value(content)
        page.get_by_role("button", name="Close").click()
    open_collection(page, "events")
    row(page, "Milk").get_by_role("checkbox").check(force=True)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Yes").click()
    says(page, "Failed to delete record.")
    assert check_log(server).seq == 1
    assert live_rows(server, ("title",)) == {item_id(1): {"title": "Milk"}}
