"""Makes the pictures of the pages: python docs/images/make.py. Needs a Chromium on the PATH, or named in CHROMIUM."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
SIZE = {"width": 1640, "height": 680}  # pixels
SHOPPING = (
    ("create", "milk00000000001", {"title": "Milk", "qty": 1}),
    ("create", "eggs00000000001", {"title": "Eggs", "qty": 6}),
    ("update", "milk00000000001", {"qty": 3}),
    ("create", "bread0000000001", {"title": "Bread", "note": "rye"}),
    ("update", "milk00000000001", {"price": 2}),
    ("update", "eggs00000000001", {"done": True}),
    ("delete", "bread0000000001", None),
)


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """The demo, with some events recorded and one rejected; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{probe.getsockname()[1]}"
    program = Path(sysconfig.get_path("scripts")) / "pocketbase-events"
    arguments = [program, "serve", "--http", at, "--dir", folder]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as serve:
        try:
            assert serve.stdout is not None
            next(line for line in serve.stdout if "Ctrl-C" in line)
            for type_, item, data in SHOPPING:
                event = {"type": type_, "collection": "shopping_items", "item_id": item, "data": data}
                requests.post(f"http://{at}/api/collections/events/records", json=event, timeout=10).raise_for_status()
            yield f"http://{at}"
        finally:
            serve.terminate()


def sign_in(page: Page, url: str, folder: Path) -> None:
    """Open the admin UI as the demo's superuser."""
    credentials = json.loads((folder / "credentials.json").read_text())
    page.goto(f"{url}/_/")
    page.get_by_role("textbox", name="Email").fill(credentials["superuser_email"])
    page.get_by_role("textbox", name="Password").fill(credentials["superuser_password"])
    page.get_by_role("button", name="Login").click()
    page.get_by_role("button", name="New record", exact=True).wait_for()


def show_log(page: Page, url: str) -> None:
    """Show the events, the newest first."""
    page.goto(f"{url}/_/#/collections?collection=events&sort=-@rowid")
    page.get_by_text("has no field").first.wait_for()


def make(browser: Browser) -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as name, demo(Path(name)) as url:
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        sign_in(page, url, Path(name))
        show_log(page, url)
        page.mouse.move(0, 0)
        page.screenshot(path=HERE / "admin-ui.png")


if __name__ == "__main__":
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium on the PATH. Install one, or name it in CHROMIUM.")
    with sync_playwright() as playwright:
        make(playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]))
