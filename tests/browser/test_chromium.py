"""The scripts that other tests run in Node, in Chromium: the same calls, and the same answers."""

import pytest
from playwright.sync_api import Browser
from support import Server, check_log, command
from support.todos import make_todos
from windows import WAIT, publish_scripts, script_in_page

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.usefixtures("javascript_packages")]


@pytest.mark.parametrize("script", ["compare.mjs", "history.mjs", "counter.mjs"])
def test_a_script_that_passes_in_node_passes_in_chromium(server: Server, chromium: Browser, script: str) -> None:
    publish_scripts(server.folder / "pb_public")
    server.user("ann")
    server.user("ben")
    make_todos(server)
    with (
        command("run", env=server.environment),
        script_in_page(chromium, server.url, script) as (page, printed),
    ):
        page.wait_for_function("globalThis.exited !== undefined", timeout=2 * WAIT)
        assert page.evaluate("globalThis.exited") == 0, "\n".join(printed)
    check_log(server)
