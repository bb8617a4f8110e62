"""Makes the pictures of the pages: make screenshots. Needs a Chromium on the PATH, or named in CHROMIUM."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
WIDE = {"width": 1200, "height": 660}  # pixels
PHONE = {"width": 400, "height": 760}
PEOPLE = ("Ann", "Ben")
Event = tuple[str, str, str, Any, str]  # who, type, item, data, why
SHOPPING: tuple[Event, ...] = (
    ("Ann", "create", "milk00000000001", {"title": "Milk", "qty": 1}, ""),
    ("Ben", "create", "eggs00000000001", {"title": "Eggs", "qty": 6}, ""),
    ("Ben", "update", "milk00000000001", {"qty+": 2}, "three of us at breakfast"),
    ("Ann", "create", "coffee000000001", {"title": "Coffee", "note": "whole beans"}, ""),
    ("Ann", "update", "milk00000000001", {"price": 2}, ""),
    ("Ann", "update", "eggs00000000001", {"done": True}, ""),
    ("Ben", "delete", "coffee000000001", None, "there is some left"),
    ("Ann", "update", "coffee000000001", {"deleted": False}, "not any more"),
    ("Ben", "update", "milk00000000001", {"note": "the organic one"}, "asked for by Ann"),
)


@dataclass(frozen=True)
class Demo:
    """The demo while it runs: its address, and its superuser's email and password."""

    url: str
    email: str
    password: str

    def send(self, method: str, path: str, token: str = "", **body: object) -> dict[str, Any]:
        """Ask PocketBase for something; its answer."""
        headers = {"Authorization": token} if token else {}
        answer = requests.request(method, f"{self.url}/api/collections/{path}", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return dict(answer.json())

    def sign_in(self, collection: str, email: str, password: str) -> tuple[str, str]:
        """The token and the id of an account."""
        answer = self.send("POST", f"{collection}/auth-with-password", identity=email, password=password)
        return answer["token"], answer["record"]["id"]


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """The demo, used by Ann and Ben, with one event rejected."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{probe.getsockname()[1]}"
    program = Path(sysconfig.get_path("scripts")) / "pocketbase-events"
    arguments = [program, "serve", "--http", at, "--dir", folder]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as serve:
        try:
            assert serve.stdout is not None
            next(line for line in serve.stdout if "Ctrl-C" in line)
            known = json.loads((folder / "credentials.json").read_text())
            shop = Demo(f"http://{at}", known["superuser_email"], known["superuser_password"])
            go_shopping(shop)
            yield shop
        finally:
            serve.terminate()


def go_shopping(shop: Demo) -> None:
    """Let Ann and Ben append their events."""
    root, _ = shop.sign_in("_superusers", shop.email, shop.password)
    tokens = {}
    for name in PEOPLE:
        account = {"email": f"{name.lower()}@example.com", "password": "a-password"}
        shop.send("POST", "users/records", root, name=name, passwordConfirm=account["password"], **account)
        tokens[name] = shop.sign_in("users", account["email"], account["password"])
    for name, type_, item, data, reason in SHOPPING:
        token, actor = tokens[name]
        event = {"type": type_, "item_id": item, "data": data, "reason": reason, "actor": actor}
        shop.send("POST", "events/records", token, collection="shopping_items", **event)


def sign_in(page: Page, shop: Demo) -> None:
    """Open the admin UI as the demo's superuser."""
    page.goto(f"{shop.url}/_/")
    page.get_by_role("textbox", name="Email").fill(shop.email)
    page.get_by_role("textbox", name="Password").fill(shop.password)
    page.get_by_role("button", name="Login").click()
    page.locator(".new-record-btn").wait_for()


def take(page: Page, name: str) -> None:
    """Take the picture once nothing moves any more."""
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=HERE / name, animations="disabled")


def show(page: Page, shop: Demo, address: str, text: str) -> None:
    """Open a page of the admin UI, and wait for what it is to show."""
    page.goto("about:blank")
    page.goto(f"{shop.url}/_/#/{address}")
    page.get_by_text(text).first.wait_for()


def make(browser: Browser) -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as name, demo(Path(name)) as shop:
        page = browser.new_page(viewport=WIDE, reduced_motion="reduce")  # type: ignore[arg-type]
        sign_in(page, shop)
        show(page, shop, "events", "asked for by Ann")
        take(page, "admin-ui.png")
        breakfast = page.locator("tr[data-seq]").filter(has_text="three of us").get_attribute("data-seq")
        show(page, shop, f"events?tab=rows&at={breakfast}", "three of us")
        take(page, "time-travel.png")
        show(page, shop, "events", "asked for by Ann")
        page.get_by_role("button", name="Verify").click()
        page.get_by_text("The log is what was recorded.").wait_for()
        take(page, "verify.png")
        show(page, shop, "collections?collection=shopping_items", "Milk")
        page.get_by_role("cell", name="Milk").first.click()
        page.get_by_role("button", name="History", exact=True).click()
        page.locator(".record-history-modal").get_by_text("three of us at breakfast").wait_for()
        take(page, "history.png")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="dark")
        show(page, shop, "events", "asked for by Ann")
        take(page, "phone.png")


if __name__ == "__main__":
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium on the PATH. Install one, or name it in CHROMIUM.")
    with sync_playwright() as playwright:
        make(playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]))
