"""PocketBase's admin UI in a browser, with our extension in it: what a superuser does and sees."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from pocketbase_events.jobs.admin_ui import write_admin_ui
from support.server import SUPERUSER, Server

WIDE = {"width": 1300, "height": 900}  # pixels
NARROW = {"width": 400, "height": 800}


def give_extension(server: Server) -> None:
    """Give the PocketBase the extension, and start it anew."""
    server.stop()
    write_admin_ui(server.folder / "pb_hooks")
    server.start()


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
        expect(self.page.get_by_role("button", name="New record", exact=True)).to_be_visible()

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

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("cell", name=text)).first

    @property
    def form(self) -> Locator:
        return self.page.locator(".record-upsert-modal[data-modal-state=open]")

    def says(self, text: str | re.Pattern[str]) -> None:
        """Wait until a toast says so."""
        expect(self.page.locator(".toast").filter(has_text=text).first).to_be_visible()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"warning", "error"}:
            self.complaints.append(message.text)


@contextmanager
def admin_window(browser: Browser, server: Server, **context: object) -> Iterator[AdminUI]:
    """A window in which the superuser is signed in; `context` takes Playwright's options, such as color_scheme."""
    given = {"viewport": WIDE, "reduced_motion": "reduce", **context}
    with browser.new_context(**given) as opened:  # type: ignore[arg-type]
        opened.set_default_timeout(30_000)
        window = AdminUI(opened.new_page(), server)
        window.sign_in()
        yield window
