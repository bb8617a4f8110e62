// The extension of PocketBase's admin UI begins here. PocketBase runs this file as the body of a function before it
// shows a page. Its interfaces are not documented: if one is missing, the extension stays out of the way.
//
// A page has to be registered at once: PocketBase does not wait for what this file waits for. So only the route and the
// link stand here, and the page's module is loaded when it is opened.

// PocketBase has browsers keep this file for two weeks. Read it anew in the background, so that the next visit has the
// version that is there by then. The addresses of the modules change with the version.
fetch(new URL("extensions.js", window.location.href), { cache: "no-cache" }).catch(() => {});

const USED = [
  ...["t", "store", "watch", "app.pb.authStore", "app.pb.buildURL", "app.pb.collection"],
  ...["app.pb.collections", "app.pb.send", "app.utils.randomString", "app.attrs.tooltip"],
  ...["app.routes.superuserOnly", "app.store.headerLinks", "app.store.collections", "app.store.activeCollection"],
  ...["app.modals.open", "app.modals.close", "app.modals.confirm", "app.modals.openRecordUpsert"],
  ...["app.toasts.success", "app.toasts.error", "app.toasts.info", "app.checkApiError"],
];
// The collections are loaded later, so there may be no active one yet; its store has a place for it.
const isThere = (path) => path.split(".").every((name, place, names) => {
  const holder = names.slice(0, place).reduce((at, each) => at?.[each], window);
  return Object(holder) === holder && name in holder;
});
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

// Until the modules are there, lists and forms wait for them: PocketBase would show deleted records, and write rows.
const { collection } = app.pb;
const { openRecordUpsert } = app.modals;
const giveBack = () => {
  app.pb.collection = collection;
  app.modals.openRecordUpsert = openRecordUpsert;
};
const loaded = import(address("index.js"))
  .then(({ extend }) => {
    giveBack();
    extend(app);
  })
  .catch((error) => {
    giveBack();
    console.warn("pocketbase-events could not be loaded. Load the page anew.", error);
  });
app.modals.openRecordUpsert = (...given) => loaded.then(() => app.modals.openRecordUpsert(...given));
app.pb.collection = (name) =>
  new Proxy(collection.call(app.pb, name), {
    get(service, key) {
      if (typeof service[key] !== "function") return service[key];
      return (...given) => loaded.then(() => app.pb.collection(name)[key](...given));
    },
  });
