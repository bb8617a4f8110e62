"""examples/todo in Chromium: as it stands, with the plain SDK, and with one line changed, with events."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support import Server, check_log, command, eventually
from todo_app import EXAMPLE, PLAIN, WITH_EVENTS, click, click_title, save, says, shows, sign_in, start_app
from windows import WAIT

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("javascript_packages")]
Open = Callable[[], Page]


def test_the_app_has_sixty_lines_one_changes_and_the_history_needs_ten_more() -> None:
    def lines(name: str) -> list[str]:
        return [line for line in (EXAMPLE / name).read_text().splitlines() if line and not line.startswith("//")]

    assert len((EXAMPLE / "app.mjs").read_text().splitlines()) <= 60
    assert len(lines("history.mjs")) <= 10
    change = f"-export const pb = {PLAIN};\n+export const pb = {WITH_EVENTS};\n"
    assert change in (EXAMPLE.parents[1] / "docs" / "javascript.md").read_text()


@pytest.fixture
def open_app(server: Server, chromium: Browser) -> Iterator[Open]:
    """Opens windows of the app in which Ann is signed in, each with a storage of its own."""
    with ExitStack() as opened:

        def open_window() -> Page:
            page = opened.enter_context(chromium.new_context()).new_page()
            page.set_default_timeout(WAIT)
            page.goto(server.url)
            sign_in(page)
            return page

        yield open_window


@pytest.fixture
def with_events(server: Server) -> Iterator[Server]:
    start_app(server, events=True)
    with command("run", env=server.environment):
        yield server


@pytest.mark.parametrize(
    "events", [pytest.param(False, marks=pytest.mark.slow, id="plain"), pytest.param(True, id="with-events")]
)
def test_the_app_does_the_same_with_the_plain_sdk_and_with_events(server: Server, open_app: Open, events: bool) -> None:
    start_app(server, events=events)
    with ExitStack() as stack:
        if events:
            stack.enter_context(command("run", env=server.environment))
        one, other = open_app(), open_app()
        save(one, Title="Milk", Due="2026-01-31", Times="2")
        says(one, "Done")
        shows(other, "Milk 2 times 2026-01-31")
        save(one, Title="", Times="-1")
        says(one, "Failed")
        expect(one.locator("#title")).to_have_text("Cannot be blank.")
        expect(one.locator("#count")).to_contain_text("than 0")
        for page in (one, other, one):
            click(page, "Milk", "+1")
            says(page, "Done")
        shows(other, "Milk 5 times 2026-01-31")
        click(other, "Milk", "Edit")
        save(other, Title="Oat milk", Due="2026-02-01")
        says(other, "Done")
        shows(one, "Oat milk 5 times 2026-02-01")
        save(other, Title="Eggs")
        shows(one, "Eggs 0 times", "Oat milk 5 times 2026-02-01")
        for row in ("Eggs", "Oat milk"):
            one.locator("ul li").filter(has_text=row).get_by_role("checkbox").dispatch_event("click")
            says(one, "Done")
        other.get_by_role("button", name="Move").click()
        shows(one, "Eggs 0 times high", "Oat milk 5 times 2026-02-01 high")
        click(one, "Eggs", "Delete")
        shows(other, "Oat milk 5 times 2026-02-01 high")
    if events:
        check_log(server)


def test_the_panel_shows_what_happened_and_takes_it_back(with_events: Server, open_app: Open) -> None:
    page = open_app()
    save(page, Title="Milk")
    says(page, "Done")
    shows(page, "Milk 0 times")
    click(page, "Milk", "Edit")
    save(page, Title="Eggs", Times="3")
    says(page, "Done")
    shows(page, "Eggs 3 times")
    click_title(page)
    entries = page.locator("ol li")
    expect(entries).to_have_count(3)
    expect(entries.nth(1)).to_contain_text('{"title":["Milk","Eggs"]}')
    entries.nth(1).get_by_role("button", name="Undo").click()
    shows(page, "Milk 3 times")
    expect(entries).to_have_count(4)
    expect(entries.nth(3)).to_contain_text("undo of seq 2")
    check_log(with_events)


def refuse_appends(page: Page) -> None:
    """Have every append of this page fail on the way."""

    def lose(route: Route) -> None:
        route.abort() if route.request.method == "POST" else route.continue_()

    page.route("**/events/records", lose)
    page.route("**/api/batch", lose)


def stored(page: Page) -> int:
    """How many events wait in the page's storage."""
    return int(page.evaluate("import('./app.mjs').then(({ pb }) => pb.events.queued)"))


