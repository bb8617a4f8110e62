"""The page Events of PocketBase's admin UI: what a superuser does there, and sees."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from playwright.sync_api import Browser, Locator, Page, Route, expect

from support.admin_ui import AdminUI, admin_window
from support.waiting import eventually


class EventsPage:
    """The page, in a window in which a superuser is signed in."""

    def __init__(self, window: AdminUI) -> None:
        self.window, self.page = window, window.page

    def open(self, **query: str | int) -> None:
        """Open it by its address."""
        self.window.open(f"events?{urlencode(query)}")
        expect(self.health("Head")).to_be_visible()

    def tab(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=re.compile(f"^{name}"))

    def health(self, text: str) -> Locator:
        return self.page.locator(".events-health").get_by_text(text)

    @property
    def trouble(self) -> Locator:
        return self.page.locator(".events-trouble")

    @property
    def rows(self) -> Locator:
        """The recorded events of the list, the newest first."""
        return self.page.locator("tr[data-seq]")

    def seqs(self) -> list[int]:
        return self.rows.evaluate_all("rows => rows.map((row) => Number(row.dataset.seq))")  # type: ignore[no-any-return]

    def row(self, text: str) -> Locator:
        return self.page.locator(".events-content tr.handle").filter(has_text=text).first

    def filter(self, name: str) -> Locator:
        return self.page.locator(f".events-filters [name={name}]")

    @property
    def panel(self) -> Locator:
        """The event that is open."""
        return self.page.locator(".events-details[data-modal-state=open]")

    def fact(self, name: str) -> Locator:
        """What the panel says of it."""
        return (
            self.panel.get_by_role("row")
            .filter(has=self.page.get_by_role("rowheader", name=name, exact=True))
            .locator("td")
        )

    @property
    def slider(self) -> Locator:
        return self.page.get_by_role("slider", name="Event of the log")

    def past_rows(self) -> dict[str, dict[str, str]]:
        """The rows that time travel shows, by id, as texts."""
        names = [name.strip() for name in self.page.locator(".events-past th").all_inner_texts()]
        texts = "[...cell.childNodes].map((each) => each.textContent).join(' ')"
        found = self.page.locator(".events-past tbody tr").evaluate_all(
            f"rows => rows.map((row) => [...row.cells].map((cell) => {texts}))"
        )
        cells = [dict(zip(names, row, strict=True)) for row in found]
        return {row["id"].split()[0]: {**row, "id": row["id"]} for row in cells}

    def verify(self) -> Locator:
        """Verify the log; the verdict."""
        self.page.get_by_role("button", name="Verify").click()
        verdict = self.page.locator(".events-verdict .alert")
        expect(verdict).to_be_visible()
        return verdict


@contextmanager
def events_page(browser: Browser, server: object, **context: object) -> Iterator[EventsPage]:
    """The page in a window of its own, about which the browser has nothing to complain."""
    with admin_window(browser, server, **context) as window:  # type: ignore[arg-type]
        yield EventsPage(window)
        assert window.complaints == []


class Held:
    """Requests of a page that wait until they are let go."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.routes: list[Route] = []

    def hold(self, route: Route) -> None:
        self.routes.append(route)

    def next(self) -> Route:
        """The first of them, once it is there; it does not wait here any more."""
        eventually(lambda: self._page.evaluate("1") and self.routes, "a request")
        return self.routes.pop(0)


@contextmanager
def held(page: Page, url: str) -> Iterator[Held]:
    """Hold the requests to addresses of this form, and let them go at the end."""
    held_ = Held(page)
    page.route(url, held_.hold)
    yield held_
    page.evaluate("1")  # until then, what was requested before is there
    for route in held_.routes:
        route.continue_()
    page.unroute(url)


def is_in_sight(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
