// The extension of PocketBase's admin UI begins here. PocketBase runs this file as the body of a function before it
// shows a page. Its interfaces are not documented: if one is missing, the extension stays out of the way.
//
// A page has to be registered at once: PocketBase does not wait for what this file waits for. So only the route and the
// link stand here, and the page's module is loaded when it is opened.

const USED = [
  ...["t", "store", "watch", "app.pb.collection", "app.pb.buildURL", "app.pb.authStore.record"],
  ...["app.routes.superuserOnly", "app.store.headerLinks", "app.store.collections", "app.store.errors"],
  ...["app.modals.open", "app.modals.close", "app.modals.confirm", "app.modals.openRecordUpsert"],
  ...["app.toasts.success", "app.toasts.error", "app.toasts.info", "app.checkApiError"],
  ...["app.components", "app.utils", "app.attrs.tooltip"],
];
const isThere = (path) => path.split(".").reduce((at, name) => at?.[name], window) !== undefined;
const missing = USED.filter((path) => !isThere(path));
if (missing.length) {
  console.warn(`pocketbase-events stays out of this admin UI, which lacks ${missing.join(", ")}.`);
  return;
}

const address = (path) =>
  new URL(app.pb.buildURL(`/_/extensions/pocketbase-events-@version@/admin_ui/${path}`), window.location.href).href;

// eventsPage(route) resolves to the element of the page.
app.routes.superuserOnly("#/events", async (route) => {
  const { eventsPage } = await import(address("events_page/index.js"));
  return eventsPage(route);
});
app.store.headerLinks.splice(1, 0, { href: "#/events", icon: "ri-history-line", label: "Events" });

document.head.append(t.link({ rel: "stylesheet", href: address("style.css") }));
import(address("index.js")).then(
  ({ extend }) => extend(app),
  (error) => console.warn("pocketbase-events could not be loaded. Load the page anew.", error),
);
