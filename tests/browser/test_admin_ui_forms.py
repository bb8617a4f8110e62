"""The record forms of PocketBase's admin UI with our extension: they append events."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support import Server, command, eventually, item_id, live_rows, start_copy
from support.admin_ui import AdminUI, admin_window, give_extension

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def recording(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with the extension, and a worker."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("admin") / "pocketbase"):
        give_extension(server)
        with command("run", env=server.environment):
            yield server


@pytest.fixture
def window(chromium: Browser, recording: Server) -> Iterator[AdminUI]:
    with admin_window(chromium, recording) as opened:
        yield opened
        assert opened.complaints == []


def test_a_new_record_and_a_saved_change_become_events_of_the_superuser(window: AdminUI) -> None:
    window.open("collections?collection=items")
    window.page.get_by_role("button", name="New record", exact=True).first.click()
    window.form.locator("[name=id]").fill(item_id(1))
    window.form.locator("[name=title]").fill("Milk")
    window.form.get_by_role("button", name="Create", exact=True).click()
    window.says("Successfully created items")
    form = window.open_record("Milk")
    form.locator("[name=qty]").fill("3")
    form.get_by_role("button", name="Save changes").click()
    window.says("Successfully updated items")
    expect(window.row("Milk").locator("[data-name=qty]")).to_have_text("3")
    root = window.server.superuser()
    events = root.records("events", sort="seq", filter=f'item_id = "{item_id(1)}"')
    assert [(each["type"], each["data"]) for each in events] == [
        ("create", {"title": "Milk"}),
        ("update", {"qty": 3}),
    ]
    assert {each["actor"] for each in events} == {root.user_id}
    eventually(lambda: live_rows(window.server, ("title", "qty"))[item_id(1)] == {"title": "Milk", "qty": 3}, "the row")
