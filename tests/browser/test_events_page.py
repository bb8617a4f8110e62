"""The page Events of the admin UI, on a log that grows: the list, filters, one event, rejected ones, time travel."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support import Server, command, eventually, item_id, live_rows, start_copy
from support.admin_ui import give_extension
from support.command_line import as_json
from support.events_page import EventsPage, events_page, held
from support.pictures import PNG, append, with_pictures
from support.server import SUPERUSER

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HTML = "<img src=x onerror=alert(1)><b>Ann</b>"


@pytest.fixture(scope="module")
def recording(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with the extension, and a worker."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("events") / "pocketbase"):
        if server.version < (0, 37):
            pytest.skip("PocketBase before 0.37 knows no extensions of its admin UI")
        give_extension(server)
        with command("run", env=server.environment):
            yield server


@pytest.fixture(scope="module")
def events(chromium: Browser, recording: Server) -> Iterator[EventsPage]:
    with events_page(chromium, recording) as page:
        yield page


def record(server: Server, number: int, *events: tuple[str, object], reason: str = "") -> int:
    """Have these events of an item recorded, one by one; the last one's seq."""
    guest, root = server.guest(), server.superuser()
    for type_, data in events:
        event = guest.append(type_, item_id(number), data, reason=reason)
        recorded = eventually(lambda event=event: root.records("events", filter=f'id = "{event["id"]}" && seq > 0'))
    return int(recorded[0]["seq"])


# -- the list ----------------------------------------------------------------------------------------------


def test_the_log_is_shown_live_the_newest_first(events: EventsPage, recording: Server) -> None:
    first = record(recording, 1, ("create", {"title": "Milk"}))
    events.open()
    expect(events.row("Milk")).to_contain_text("create")
    last = record(recording, 1, ("update", {"qty": 3}), reason="three of us")
    expect(events.rows.first).to_contain_text("three of us")
    assert events.seqs()[: last - first + 1] == list(range(last, first - 1, -1))
    expect(events.health("Worker seen")).to_be_visible()
    expect(events.health(f"Head {last}")).to_be_visible()


def test_a_pause_keeps_the_list_until_it_ends(events: EventsPage, recording: Server) -> None:
    before = record(recording, 2, ("create", {"title": "Eggs"}))
    events.open()
    expect(events.rows.first).to_have_attribute("data-seq", str(before))
    events.page.get_by_role("button", name="Pause").click()
    record(recording, 2, ("update", {"qty": 1}), ("update", {"qty": 2}))
    expect(events.page.get_by_role("button", name="Show 2 newer")).to_be_visible()
    assert events.seqs()[0] == before
    events.page.get_by_role("button", name="Resume").press("Enter")
    expect(events.rows.first).to_have_attribute("data-seq", str(before + 2))


def test_each_event_is_listed_once_whatever_is_clicked_while_the_list_is_read(
    events: EventsPage, recording: Server
) -> None:
    before = record(recording, 13, ("create", {"title": "Ice"}))
    events.open()
    expect(events.rows.first).to_have_attribute("data-seq", str(before))
    with held(events.page, "**/event_log/records?*") as requests:
        record(recording, 13, ("update", {"qty": 1}))
        requests.routes.insert(0, requests.next())
        for name in ("Pause", "Resume"):
            events.page.get_by_role("button", name=name).press("Enter")
    last = record(recording, 13, ("update", {"qty": 2}))
    expect(events.rows.first).to_have_attribute("data-seq", str(last))
    assert events.seqs()[:3] == [last, last - 1, before]


def test_filters_are_part_of_the_address(events: EventsPage, recording: Server, chromium: Browser) -> None:
    record(recording, 3, ("create", {"title": "Butter"}), ("update", {"note": "salted"}), ("delete", None))
    events.open()
    events.filter("item").fill(item_id(3))
    events.filter("item").press("Enter")
    expect(events.rows).to_have_count(3)
    events.filter("type").select_option("update")
    expect(events.rows).to_have_count(1)
    events.filter("text").fill("no such words")
    events.filter("text").press("Enter")
    expect(events.page.get_by_text("No event fits these filters.")).to_be_visible()
    events.page.go_back()
    expect(events.rows).to_have_count(1)
    link = events.page.url
    events.page.go_back()
    expect(events.rows).to_have_count(3)
    expect(events.filter("type")).to_have_value("")
    with events_page(chromium, recording) as another:
        another.page.goto("about:blank")
        another.page.goto(link)
        expect(another.rows).to_have_count(1)
        expect(another.rows.first).to_contain_text("salted")
        expect(another.filter("item")).to_have_value(item_id(3))
    events.page.get_by_role("button", name="Clear").click()
    expect(events.filter("item")).to_have_value("")