def test_what_was_not_sent_survives_a_reload_and_is_sent_in_order_once(with_events: Server, open_app: Open) -> None:
    page = open_app()
    save(page, Title="Milk")
    says(page, "Done")
    shows(page, "Milk 0 times")
    refuse_appends(page)
    click(page, "Milk", "Edit")
    save(page, Title="Eggs", Times="3")
    says(page, "Sending")
    eventually(lambda: stored(page) == 2, "the change in the storage")
    click(page, "Milk", "+1")
    eventually(lambda: stored(page) == 3, "the other one")
    page.reload()
    says(page, "Signed in")
    shows(page, "Milk 0 times")
    page.unroute_all(behavior="wait")
    shows(page, "Eggs 4 times")
    eventually(lambda: stored(page) == 0, "an empty storage")
    events: list[dict[str, Any]] = with_events.superuser().records("events", sort="seq")
    assert [event["data"] for event in events][1:] == [{"title": "Eggs"}, {"count": 3}, {"count+": 1}]
    check_log(with_events)


@pytest.mark.slow
def test_windows_share_what_was_not_sent(with_events: Server, open_app: Open) -> None:
    one = open_app()
    save(one, Title="Milk")
    says(one, "Done")
    other = one.context.new_page()
    other.goto(with_events.url)
    says(other, "Signed in")
    refuse_appends(one)
    click(one, "Milk", "Edit")
    save(one, Title="Eggs", Times="3")
    eventually(lambda: stored(one) == 2, "the change in the storage")
    click(other, "Milk", "+1")
    for page in (one, other):
        says(page, "Done")
        shows(page, "Eggs 4 times")
    click(one, "Eggs", "+1")
    eventually(lambda: stored(other) == 1, "the other one")
    one.close()
    shows(other, "Eggs 5 times")
    eventually(lambda: stored(other) == 0, "an empty storage")
    events: list[dict[str, Any]] = with_events.superuser().records("events", sort="seq")
    assert [event["data"] for event in events][1:] == [{"title": "Eggs"}, {"count": 3}, {"count+": 1}, {"count+": 1}]
    check_log(with_events)


@pytest.mark.slow
@pytest.mark.usefixtures("with_events")
def test_a_page_hears_that_what_an_earlier_one_wrote_was_rejected(open_app: Open) -> None:
    page = open_app()
    refuse_appends(page)
    save(page, Title="x" * 61)
    eventually(lambda: stored(page) == 1, "the event in the storage")
    page.reload()
    says(page, "Signed in")
    page.evaluate(
        "import('./app.mjs').then(({ pb }) => pb.events.addEventListener('rejected', ({ detail }) => {"
        " globalThis.heard = [detail.error.response.data.title.message, detail.events[0].data.title.length] }))"
    )
    page.unroute_all(behavior="wait")
    page.wait_for_function("globalThis.heard")
    why, length = page.evaluate("globalThis.heard")
    assert "60" in why
    assert length == 61
    assert stored(page) == 0


@pytest.mark.slow
def test_the_app_outlives_a_restart_of_pocketbase_and_of_the_worker(server: Server, open_app: Open) -> None:
    start_app(server, events=True)
    with command("run", env=server.environment):
        one, other = open_app(), open_app()
        save(one, Title="Milk")
        says(one, "Done")
        shows(other, "Milk 0 times")
    save(one, Title="Eggs")
    eventually(lambda: len(server.superuser().records("events")) == 2, "the event, which no worker records")
    says(one, "Sending")
    server.stop(signal.SIGKILL)
    click(other, "Milk", "+1")
    says(other, "Sending")
    server.start()
    with command("run", env=server.environment):
        for page in (one, other):
            says(page, "Done")
            shows(page, "Eggs 0 times", "Milk 1 times")
    assert check_log(server).seq == 3
