// The history of a record: what happened to it, when, by whom and why, and taking it back.

import { addressOf } from "./events_page/address.js";
import { Names } from "./events_page/names.js";
import { entriesOf, entryView } from "./history_entries.js";
import { confirmed, restore, undo } from "./taking_back.js";

const AT_ONCE = 50; // entries that are shown at first, and more with each click

/** Open the panel. `changed` is called when it is closed, if something was taken back in it. */
export function openHistory(app, collection, id, changed) {
  const panel = new HistoryPanel(app, collection, id, changed);
  document.body.append(panel.element);
  app.modals.open(panel.element);
  return panel.load();
}

class HistoryPanel {
  #app;
  #collection;
  #id;
  #names;
  #shown = store({ isLoading: true, isBusy: false, entries: [], most: AT_ONCE, error: "" });
  #isChanged = false;

  constructor(app, collection, id, changed) {
    [this.#app, this.#collection, this.#id, this.#names] = [app, collection, id, new Names(app)];
    const onafterclose = (element) => {
      element.remove();
      if (this.#isChanged) changed?.();
    };
    this.element = t.div(
      { pbEvent: "recordHistoryModal", className: "modal record-history-modal", onafterclose },
      t.header(
        { className: "modal-header" },
        t.h6({ className: "modal-title" }, "History of ", t.strong({}, collection.name), ` ${id}`),
      ),
      t.div({ className: "modal-content" }, () => this.#content()),
      t.footer(
        { className: "modal-footer" },
        t.button(
          { type: "button", className: "btn transparent m-r-auto", onclick: () => app.modals.close(this.element) },
          t.span({ className: "txt" }, "Close"),
        ),
        t.a(
          { className: "btn secondary", href: addressOf({ tab: "log", collection: collection.name, item: id }) },
          t.span({ className: "txt" }, "Show in Events"),
        ),
      ),
    );
  }

  /** Read the events. */
  async load() {
    try {
      const events = await this.#app.pb.collection(this.#collection.name).history(this.#id);
      const actors = events.map(({ actor }) => ({ actor, collection: this.#collection.name, item_id: this.#id }));
      await this.#names.learn(actors);
      Object.assign(this.#shown, { entries: entriesOf(events), error: "" });
    } catch (error) {
      this.#shown.error = error.message;
    }
    this.#shown.isLoading = false;
  }

  #content() {
    const { isLoading, entries, most, error } = this.#shown;
    if (isLoading) return t.div({ className: "block txt-center" }, t.span({ className: "loader lg" }));
    if (error) return t.div({ className: "alert danger" }, error);
    if (!entries.length) return t.p({ className: "txt-hint" }, "No event has changed this record yet.");
    const view = (entry) => entryView(this.#collection, entry, this.#names, this.#actions(entry));
    const views = entries.slice(0, most).map(view);
    const list = t.ol({ className: "record-history", inert: () => this.#shown.isBusy }, ...views);
    return entries.length > most ? [list, this.#more(entries.length - most)] : list;
  }

  #more(older) {
    const onclick = () => (this.#shown.most += AT_ONCE);
    return t.button(
      { type: "button", className: "btn secondary block m-t-sm", onclick },
      t.span({ className: "txt" }, `Show older (${older})`),
    );
  }

  /** What can be done about an entry: `[label, icon, action]` each. */
  #actions(entry) {
    const { entries } = this.#shown;
    const later = entries.slice(0, entries.indexOf(entry)).flatMap(({ seqs }) => seqs);
    const undoing = () => undo(this.#app, this.#collection, this.#id, entry.seqs);
    if (entry.kind === "delete" && !later.length)
      return [["Restore", "arrow-go-back-line", this.#doing(() => restore(this.#app, this.#collection, this.#id))]];
    const actions = [["Undo", "arrow-go-back-line", this.#doing(undoing)]];
    if (later.length && !entry.isDeleted)
      actions.push(["Restore to here", "history-line", this.#doing(() => this.#restoreTo(entry, later))]);
    return actions;
  }

  async #restoreTo(entry, later) {
    const count = this.#shown.entries.indexOf(entry);
    const what = count === 1 ? "The change" : `The ${count} changes`;
    if (!(await confirmed(this.#app, `${what} since then will be taken back. Go on?`))) return false;
    return undo(this.#app, this.#collection, this.#id, later, `restore to seq ${entry.seqs.at(-1)}`);
  }

  #doing = (action) => async () => {
    this.#shown.isBusy = true;
    if (await action()) {
      this.#isChanged = true;
      await this.load();
    }
    this.#shown.isBusy = false;
  };
}