def test_time_collection_and_actor_are_filters_too(events: EventsPage, recording: Server) -> None:
    ann = recording.user("ann")
    recording.superuser()("PATCH", f"/api/collections/users/records/{ann.user_id}", json={"name": HTML})
    ann.append("create", item_id(4), {"title": "Ann's"}, actor=ann.user_id)
    root = recording.superuser()
    eventually(lambda: root.records("events", filter=f'item_id = "{item_id(4)}" && seq > 0'))
    events.open()
    events.filter("actor").fill("Ann<")
    events.filter("actor").press("Enter")
    expect(events.rows).to_have_count(1)
    expect(events.rows.first).to_contain_text(HTML)  # as text: the browser has nothing to complain about
    assert events.page.locator(".page-events img, .page-events b").count() == 0
    ann.append("update", item_id(4), {"smell": "good"}, actor=ann.user_id)
    recording.guest().append("update", item_id(4), {"smell": "bad"})
    events.open(tab="rejected", actor="Ann<")
    expect(events.row("good")).to_be_visible()
    expect(events.row("bad")).to_have_count(0)
    for event in root.records("events", filter="seq = 0"):
        root("DELETE", f"/api/collections/events/records/{event['id']}")
    events.open(**{"from": "2099-01-01T00:00:00.000Z"})
    expect(events.page.get_by_text("No event fits these filters.")).to_be_visible()
    events.open(to="2020-01-01T00:00:00.000Z")
    expect(events.page.get_by_text("No event fits these filters.")).to_be_visible()
    events.open(collection="other")
    expect(events.page.get_by_text("No event fits these filters.")).to_be_visible()


# -- one event ---------------------------------------------------------------------------------------------


def test_an_event_shows_its_json_its_hash_and_the_one_before(events: EventsPage, recording: Server) -> None:
    seq = record(recording, 5, ("create", {"title": HTML}), ("update", {"qty+": 2}), reason="because")
    events.open()
    events.row("qty+").click()
    expect(events.panel).to_contain_text(f"Event {seq}")
    assert f"event={seq}" in events.page.url
    expect(events.fact("changed")).to_have_text("qty 0 → 2")
    expect(events.fact("hash")).to_contain_text("It is the hash of this content and the hash before it.")
    exported = recording.superuser().records("events", filter=f"seq = {seq}")[0]
    expect(events.fact("hash")).to_contain_text(exported["hash"])
    expect(events.fact("JSON")).to_contain_text('"qty+": 2')
    expect(events.fact("reason")).to_have_text("because")
    events.panel.get_by_role("link", name=f"event {seq - 1}").click()
    expect(events.panel).to_contain_text(f"Event {seq - 1}")
    expect(events.fact("changed")).to_contain_text(HTML)
    assert f"event={seq - 1}" in events.page.url
    events.open(event=seq)
    expect(events.fact("item")).to_contain_text(HTML)
    events.panel.get_by_role("link", name="all its events").click()
    expect(events.rows).to_have_count(2)
    expect(events.panel).to_have_count(0)


def test_the_keyboard_does_all_of_it(events: EventsPage, recording: Server) -> None:
    seq = record(recording, 6, ("create", {"title": "Tea"}), ("update", {"qty": 1}))
    events.open()
    expect(events.rows.first).to_have_attribute("data-seq", str(seq))
    keyboard = events.page.keyboard
    events.rows.first.focus()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(events.panel).to_contain_text(f"Event {seq - 1}")
    keyboard.press("ArrowRight")
    expect(events.panel).to_contain_text(f"Event {seq}")
    keyboard.press("Escape")
    expect(events.panel).to_have_count(0)
    expect(events.page).not_to_have_url(re.compile("event="))
    events.tab("Log").focus()
    keyboard.press("ArrowRight")
    expect(events.tab("Pending")).to_be_focused()
    expect(events.page.get_by_text("Nothing is pending")).to_be_visible()
    keyboard.press("ArrowLeft")
    keyboard.press("ArrowLeft")
    expect(events.slider).to_be_visible()
    events.slider.focus()
    keyboard.press("ArrowLeft")
    expect(events.page.get_by_text(f"after event {seq - 1}")).to_be_visible()


