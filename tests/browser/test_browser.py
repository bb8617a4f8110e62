"""The recipes in JavaScript at work, in Node and in a browser: the same files, the same scenarios."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from proxy import Proxy
from support import Server, check_log, command, create, eventually, live_rows
from windows import ANN, JAVASCRIPT, WAIT, BrowserWindow, Window, browser_window, node_window, publish

pytestmark = pytest.mark.usefixtures("javascript_packages")
NO_COLOUR = 'notes has no field "colour". Its fields are: body.'
APP_PRINTS = ["create Hello", "update Hello again", "Cannot be blank.", "[]", "delete Hello again"]
APPEND = b"POST /api/collections/events/records"
BROWSER = pytest.param("browser", marks=pytest.mark.browser)

Open = Callable[[str], Window]


@pytest.fixture
def server(server: Server) -> Server:
    """One that serves the page, and has the user Ann."""
    publish(server.folder / "pb_public")
    server.user("ann")
    return server


@pytest.fixture
def worker(server: Server) -> Iterator[None]:
    with command("run", env=server.environment):
        yield


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with closing(Proxy(server.port)) as proxy:
        yield proxy


@pytest.fixture(params=["node", BROWSER])
def open_window(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens windows in which Ann is signed in."""
    with ExitStack() as opened:
        if request.param == "node":
            yield lambda url: opened.enter_context(node_window(url, tmp_path))
        else:
            browser = request.getfixturevalue("chromium")
            yield lambda url: opened.enter_context(browser_window(browser, url))


def titles(server: Server) -> list[str]:
    return sorted(row["title"] for row in live_rows(server, ("title",)).values())


@pytest.mark.usefixtures("worker")
def test_an_append_in_one_window_shows_in_the_other_and_a_rejection_says_why(server: Server, open_window: Open) -> None:
    one, other = open_window(server.url), open_window(server.url)
    one.add("Milk")
    one.says("Recorded: 1")
    for window in (one, other):
        window.shows("Milk")
    other.add("Eggs")
    other.says("Recorded: 2")
    one.shows("Eggs", "Milk")
    one.delete("Milk")
    for window in (one, other):
        window.shows("Eggs")
    other.add("")
    rejected = eventually(lambda: server.superuser().records("events", filter='error != ""'), "the rejection")
    assert "title" in rejected[0]["error"]
    other.says(rejected[0]["error"])
    one.shows("Eggs")
    assert check_log(server).seq == 3


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_an_append_whose_answer_is_lost_is_recorded_once(server: Server, proxy: Proxy, open_window: Open) -> None:
    window = open_window(proxy.url)
    proxy.drop_the_answer_to(APPEND)
    window.add("Milk")
    window.says("Recorded: 1")
    window.shows("Milk")
    assert proxy.dropped.is_set()
    assert len(server.superuser().records("events")) == 1
    assert check_log(server).seq == 1


@pytest.mark.slow
def test_appends_and_the_list_outlive_a_pocketbase_that_is_killed(server: Server, open_window: Open) -> None:
    one, other = open_window(server.url), open_window(server.url)
    one.add("Milk")
    eventually(lambda: server.superuser().records("events"), "the append")
    server.stop(signal.SIGKILL)
    other.add("Eggs")
    other.says("Sending")
    server.start()
    eventually(lambda: len(server.superuser().records("events")) == 2, "the other append")
    with command("run", env=server.environment):
        one.says("Recorded: 1")
        other.says("Recorded: 2")
        for window in (one, other):
            window.shows("Eggs", "Milk")
    assert check_log(server).seq == 2


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_a_list_catches_up_with_what_it_missed(server: Server, proxy: Proxy, open_window: Open) -> None:
    window = open_window(proxy.url)
    window.add("Milk")
    window.shows("Milk")
    proxy.refuse()
    guest = server.guest()
    milk = next(iter(live_rows(server, ("title",))))
    guest.append("delete", milk)
    guest.append_all(create(1))
    eventually(lambda: titles(server) == ["Milk", "x"] and check_log(server).seq == 3, "the rows")
    window.shows("Milk")
    proxy.be_well()
    window.shows("x")


@pytest.mark.slow
@pytest.mark.parametrize("open_window", [BROWSER], indirect=True)
@pytest.mark.usefixtures("worker")
def test_a_browser_that_is_offline_appends_once_it_is_online_again(server: Server, open_window: Open) -> None:
    window = open_window(server.url)
    assert isinstance(window, BrowserWindow)
    context = window.page.context
    context.set_offline(True)
    with window.page.expect_event("requestfailed", lambda request: request.url.endswith("/events/records")):
        window.add("Milk")
    server.guest().append_all(create(1))
    eventually(lambda: titles(server) == ["x"], "the other row")
    window.says("Sending")
    context.set_offline(False)
    window.says("Recorded: 2")
    window.shows("Milk", "x")
    assert len(server.superuser().records("events")) == 2


