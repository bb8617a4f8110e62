// The page Collections: the log's own collections are explained, and out of the way; deleted records can be shown.

const LOG = {
  events:
    "Every event of the log: pending (seq 0), recorded, or rejected (error says why). Nothing has to be written here" +
    " by hand: change the records themselves.",
  event_head: "Where the log ends: the seq and hash of the latest event. The worker moves it.",
  event_stamps: "The worker records many events at once through this record. It is empty otherwise.",
  event_targets: "The collections that are attached to the log, with their rules. Change them with the command attach.",
  event_workers: "The account of the worker, which records events and writes rows.",
  event_schemas: "A view for the worker: the fields of the attached collections.",
  event_pending: "A view for the worker: the events that wait.",
  event_next: "A view for the worker: the event that is first in line.",
  event_log: "A view for reading the log in order.",
  event_status: "A view for the worker and for status: head, pending events and hold in one look.",
  event_setup: "A view for status: how the log is set up.",
  event_fields: "A view for clients: the fields of the attached collections.",
};
const DEMO = "pbe_shopping_01"; // the demo's collection, whose id begins as those of the log's own do
const LAST_SHOWN = "pbLastActiveCollection"; // where PocketBase keeps which collection was shown last

const isOurs = (collection) => !!collection?.id.startsWith("pbe_") && collection.id !== DEMO;

export function explainCollections(app, attached) {
  land(app, attached);
  onMount("pageCollections", (page) => {
    page.querySelector(".page-header")?.after(explanation(app));
  });
  onMount("pageSidebar", (bar) => {
    if (bar.matches(".collections-sidebar")) whenThere(bar, ".collections-list", (list) => list.append(logGroup(app)));
  });
  onMount("pageHeaderSecondaryBtns", (buttons) => buttons.append(deletedButton(app, attached)));
}

/** Call back for each element that PocketBase names so, now and whenever one appears. */
function onMount(name, callback) {
  document.querySelectorAll(`[data-pb="${name}"]`).forEach(callback);
  document.addEventListener(`mount:${name}`, ({ detail }) => callback(detail));
}

/** Call back with an element inside another one, as soon as PocketBase has drawn it. */
function whenThere(parent, selector, callback) {
  const look = () => {
    const found = parent.querySelector(selector);
    if (found) (observer.disconnect(), callback(found));
  };
  const observer = new MutationObserver(look);
  observer.observe(parent, { childList: true, subtree: true });
  look();
}

/** At the first visit PocketBase shows the first collection of all. If that is the log's own, show an attached one. */
function land(app, attached) {
  if (window.location.hash.includes("collection=") || window.localStorage.getItem(LAST_SHOWN)) return;
  let isOver = false;
  const watcher = watch(
    () => app.store.activeCollection?.id,
    async (id) => {
      if (!id || isOver) return;
      isOver = true;
      setTimeout(() => watcher.unwatch()); // watch calls back at once if the id is there already
      const [first] = isOurs(app.store.activeCollection) ? await attached.names() : [];
      if (first) app.store.activeCollection = first;
    },
  );
}

const explanation = (app) =>
  t.div(
    { className: "alert log-explanation", hidden: () => !isOurs(app.store.activeCollection) },
    t.span({ className: "txt" }, () => LOG[app.store.activeCollection?.name] ?? ""),
    " ",
    t.a({ href: "#/events" }, "Open Events"),
  );

/** The log's own collections, in a group that is closed; style.css hides them among the others. */
function logGroup(app) {
  const shown = () => app.store.collections.filter(isOurs);
  const item = ({ id, name, type }) =>
    t.button(
      {
        type: "button",
        title: name,
        className: () => `nav-item responsive-close ${app.store.activeCollection?.id === id ? "active" : ""}`,
        onclick: () => (app.store.activeCollection = name),
      },
      t.i({ className: app.collectionTypes?.[type]?.icon ?? "", ariaHidden: true }),
      t.span({ className: "txt" }, name),
    );
  return t.details(
    { className: "nav-group nav-group-log", hidden: () => !shown().length },
    t.summary({}, "Event log"),
    () => shown().map(item),
  );
}

function deletedButton(app, attached) {
  const query = () => new URLSearchParams(window.location.hash.split("?")[1] ?? "");
  const isOn = () => query().get("filter") === "deleted = true";
  const onclick = () => {
    const next = new URLSearchParams({ collection: app.store.activeCollection.name });
    if (!isOn()) next.set("filter", "deleted = true");
    window.location.hash = `#/collections?${next}`;
  };
  return t.button(
    {
      type: "button",
      hidden: () => !attached.shows(app.store.activeCollection),
      className: "btn circle transparent secondary",
      ariaLabel: app.attrs.tooltip("Deleted records"),
      onclick,
    },
    t.i({ className: "ri-delete-bin-7-line", ariaHidden: true }),
  );
}