# -- rejected ----------------------------------------------------------------------------------------------


def test_a_rejected_event_is_tried_again_or_deleted(events: EventsPage, recording: Server) -> None:
    record(recording, 7, ("create", {"title": "Jam"}))
    for data in ({"colour": "red"}, {"weight": 1}):
        recording.guest().append("update", item_id(7), data)
    events.open(tab="rejected")
    sentence = events.page.get_by_text('items has no field "colour".')
    expect(sentence).to_be_visible()
    expect(events.tab("Rejected")).to_contain_text("2")
    recording.edit_fields("items", lambda fields: fields.append({"name": "colour", "type": "text"}))
    events.row("colour").get_by_role("button", name="Retry").click()
    events.window.says("It is pending again.")
    expect(sentence).to_have_count(0)
    eventually(lambda: live_rows(recording, ("title", "colour"))[item_id(7)]["colour"] == "red")
    events.row("weight").get_by_role("button", name="Delete").press("Enter")
    events.page.get_by_role("button", name="Yes").click()
    expect(events.page.get_by_text("No event was rejected.")).to_be_visible()
    assert recording.superuser().records("events", filter="seq = 0") == []


def test_a_group_is_tried_again_as_a_whole(events: EventsPage, recording: Server) -> None:
    record(recording, 8, ("create", {"title": "Salt"}))
    changes: list[dict[str, object]] = [{"qty": 4}, {"size": 1}]
    group = [{"type": "update", "item_id": item_id(8), "data": data, "together": "both"} for data in changes]
    recording.guest().append_all(*group)
    events.open(tab="rejected")
    expect(events.page.get_by_text("Rejected together with the event")).to_be_visible()
    recording.edit_fields("items", lambda fields: fields.append({"name": "size", "type": "number"}))
    events.row("qty").get_by_role("button", name="Retry").click()
    events.window.says("2 events of its group are pending again.")
    eventually(lambda: live_rows(recording, ("qty", "size"))[item_id(8)] == {"qty": 4, "size": 1})


def test_two_superusers_see_what_the_other_does(events: EventsPage, recording: Server, chromium: Browser) -> None:
    record(recording, 9, ("create", {"title": "Oil"}))
    recording.guest().append("update", item_id(9), {"price": 1})
    events.open(tab="rejected")
    events.page.get_by_role("button", name="Pause")
    with events_page(chromium, recording) as other:
        other.open(tab="rejected")
        expect(other.row("price")).to_be_visible()
        other.row("price").get_by_role("button", name="Delete").click()
        expect(events.row("price")).to_be_visible()
        events.row("price").get_by_role("button", name="Delete").click()
        events.page.get_by_role("button", name="Yes").click()
        expect(other.row("price")).to_have_count(0)  # while its question is still open
        other.page.get_by_role("button", name="Yes").click()
        other.window.says("It is gone already.")
        other.open()
        record(recording, 9, ("update", {"qty": 1}), reason="both see it")
        for each in (other, events):
            each.tab("Log").click()
            expect(each.rows.first).to_contain_text("both see it")


def reject(server: Server, number: int, data: object) -> str:
    """Have an update rejected; its id."""
    event, root = server.guest().append("update", item_id(number), data), server.superuser()
    eventually(lambda: root.record("events", event["id"])["error"], "the rejection")
    return str(event["id"])


def test_what_is_rejected_while_the_list_is_read_is_shown(events: EventsPage, recording: Server) -> None:
    record(recording, 14, ("create", {"title": "Flour"}))
    with held(events.page, "**/collections/events/records?*") as requests:
        events.open(tab="rejected")
        first = requests.next()
        nothing = first.fetch()
        id_ = reject(recording, 14, {"fineness": 405})
        expect(events.tab("Rejected")).to_contain_text("1")
        first.fulfill(response=nothing)
    expect(events.row("fineness")).to_be_visible()
    recording.superuser()("DELETE", f"/api/collections/events/records/{id_}")


def test_a_list_that_stays_the_same_is_left_alone_while_others_write(events: EventsPage, recording: Server) -> None:
    record(recording, 15, ("create", {"title": "Sugar"}))
    id_ = reject(recording, 15, {"sweetness": 1})
    events.open(tab="rejected")
    retry = events.row("sweetness").get_by_role("button", name="Retry")
    retry.focus()
    for quantity in (1, 2, 3):
        with events.page.expect_response(lambda answer: "/collections/events/records?" in answer.url):
            record(recording, 15, ("update", {"qty": quantity}))
    expect(retry).to_be_focused()
    recording.superuser()("DELETE", f"/api/collections/events/records/{id_}")