@pytest.mark.slow
@pytest.mark.parametrize("open_window", [BROWSER], indirect=True)
@pytest.mark.usefixtures("worker")
def test_a_list_looks_for_itself_where_realtime_has_fallen_silent(
    server: Server, proxy: Proxy, open_window: Open
) -> None:
    window = open_window(proxy.url)
    assert isinstance(window, BrowserWindow)
    proxy.silence_streams()
    server.guest().append_all(create(1))
    eventually(lambda: titles(server) == ["x"], "the row")
    window.shows()
    window.page.clock.fast_forward(30_000)
    window.shows("x")


@pytest.mark.browser
@pytest.mark.usefixtures("worker")
def test_a_service_worker_writes_without_bundler_and_import_map(server: Server, chromium: Browser) -> None:
    with chromium.new_page() as page:
        page.goto(server.url)
        row = page.evaluate(
            """async ([email, password]) => {
              await navigator.serviceWorker.register("./worker.mjs", { type: "module" });
              const { active } = await navigator.serviceWorker.ready;
              const { port1, port2 } = new MessageChannel();
              const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
              active.postMessage({ email, password }, [port2]);
              return answer;
            }""",
            [*ANN.values()],
        )
    assert row["title"] == "From a service worker"
    assert titles(server) == ["From a service worker"]


@pytest.fixture
def notes(server: Server) -> Server:
    """What the example writes to."""
    server.create_collection("notes", [{"name": "body", "type": "text", "required": True}], listRule="", viewRule="")
    server.attach("notes")
    return server


def run_in_node(notes: Server, example: str, *wanted: str) -> list[str]:
    """The lines that an example of the page prints, until it ends, or has printed those that are wanted."""
    started = ["node", str(JAVASCRIPT / "run_example.mjs"), example]
    environment = {**os.environ, **ANN, "PB_URL": notes.url}
    printed: list[str] = []
    with subprocess.Popen(started, env=environment, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        for line in node.stdout:
            printed.append(line.rstrip())
            if wanted and {*wanted} <= {*printed}:
                node.kill()
    return printed


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_the_examples_of_the_past_work_in_node_as_they_stand(notes: Server) -> None:
    when, *changed, body = run_in_node(notes, "readme_example.mjs")
    assert "[ 'Hello', 'Hello again' ] friendlier" in " ".join([when, *changed])
    assert body == "Hello"
    created, deleted, rows = run_in_node(notes, "history_example.mjs")
    assert created.endswith("create [ 'body' ]")
    assert deleted.endswith("delete [ 'deleted' ]")
    assert rows == "[ 'Hello', 'Hello' ]"


def run_in_browser(notes: Server, browser: Browser, example: str, *wanted: str) -> list[str]:
    """The lines that an example of the page prints, until it has printed those that are wanted."""
    with browser.new_page() as page:
        printed: list[str] = []
        page.on("console", lambda message: printed.append(message.text))
        page.goto(notes.url)
        given = [notes.url, *ANN.values()]
        page.evaluate("([url, email, password]) => Object.assign(globalThis, { url, email, password })", given)
        with page.expect_console_message(lambda message: {*wanted} <= {*printed, message.text}, timeout=WAIT):
            page.evaluate(f"import('./{example}')")
    return printed


@pytest.mark.usefixtures("worker")
def test_the_example_works_in_node_as_it_stands(notes: Server) -> None:
    printed = run_in_node(notes, "example.mjs")
    assert printed[0] == "[]"
    assert printed[-1] == NO_COLOUR
    assert [*live_rows(notes, ("body",), "notes").values()] == [{"body": "Hello again"}]


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.usefixtures("worker")
def test_the_example_works_in_a_browser_as_it_stands(notes: Server, chromium: Browser) -> None:
    printed = run_in_browser(notes, chromium, "example.mjs", NO_COLOUR)
    assert printed[0] == "[]"
    assert NO_COLOUR in printed
    assert [*live_rows(notes, ("body",), "notes").values()] == [{"body": "Hello again"}]


@pytest.mark.usefixtures("worker")
def test_the_example_of_an_app_works_in_node_as_it_stands(notes: Server) -> None:
    assert {*APP_PRINTS} == {*run_in_node(notes, "app_example.mjs", *APP_PRINTS)}
    assert check_log(notes).seq == 3


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.usefixtures("worker")
def test_the_example_of_an_app_works_in_a_browser_as_it_stands(notes: Server, chromium: Browser) -> None:
    assert {*APP_PRINTS} <= {*run_in_browser(notes, chromium, "app_example.mjs", *APP_PRINTS)}
    assert check_log(notes).seq == 3


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.usefixtures("worker")
def test_the_example_of_a_queue_works_in_a_browser_as_it_stands(notes: Server, chromium: Browser) -> None:
    assert run_in_browser(notes, chromium, "queue_example.mjs", "0")[-1] == "0"
