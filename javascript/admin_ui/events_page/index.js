// The page Events of the admin UI: docs/admin-ui.md of pocketbase-events shows it.

import { stateOf } from "./address.js";
import { EventsPage } from "./page.js";

let page;

/** The element of the page, which shows what the route's query says. */
export function eventsPage({ query }) {
  if (!page) {
    const href = new URL("style.css", import.meta.url).href;
    document.head.append(t.link({ rel: "stylesheet", href }));
  }
  if (!page?.element.isConnected) {
    page?.end();
    page = new EventsPage(app);
  }
  page.show(stateOf(query));
  return page.element;
}