# -- time travel -------------------------------------------------------------------------------------------


def test_time_travel_shows_the_rows_at_every_event(events: EventsPage, recording: Server) -> None:
    start = record(recording, 10, ("create", {"title": "Rice", "qty": 1}))
    steps: list[tuple[str, object]] = [
        ("update", {"qty+": 2.5}), ("update", {"done": True}), ("delete", None), ("update", {"deleted": False}),
    ]  # fmt: skip
    head = record(recording, 10, *steps)
    events.open(tab="rows", at=start)
    for seq in range(start, head + 1):
        expect(events.page.get_by_role("button", name=f"Event {seq}", exact=True)).to_be_visible()
        expected = {row["id"]: row for row in as_json(recording, "show", "items", "--at", str(seq))}
        shown = events.past_rows()
        assert shown.keys() == expected.keys()
        for key, row in shown.items():
            now = {"qty": 0, "done": False, **expected[key]}
            assert (row["title"], row["qty"]) == (now["title"], f"{now['qty']:g}")
            assert (row["done"], "deleted" in row["id"]) == (str(now["done"]).lower(), now["deleted"])
        events.page.get_by_role("button", name="The next change").click()
    events.window.says("There is no later change of items.")
    assert f"at={head}" in events.page.url


def test_the_list_as_it_was_at_a_time(events: EventsPage, recording: Server) -> None:
    seq = record(recording, 11, ("create", {"title": "Soap"}))
    events.open(tab="rows")
    expect(events.page.get_by_text("Soap").first).to_be_visible()
    events.page.get_by_role("button", name="Yesterday").click()
    events.window.says("The log did not exist at that time.")
    events.slider.fill("1")
    expect(events.page.get_by_role("button", name="Event 1", exact=True)).to_be_visible()
    events.page.get_by_role("button", name="Now").click()
    expect(events.page.get_by_role("button", name=f"Event {seq}", exact=True)).to_be_visible()


def test_a_slider_that_is_dragged_stays_where_it_is_while_the_log_grows(events: EventsPage, recording: Server) -> None:
    seq = record(recording, 16, ("create", {"title": "Yeast"}))
    events.open(tab="rows")
    expect(events.page.get_by_role("button", name=f"Event {seq}", exact=True)).to_be_visible()
    events.slider.evaluate("slider => { slider.value = 1; slider.dispatchEvent(new Event('input')) }")
    expect(events.page.get_by_role("button", name="Event 1", exact=True)).to_be_visible()
    seq = record(recording, 16, ("update", {"qty": 1}))
    expect(events.health(f"Head {seq}")).to_be_visible()
    expect(events.page.get_by_text("after event 1", exact=True)).to_be_visible()


# -- verify ------------------------------------------------------------------------------------------------


def test_the_log_is_verified_with_one_click(events: EventsPage, recording: Server) -> None:
    record(recording, 12, ("create", {"title": 'Œufs 😀 "frais"\n', "qty": -0.0000001}))
    with_pictures(recording)
    picture = append(recording.guest(), "create", item_id(12), {"picture": 0}, ("a.png", PNG))
    root = recording.superuser()
    seq = eventually(lambda: root.records("events", filter=f'id = "{picture["id"]}" && seq > 0'))[0]["seq"]
    events.open()
    verdict = events.verify()
    expect(verdict).to_contain_text("The log is what was recorded.")
    head = recording.superuser().records("event_head")[0]
    expect(verdict).to_contain_text(head["hash"])
    expect(events.page.locator(".events-verify")).to_contain_text(f"{seq} events checked")
    events.page.keyboard.press("Escape")
    expect(events.page.locator(".events-verify")).to_have_count(0)


def test_nothing_comes_from_elsewhere(recording: Server, chromium: Browser) -> None:
    with events_page(chromium, recording) as events:
        asked: list[str] = []
        events.page.on("request", lambda request: asked.append(request.url))
        for tab in ("log", "pending", "rejected", "rows"):
            events.open(tab=tab)
        events.verify()
        assert asked
        assert all(url.startswith((recording.url, "about:", "data:")) for url in asked)
        assert SUPERUSER[1] not in "".join(asked)
