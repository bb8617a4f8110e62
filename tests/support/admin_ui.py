"""PocketBase's admin UI in a browser, with our extension in it: what a superuser does and sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect
from windows import WAIT

from pocketbase_events.jobs.admin_ui import write_admin_ui
from support.clients import Client
from support.server import SUPERUSER, Server
from support.waiting import eventually

WIDE = {"width": 1300, "height": 900}  # pixels
NARROW = {"width": 400, "height": 800}
# Toasts go after three seconds, so the page keeps what they said until a test asks for it.
KEEP_TOASTS = """
globalThis.toasts = [];
new MutationObserver((changes) => {
  for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes]))
    if (node.matches?.(".toast")) toasts.push(node.textContent);
}).observe(document, { childList: true, subtree: true });
"""
SAID = """(text) => {
  const place = toasts.findIndex((each) => each.includes(text));
  return place >= 0 && toasts.splice(0, place + 1);
}"""


def give_extension(server: Server) -> None:
    """Give the PocketBase the extension, and start it anew."""
    server.stop()
    write_admin_ui(server.folder / "pb_hooks")
    server.start()


def says(page: Page, text: str) -> None:
    """Wait until a toast says so, or has said so since the last one that was waited for. The page keeps its toasts."""
    page.wait_for_function(SAID, arg=text, polling=50)


class AdminUI:
    """One window of a superuser's. `complaints` are the warnings and errors of its console."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, email: str = SUPERUSER[0], password: str = SUPERUSER[1]) -> None:
        self.page.goto(f"{self.server.url}/_/")
        self.page.get_by_role("textbox", name="Email").fill(email)
        self.page.get_by_role("textbox", name="Password").fill(password)
        self.page.get_by_role("button", name="Login").click()
        expect(self.page.locator(".new-record-btn")).to_be_visible()

    def open(self, address: str) -> None:
        """Open a page of the UI by its address: "collections?collection=items"."""
        self.page.goto("about:blank")  # or only the address's fragment would change
        self.page.goto(f"{self.server.url}/_/#/{address}")

    def open_record(self, text: str, collection: str = "items") -> Locator:
        """Open the list of a collection, and from it the form of the record that shows this text."""
        self.open(f"collections?collection={collection}")
        self.row(text).click()
        expect(self.form).to_be_visible()
        return self.form

    def new_record(self, collection: str = "items", **values: str) -> Locator:
        """Open the form of a new record, and fill it in."""
        self.open(f"collections?collection={collection}")
        self.page.locator(".new-record-btn").click()
        for name, value in values.items():
            self.form.locator(f"[name={name}]").fill(value)
        return self.form

    def click(self, name: str) -> None:
        """Click the button of this name in what is on top."""
        self.page.get_by_role("button", name=name, exact=True).last.click()

    def confirm(self) -> None:
        """Say yes to the question that is asked."""
        self.page.locator(".modal.popup[data-modal-state=open] .modal-footer").get_by_role("button").last.click()

    def history(self, text: str, collection: str = "items") -> Locator:
        """Open the form of the record that shows this text, and its history."""
        self.open_record(text, collection)
        self.click("History")
        expect(self.panel.locator("li").first).to_be_visible()
        return self.panel

    @property
    def panel(self) -> Locator:
        return self.page.locator(".record-history-modal[data-modal-state=open]")

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("cell", name=text)).first

    @property
    def form(self) -> Locator:
        return self.page.locator(".record-upsert-modal[data-modal-state=open]")

    def says(self, text: str) -> None:
        """Wait until a toast says so."""
        says(self.page, text)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"warning", "error"}:
            self.complaints.append(message.text)


@contextmanager
def admin_window(
    browser: Browser, server: Server, user: tuple[str, str] = SUPERUSER, **context: object
) -> Iterator[AdminUI]:
    """A window in which a superuser is signed in; `context` takes Playwright's options, such as color_scheme."""
    if server.version < (0, 37):
        pytest.skip("The admin UI of PocketBase before 0.37 takes no extensions.")
    given = {"viewport": WIDE, "reduced_motion": "reduce", **context}
    with browser.new_context(**given) as opened:  # type: ignore[arg-type]
        opened.set_default_timeout(WAIT)
        opened.add_init_script(KEEP_TOASTS)
        window = AdminUI(opened.new_page(), server)
        window.sign_in(*user)
        yield window


def recorded(server: Server, item: str, collection: str = "items") -> list[tuple[str, Any]]:
    """Type and data of the recorded events of an item, in order."""
    wanted = f'seq > 0 && collection = "{collection}" && item_id = "{item}"'
    return [(each["type"], each["data"]) for each in server.superuser().records("events", sort="seq", filter=wanted)]


def append_all(client: Client, *events: tuple[str, str, dict[str, Any] | None], **intent: str) -> None:
    """Append events, `(type, item, data)` each, and wait until they are recorded."""
    for type_, item, data in events:
        body = {"type": type_, "collection": "items", "item_id": item, "data": data, "actor": client.user_id, **intent}
        answer = client("POST", "/api/collections/events/records", json=body)
        assert answer.status_code == 200, answer.text
        event = answer.json()["id"]
        eventually(lambda event=event: client.record("events", event)["seq"], "the event to be recorded")
