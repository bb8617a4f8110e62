"""examples/todo: published with the plain SDK, or with its one line changed, and what a person does there."""

import shutil
from pathlib import Path

from playwright.sync_api import Page, expect
from support import Server
from support.todos import FOR_USERS, SIGNED_IN, todo_fields
from windows import ANN, PACKAGE, SDK

EXAMPLE = Path(__file__).parents[1] / "examples" / "todo"
PLAIN = "new PocketBase(location.origin)"
WITH_EVENTS = f"withEvents({PLAIN}, {{ queue: localStorage }})"


def publish_app(folder: Path, *, events: bool) -> None:
    """Put the app where PocketBase serves files from; with events, its one line is changed."""
    shutil.copytree(EXAMPLE, folder)
    shutil.copytree(PACKAGE, folder / "pocketbase-events")
    shutil.copy(SDK, folder)
    if events:
        app = (folder / "app.mjs").read_text()
        assert app.count(PLAIN) == 1
        imported = 'import { withEvents } from "pocketbase-events";\n'
        (folder / "app.mjs").write_text(imported + app.replace(PLAIN, WITH_EVENTS))
        page = (folder / "index.html").read_text()
        (folder / "index.html").write_text(page + '<script type="module" src="./history.mjs"></script>\n')


def start_app(server: Server, *, events: bool) -> None:
    publish_app(server.folder / "pb_public", events=events)
    server.user("ann")
    server.create_collection("lists", [{"name": "name", "type": "text"}], **FOR_USERS)
    lists_id = server.superuser()("GET", "/api/collections/lists").json()["id"]
    server.create_collection("todos", todo_fields(lists_id), **FOR_USERS)
    if events:
        server.attach("todos", allow=SIGNED_IN)


def sign_in(page: Page) -> None:
    page.get_by_label("Email").fill(ANN["PB_EMAIL"])
    page.get_by_label("Password").fill(ANN["PB_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    says(page, "Signed in")


def says(page: Page, text: str) -> None:
    expect(page.get_by_role("status")).to_have_text(text)


def shows(page: Page, *rows: str) -> None:
    expect(page.locator("ul span")).to_have_text(rows)


def save(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Save").click()


def click(page: Page, row: str, name: str) -> None:
    """Click a button of a row, at once: while a mouse's button is down, the app may draw the rows anew."""
    page.locator("ul li").filter(has_text=row).get_by_role("button", name=name).dispatch_event("click")


def click_title(page: Page) -> None:
    """Click the only row's title, at once as well."""
    page.locator("ul span").dispatch_event("click")
