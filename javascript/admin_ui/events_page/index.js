// The page Events.

/** The element of the page. */
export function eventsPage() {
  app.store.title = "Events";
  return t.div({ pbEvent: "pageEvents", className: "page" }, t.div({ className: "page-content" }, "Events"));
}
