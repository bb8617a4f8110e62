// Events that are pending or were rejected, and what can be done about them.

import { records, waiting } from "./reading.js";
import { opens, tableOf, whatCells, whoCell } from "./table.js";
import { button, localTime } from "./words.js";

const PAGE = 50; // events read at a time
const NOTHING = {
  pending: "Nothing is pending: every event is recorded or rejected.",
  rejected: "No event was rejected.",
};

const numbersOf = (status) => status && `${status.seq} ${status.pending} ${status.rejected}`;

export class WaitingTab {
  #page;
  #state;
  #body = t.tbody();
  #older = button("Load older", null, "lg secondary load-more-btn", () => this.#load());
  #nothing = t.p({ className: "txt-hint txt-center events-nothing" }, "");
  #pages = 0; // that are shown; none while the first is read
  #drawn = ""; // what one page shows, as a text: the same is not drawn anew, since somebody may be about to click it
  #shown; // the numbers of the log before the list was read: no news, no new list
  #isReading = false;
  #round = 0;

  constructor(page, headings = ["Event", "Item", "Data", "By", "Appended", ""]) {
    this.#page = page;
    this.element = t.div(
      { className: "page-table-wrapper events-scroll" },
      tableOf(headings, this.#body, "events-waiting"),
      this.#nothing,
      this.#older,
    );
  }

  async show(state) {
    this.#state = state;
    this.#pages = 0;
    const round = ++this.#round;
    this.#shown = numbersOf(this.#page.status);
    this.#isReading = true;
    try {
      await this.#load();
    } finally {
      if (round === this.#round) this.#isReading = false;
    }
    this.#page.lookNow(); // there may be news meanwhile
  }

  async look(status) {
    const isNew = this.#shown !== numbersOf(status);
    if (isNew && this.#state && !this.#isReading && this.#pages <= 1) await this.show(this.#state);
  }

  resume() {}

  async #load() {
    const [round, state, pages, { app, names, isLocked }] = [this.#round, this.#state, this.#pages, this.#page];
    const events = await waiting(app.pb, state, pages + 1, PAGE);
    await names.learn(events);
    if (round !== this.#round || pages !== this.#pages) return;
    const drawn = pages ? "" : JSON.stringify([events, isLocked]);
    const rows = () => events.flatMap((event) => this.#rows(event));
    if (pages) this.#body.append(...rows());
    else if (drawn !== this.#drawn) this.#body.replaceChildren(...rows());
    this.#drawn = drawn;
    this.#pages += 1;
    this.#older.hidden = events.length < PAGE;
    this.#nothing.hidden = this.#body.children.length > 0;
    this.#nothing.textContent = NOTHING[state.tab];
  }

  #rows(event) {
    const { names, isLocked } = this.#page;
    const mayDelete = event.error || isLocked; // without the lock, it could be recorded just then
    const buttons = [
      event.error ? button("Retry", "restart-line", "sm secondary", () => this.#retry(event)) : null,
      mayDelete ? button("Delete", "delete-bin-line", "sm transparent danger", () => this.#delete(event)) : null,
    ];
    const row = t.tr(
      opens(() => this.#page.openWaiting(event)),
      ...whatCells(event, names),
      whoCell(event, names),
      t.td({ className: "events-time" }, localTime(event.created)),
      t.td({ className: "events-actions" }, ...buttons),
    );
    if (!event.error) return [row];
    row.classList.add("events-with-sentence");
    return [
      row,
      t.tr({ className: "events-sentence" }, t.td({ colSpan: 6 }, t.span({ className: "label danger" }, event.error))),
    ];
  }

  /** Make it pending again, and with it its group, which is recorded or rejected as a whole. */
  async #retry(event) {
    const { app } = this.#page;
    const group = `together = ${JSON.stringify(event.together)} && actor = ${JSON.stringify(event.actor)}`;
    const which = event.together ? group : `id = ${JSON.stringify(event.id)}`;
    const query = { filter: `seq = 0 && error != "" && ${which}`, sort: "@rowid", perPage: 100, fields: "id" };
    await this.#attempt(async () => {
      const members = await records(app.pb, "events", query);
      // A lone PATCH is no transaction, and could undo what a worker records at the same moment.
      const requests = members.map(({ id }) => ({
        method: "PATCH",
        url: `/api/collections/events/records/${id}`,
        body: { error: "" },
      }));
      if (!requests.length) return "It is not rejected any more.";
      await app.pb.send("/api/batch", { method: "POST", body: { requests }, requestKey: null });
      return requests.length > 1 ? `${requests.length} events of its group are pending again.` : "It is pending again.";
    });
  }

  #delete(event) {
    const { app } = this.#page;
    const question = `Delete this ${event.error ? "rejected" : "pending"} event? It never got into the log, and will be gone.`;
    app.modals.confirm(question, () =>
      this.#attempt(async () => {
        const [now] = await records(app.pb, "events", {
          filter: `id = ${JSON.stringify(event.id)}`,
          fields: "seq,error",
        });
        if (!now) return "It is gone already.";
        if (now.seq > 0) return "It has been recorded meanwhile, so it stays.";
        if (now.error !== event.error) return "It has changed meanwhile. Look again, and decide anew.";
        await app.pb.send(`/api/collections/events/records/${event.id}`, { method: "DELETE", requestKey: null });
        return "It is deleted.";
      }),
    );
  }

  async #attempt(action) {
    const { app } = this.#page;
    try {
      app.toasts.success(await action());
    } catch (error) {
      app.toasts.error(error.response?.message || error.message);
    }
    this.#page.lookNow();
    await this.show(this.#state);
  }
}
