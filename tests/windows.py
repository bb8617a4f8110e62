"""Windows onto the list of items, in Node and in a browser: what a person does there, and sees."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Browser, Page, expect
from support import DEADLINE, SUPERUSER, Server, eventually

JAVASCRIPT = Path(__file__).parent / "javascript"
PACKAGE = Path(__file__).parents[1] / "javascript"
SDK = JAVASCRIPT / "node_modules" / "pocketbase" / "dist" / "pocketbase.es.mjs"
SCRIPTS = ("compare.mjs", "shapes.mjs", "apps.mjs", "history.mjs", "counter.mjs", "changes.mjs")
ANN = {"PB_EMAIL": "ann@example.com", "PB_PASSWORD": "user-password"}
WAIT = DEADLINE * 1000  # as Playwright counts

expect.set_options(timeout=WAIT)


class Window(Protocol):
    """The user Ann is signed in there."""

    def add(self, title: str) -> None:
        """Append the event that creates an item."""

    def delete(self, title: str) -> None:
        """Append the event that deletes an item."""

    def says(self, text: str) -> None:
        """Wait until that is what became of the latest append."""

    def shows(self, *titles: str) -> None:
        """Wait until the list is this."""


class NodeWindow:
    """A process that runs window.mjs."""

    def __init__(self, node: subprocess.Popen[str], output: Path) -> None:
        self._node, self._output = node, output

    def add(self, title: str) -> None:
        self._append(type="create", item_id=os.urandom(8).hex()[:15], data={"title": title})

    def delete(self, title: str) -> None:
        self._append(type="delete", item_id={title: key for key, title in self._latest("rows")}[title])

    def says(self, text: str) -> None:
        eventually(lambda: self._latest("says") == text, f'"{text}" in {self._output}')

    def shows(self, *titles: str) -> None:
        def shown() -> bool:
            rows = self._latest("rows")
            return rows is not None and [title for _, title in rows] == list(titles)

        eventually(shown, f"{titles} in {self._output}")

    def _append(self, **event: Any) -> None:
        assert self._node.stdin is not None
        self._node.stdin.write(json.dumps(event) + "\n")
        self._node.stdin.flush()

    def _latest(self, kind: str) -> Any:
        assert self._node.poll() is None, self._output.read_text()
        written = self._output.read_text().rpartition("\n")[0].splitlines()
        return next((told[kind] for told in map(json.loads, reversed(written)) if kind in told), None)


class BrowserWindow:
    """The page that PocketBase serves."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def add(self, title: str) -> None:
        self.page.get_by_label("Title").fill(title)
        self.page.get_by_role("button", name="Add").click()

    def delete(self, title: str) -> None:
        row = self.page.get_by_role("listitem").filter(has_text=title)
        row.get_by_role("button", name="Delete").dispatch_event("click")  # at once: the list may be drawn anew

    def says(self, text: str) -> None:
        expect(self.page.get_by_role("status")).to_have_text(text)

    def shows(self, *titles: str) -> None:
        expect(self.page.locator("li span")).to_have_text(titles)


@contextmanager
def node_window(url: str, folder: Path) -> Iterator[NodeWindow]:
    """A window of Node, closed at the end."""
    output = folder / f"window-{os.urandom(4).hex()}"
    with (
        output.open("w") as file,
        subprocess.Popen(
            ["node", str(JAVASCRIPT / "window.mjs")],
            env={**os.environ, **ANN, "PB_URL": url},
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            text=True,
        ) as node,
    ):
        try:
            window = NodeWindow(node, output)
            window.says("Signed in")
            yield window
            assert node.stdin is not None
            node.stdin.close()
            assert node.wait(DEADLINE) == 0, output.read_text()
        finally:
            node.kill()


@contextmanager
def browser_window(browser: Browser, url: str) -> Iterator[BrowserWindow]:
    """A window of a browser of its own, that knows nothing of other windows; closed at the end."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(WAIT)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.clock.install()  # it goes by itself, and a test may turn it
        page.goto(url)
        page.get_by_label("Email").fill(ANN["PB_EMAIL"])
        page.get_by_label("Password").fill(ANN["PB_PASSWORD"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("status")).to_have_text("Signed in")
        yield BrowserWindow(page)
        assert errors == [], "nothing went wrong unnoticed"


def publish(folder: Path) -> None:
    """Put the page, the package and the SDK where PocketBase serves files from."""
    shutil.copytree(JAVASCRIPT / "page", folder)
    shutil.copytree(PACKAGE, folder / "pocketbase-events")
    for file in (SDK, *JAVASCRIPT.glob("*example.mjs")):
        shutil.copy(file, folder)


def run_script(server: Server, script: str, *arguments: str, node: tuple[str, ...] = ()) -> str:
    """What a script prints that runs in Node, with these options of it, as the user Ann."""
    superuser = {"PB_SUPERUSER": SUPERUSER[0], "PB_SUPERUSER_PASSWORD": SUPERUSER[1]}
    environment = {**os.environ, **ANN, **superuser, "PB_URL": server.url}
    started = ["node", *node, str(JAVASCRIPT / script), *arguments]
    done = subprocess.run(started, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def publish_scripts(folder: Path) -> None:
    shutil.copytree(JAVASCRIPT / "chromium", folder)
    shutil.copytree(PACKAGE, folder / "pocketbase-events")
    for file in (SDK, *(JAVASCRIPT / script for script in SCRIPTS)):
        shutil.copy(file, folder)


@contextmanager
def script_in_page(browser: Browser, url: str, script: str, *arguments: str) -> Iterator[tuple[Page, list[str]]]:
    """A page that runs the script, and what it prints."""
    printed: list[str] = []
    with browser.new_page() as page:
        page.on("console", lambda message: printed.append(message.text))
        page.goto(url)
        environment = {**ANN, "PB_SUPERUSER": SUPERUSER[0], "PB_SUPERUSER_PASSWORD": SUPERUSER[1], "PB_URL": url}
        process = {"env": environment, "argv": ["node", script, *arguments]}
        page.evaluate(
            "(process) => (globalThis.process = { ...process, exit: (code = 0) => (globalThis.exited ??= code) })",
            process,
        )
        page.evaluate(f"void import('./{script}').catch((error) => (console.log(error.stack), process.exit(1)))")
        yield page, printed
