"""The page Events of the admin UI when the log is long, broken, or without a worker, in all sizes and colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect
from support import NEVER, Server, eventually, fill_log, item_id
from support.admin_ui import NARROW, WIDE, admin_window, give_extension
from support.command_line import as_json
from support.events_page import EventsPage, events_page, is_in_sight
from support.server import see_worker, start_copy
from support.tampering import inserts, removes, sets, sets_bytes, tamper_with

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MANY = 100_000
AT_MOST = 400  # rows that the list keeps


@contextmanager
def shown(server: Server, chromium: Browser, **context: object) -> Iterator[EventsPage]:
    """The page on a PocketBase that is stopped."""
    if server.version < (0, 37):
        pytest.skip("PocketBase before 0.37 knows no extensions of its admin UI")
    give_extension(server)
    with events_page(chromium, server, **context) as page:
        yield page


@pytest.fixture(scope="module")
def long(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with 100,000 recorded events, and 120 rejected ones."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("long") / "pocketbase"):
        server.stop()
        fill_log(server, MANY, rejected=120)
        see_worker(server.data)
        yield server


# -- 100,000 events ----------------------------------------------------------------------------------------


def test_a_long_log_is_read_a_page_at_a_time(long: Server, chromium: Browser) -> None:
    with shown(long, chromium) as events:
        asked: list[str] = []
        events.page.on("request", lambda request: asked.append(request.url))
        events.open()
        expect(events.rows.first).to_have_attribute("data-seq", str(MANY))
        assert len(events.seqs()) == 50
        assert sum("event_log" in url for url in asked) == 1
        scroll = events.page.locator(".events-scroll")
        for _ in range(2 * AT_MOST // 50):
            before = events.seqs()
            scroll.evaluate("element => element.scrollTo(0, element.scrollHeight)")
            eventually(lambda before=before: events.seqs()[-1] < before[-1], "older events")
        found = events.seqs()
        assert found == list(range(found[0], found[0] - AT_MOST, -1)), "without gaps, and not more than can be scrolled"
        assert not any("page=" in url and "page=1" not in url for url in asked if "event_log" in url)
        for _ in range(3 * AT_MOST // 50):
            before = events.seqs()
            scroll.evaluate("element => element.scrollTo(0, 0)")
            eventually(lambda before=before: events.seqs()[0] > before[0] or before[0] == MANY, "newer events")
        found = events.seqs()
        assert found == list(range(MANY, MANY - len(found), -1)), "and back"


def test_filters_find_what_they_want_in_a_long_log(long: Server, chromium: Browser) -> None:
    with shown(long, chromium) as events:
        events.open(item=item_id(7))
        expect(events.rows).to_have_count(5)
        events.open(text="n98", type="update")
        expect(events.rows.last).to_contain_text("n98")
        events.open(tab="rejected")
        expect(events.page.get_by_text("There is no such item.")).to_have_count(50)
        events.page.get_by_role("button", name="Load older").click()
        expect(events.page.get_by_text("There is no such item.")).to_have_count(100)


def test_time_travel_goes_through_a_long_log(long: Server, chromium: Browser) -> None:
    with shown(long, chromium) as events:
        for seq in (MANY, 50_003, 4):
            events.open(tab="rows", at=seq)
            expect(events.page.get_by_role("button", name=f"Event {seq:,}", exact=True)).to_be_visible()
            rows = events.past_rows()
            latest = item_id((seq - 1) // 5)
            expected = {row["id"]: row for row in as_json(long, "show", "items", latest, "--at", str(seq))}
            assert {key: rows[latest][key] for key in ("title",)} == {"title": expected[latest]["title"]}
            assert len(rows) == min(50, (seq - 1) // 5 + 1)
        events.slider.fill("77777")
        expect(events.page.get_by_role("button", name="Event 77,777", exact=True)).to_be_visible()
        assert "at=77777" in events.page.url


def test_a_long_log_is_verified_while_the_bar_moves(long: Server, chromium: Browser) -> None:
    with shown(long, chromium) as events:
        events.open()
        events.page.get_by_role("button", name="Verify").click()
        bar = events.page.get_by_role("progressbar", name="Events checked")
        verdict, seen = events.page.locator(".events-verdict .alert"), set()
        while not verdict.count():
            seen.add(bar.evaluate("bar => bar.value"))
        assert len(seen) > 5
        expect(verdict).to_contain_text("The log is what was recorded.")
        expect(events.page.locator(".events-verify")).to_contain_text("100,000 events checked")


def test_what_the_log_gains_while_the_newest_are_out_of_sight_is_listed_once(server: Server, chromium: Browser) -> None:
    server.stop()
    fill_log(server, 600)
    with shown(server, chromium) as events:
        events.open()
        expect(events.rows.first).to_have_attribute("data-seq", "600")
        scroll = events.page.locator(".events-scroll")
        up, down = (f"element => {{ element.scrollTo(0, {place}) }}" for place in ("0", "element.scrollHeight"))
        eventually(lambda: scroll.evaluate(down) or events.seqs()[0] < 600, "a list without the newest")
        server.guest().append("create", item_id(500), {"title": "News"})
        server.worker().run_to_end(NEVER)
        expect(events.health("Head 601")).to_be_visible()
        eventually(lambda: scroll.evaluate(up) or events.seqs()[0] == 601, "the news")
        server.guest().append("delete", item_id(500))
        server.worker().run_to_end(NEVER)
        expect(events.rows.first).to_have_attribute("data-seq", "602")
        found = events.seqs()
        assert found == list(range(602, 602 - len(found), -1))


# -- broken ------------------------------------------------------------------------------------------------


def test_a_chain_broken_in_the_database_file_is_found_and_located(server: Server, chromium: Browser) -> None:
    server.stop()
    fill_log(server, 60)
    tamper_with(
        server,
        sets("data", '{"qty": 7}', 15),
        removes(22, 23),
        sets("hash", "0" * 64, 31),
        inserts(40, event_id=str(uuid4())),
        sets_bytes("data", b'{"note": "\xff"}', 45),
        sets("data", '{"qty": 1, "qty": 1}', 50),
        sets("timestamp", "2020-01-01 00:00:00.000Z", 55),
    )
    with shown(server, chromium) as events:
        told = as_json(server, "verify", code=1)["problems"]
        assert {problem["seq"] for problem in told} == {15, 22, 31, 40, 45, 50, 55}
        events.open()
        verdict = events.verify()
        expect(verdict).to_contain_text("The log is not what was recorded. It breaks at event 15.")
        lines = verdict.get_by_role("listitem").all_inner_texts()
        assert lines == [f"Event {problem['seq']}: {problem['reason']}" for problem in told]
        verdict.get_by_role("button", name="Event 15").click()
        expect(events.fact("hash")).to_contain_text("It is not the hash of this content and the hash before it.")


# -- without a worker --------------------------------------------------------------------------------------


def test_the_page_says_when_the_worker_is_stopped(server: Server, chromium: Browser) -> None:
    server.stop()
    see_worker(server.data, ago=575)  # which is 10 minutes for the next 55 seconds
    with shown(server, chromium) as events:
        events.open()
        expect(events.trouble).to_contain_text("No worker has looked for events for 10 minutes. Start one:")
        expect(events.trouble).to_contain_text("pocketbase-events run")
        server.guest().append("create", item_id(1), {"title": "Milk"})
        events.tab("Pending").click()
        expect(events.row("Milk")).to_be_visible()
        expect(events.trouble).to_contain_text("no worker takes them")
        assert as_json(server, "status", code=1)["problems"]
        if server.locks:
            events.row("Milk").get_by_role("button", name="Delete").click()
            events.page.get_by_role("button", name="Yes").click()
            expect(events.page.get_by_text("Nothing is pending")).to_be_visible()
            assert server.superuser().records("events") == []


def test_the_first_event_after_the_list_of_pending_ones_was_opened_is_shown(server: Server, chromium: Browser) -> None:
    server.stop()
    with shown(server, chromium) as events:
        events.open()
        events.tab("Pending").click()
        expect(events.page.get_by_text("Nothing is pending")).to_be_visible()
        server.guest().append("create", item_id(1), {"title": "Milk"})
        expect(events.row("Milk")).to_be_visible()


def test_a_superuser_sees_whether_the_log_is_locked(server: Server, chromium: Browser) -> None:
    server.stop()
    with shown(server, chromium) as events:
        events.open()
        expect(events.health("Locked" if server.locks else "Not locked")).to_be_visible()
        expect(events.page.get_by_text("Nothing is recorded yet.")).to_be_visible()
        expect(events.verify()).to_contain_text("The log is empty.")


def test_without_a_log_the_page_says_how_to_get_one(bare: Server, chromium: Browser) -> None:
    bare.stop()
    if bare.version < (0, 37):
        pytest.skip("PocketBase before 0.37 knows no extensions of its admin UI")
    give_extension(bare)
    with admin_window(chromium, bare) as window:
        window.open("events")
        expect(window.page.get_by_text("The log is not set up here. Run: pocketbase-events init")).to_be_visible()


def test_without_a_server_the_page_says_so_and_goes_on_later(server: Server, chromium: Browser) -> None:
    server.stop()
    give_extension(server)
    with admin_window(chromium, server) as window:
        events = EventsPage(window)
        events.open()
        server.stop()
        expect(events.trouble).to_contain_text("PocketBase does not answer. This page tries again.")
        server.start()
        server.guest().append("create", item_id(1), {"title": "Milk"})
        server.worker().run_to_end(NEVER)
        expect(events.row("Milk")).to_be_visible()
        expect(events.health("Head 1")).to_be_visible()


def test_where_browsers_compute_no_hashes_the_page_says_what_to_do(server: Server, chromium: Browser) -> None:
    server.stop()
    fill_log(server, 5)
    with shown(server, chromium) as events:
        events.page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")  # as over http
        events.open()
        expect(events.verify()).to_contain_text("Verify from a shell: pocketbase-events verify")
        events.page.keyboard.press("Escape")
        events.rows.first.click()
        expect(events.fact("hash")).to_contain_text("over https only")


# -- sizes and colours -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_is_in_sight_and_readable(long: Server, chromium: Browser, scheme: str) -> None:
    with shown(long, chromium, color_scheme=scheme) as events:
        for size in (WIDE, NARROW):
            events.page.set_viewport_size(size)  # type: ignore[arg-type]
            for query in ({}, {"tab": "pending"}, {"tab": "rejected"}, {"tab": "rows", "at": 50}, {"event": 50}):
                events.open(**query)  # type: ignore[arg-type]
                expect(
                    events.page.locator(".events-content tbody tr, .events-nothing:not([hidden])").first
                ).to_be_visible()
                eventually(lambda: is_in_sight(events.page), f"{query} in sight")
                for name in ("Pause", "Verify"):
                    expect(events.page.get_by_role("button", name=name)).to_be_in_viewport()
            colours = events.page.locator(".page-events").evaluate(
                "element => [getComputedStyle(element).color, getComputedStyle(element).backgroundColor]"
            )
            assert contrast(*colours) > 7


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, "rgb(1, 2, 3)", as WCAG has it: 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
