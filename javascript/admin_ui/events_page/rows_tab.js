// Time travel: a collection's rows as they were at any event of the log, and what changed at that event.

import { changeViews } from "./details.js";
import { creates, neighbour, ofItems, seqAt } from "./reading.js";
import { byItem, emptyOf, rowAt, shownFields } from "./rows_at.js";
import { opens } from "./table.js";
import { brief, button, count, fill, iconButton, kindLabel, localTime } from "./words.js";
import { timeOf } from "./address.js";

const PAGE = 50; // rows
const HOUR = 3_600_000; // ms

export class RowsTab {
  #page;
  #histories = new Map(); // item: its events up to `#known`
  #known = 0;
  #collection = "";
  #most = PAGE;
  #isMoving = false;
  #wanted = 0; // the seq to show
  #slider = t.input({
    type: "range",
    min: 1,
    ariaLabel: "Event of the log",
    oninput: () => this.#drag(),
    onchange: () => this.#keep(),
  });
  #place = t.output({ className: "events-place" });
  #change = t.div({ className: "events-what", role: "status" });
  #table = t.div({ className: "page-table-wrapper events-scroll events-past-scroll" });
  #time = t.input({
    type: "datetime-local",
    step: 1,
    ariaLabel: "Show it as it was at",
    onchange: () => this.#toTime(timeOf(this.#time.value)),
  });
  #names = t.select({ ariaLabel: "Collection", onchange: () => this.#page.go({ collection: this.#names.value }) });

  constructor(page) {
    this.#page = page;
    const field = (element) => t.div({ className: "field" }, element);
    const ago = (label, hours) =>
      button(label, null, "sm secondary", () => this.#toTime(new Date(Date.now() - hours * HOUR)));
    this.element = t.div(
      { className: "events-tab" },
      t.div(
        { className: "events-controls" },
        field(this.#names),
        ago("An hour ago", 1),
        ago("Yesterday", 24),
        field(this.#time),
        button("Now", null, "sm secondary", () => this.#page.go({ at: "" })),
      ),
      t.div(
        { className: "events-slider" },
        iconButton("The change before", "arrow-left-line", () => this.#step(-1)),
        field(this.#slider),
        iconButton("The next change", "arrow-right-line", () => this.#step(1)),
        this.#place,
      ),
      this.#change,
      this.#table,
    );
  }

  async show(state) {
    const names = this.#page.targets.map(({ collection }) => collection);
    const collection = state.collection || names[0];
    if (!collection)
      return void fill(
        this.#change,
        t.p(
          { className: "txt-hint" },
          "No collection is attached yet. Attach one: ",
          t.code(null, "pocketbase-events attach NAME"),
        ),
      );
    const options = names.includes(collection) ? names : [collection, ...names];
    this.#names.replaceChildren(
      ...options.map((name) => t.option({ value: name, selected: name === collection }, name)),
    );
    if (collection !== this.#collection) {
      this.#collection = collection;
      this.#most = PAGE;
      this.#histories.clear();
    }
    const head = this.#page.status?.seq ?? 0;
    this.#slider.max = Math.max(head, 1);
    await this.#move(Math.min(Number(state.at) || head, head));
  }

  async look({ seq }) {
    if (!this.#collection) return;
    this.#slider.max = Math.max(seq, 1);
    if (!this.#page.state.at && !this.#page.isPaused && seq !== this.#wanted) await this.#move(seq);
  }

  resume() {}

  /** Show the rows at this seq; if it moves on meanwhile, at the last one that was asked for. */
  async #move(seq) {
    this.#wanted = seq;
    this.#slider.value = seq;
    this.#place.textContent = `after event ${count(seq)}`;
    if (this.#isMoving) return;
    this.#isMoving = true;
    try {
      for (let shown; shown !== `${this.#collection} ${this.#wanted} ${this.#most}`;) {
        shown = `${this.#collection} ${this.#wanted} ${this.#most}`;
        await this.#draw(this.#collection, this.#wanted, this.#most);
      }
    } finally {
      this.#isMoving = false;
    }
  }

  /** Move with the slider. What the log gains meanwhile does not move it back. */
  #drag() {
    this.#page.state.at = this.#slider.value;
    return this.#move(Number(this.#slider.value));
  }

  #keep() {
    history.replaceState(null, "", this.#page.addressWith({ at: this.#slider.value }));
    this.#page.state.at = this.#slider.value;
  }

  async #step(by) {
    const { pb } = this.#page.app;
    const place = by > 0 ? { after: this.#wanted } : { upTo: this.#wanted - 1 };
    const now = by < 0 && (await neighbour(pb, this.#collection, { upTo: this.#wanted }));
    const found = await neighbour(pb, this.#collection, now ? { upTo: now.seq - 1 } : place);
    if (!found)
      return void this.#page.app.toasts.info(
        `There is no ${by > 0 ? "later" : "earlier"} change of ${this.#collection}.`,
      );
    await this.#move(found.seq);
    this.#keep();
  }

  async #toTime(time) {
    if (!time) return;
    const seq = await seqAt(this.#page.app.pb, time);
    if (!seq) return void this.#page.app.toasts.info("The log did not exist at that time.");
    this.#page.go({ at: String(seq) });
  }

  async #draw(collection, seq, most) {
    const { app, names } = this.#page;
    const [made, last] = await Promise.all([
      creates(app.pb, collection, seq, most),
      seq > 0 ? neighbour(app.pb, collection, { upTo: seq }) : undefined,
    ]);
    const ids = [...new Set([...made.map(({ item_id: id }) => id), ...(last ? [last.item_id] : [])])];
    await this.#read(collection, ids, seq);
    await names.learn(last ? [last] : []);
    const fields = shownFields(await names.fieldsOf(collection));
    if (collection !== this.#collection) return;
    const renamed = this.#page.renamedOf(collection);
    const row = (id) => rowAt(id, this.#histories.get(id) ?? [], seq, renamed);
    fill(
      this.#change,
      last
        ? whatChanged(this.#page, fields, row(last.item_id), seq)
        : t.p({ className: "txt-hint" }, `Nothing had happened in ${collection} yet.`),
    );
    fill(
      this.#table,
      this.#rows(
        fields,
        made.map(({ item_id: id }) => row(id)),
        last,
      ),
    );
    if (made.length === most)
      this.#table.append(button("Show more rows", null, "lg secondary load-more-btn", () => this.#more()));
  }

  #more() {
    this.#most += PAGE;
    this.#move(this.#wanted);
  }

  /** Read the events of these items, unless they are known up to that seq. */
  async #read(collection, ids, seq) {
    if (seq > this.#known) this.#histories.clear();
    const to = Math.max(this.#page.status?.seq ?? 0, seq);
    if (!this.#histories.size) this.#known = to;
    const missing = ids.filter((id) => !this.#histories.has(id));
    const found = byItem(await ofItems(this.#page.app.pb, collection, missing, this.#known));
    if (collection !== this.#collection) return; // another one is shown meanwhile
    for (const id of missing) this.#histories.set(id, found.get(id) ?? []);
  }

  #rows(fields, rows, last) {
    const row = (each) => {
      const isChanged = each.id === last?.item_id;
      const cells = fields.map((field) => {
        const className = isChanged && field.name in each.changes ? "events-changed" : "";
        return t.td({ className }, valueView(each.fields[field.name] ?? emptyOf(field)));
      });
      const id = t.td(
        { className: "col-field-name-id" },
        t.span({ className: "label" }, each.id),
        each.deleted ? t.span({ className: "label sm danger m-l-5" }, "deleted") : null,
      );
      const open = opens(() => each.last && this.#page.open(each.last.seq));
      const marks = [each.deleted ? "events-deleted" : "", isChanged ? "events-changed-row" : ""].join(" ");
      return t.tr({ ...open, className: `handle ${marks}` }, id, ...cells);
    };
    const head = t.tr(null, ...["id", ...fields.map(({ name }) => name)].map((name) => t.th(null, name)));
    if (!rows.length) return t.p({ className: "txt-hint txt-center events-nothing" }, "There were no rows.");
    return t.table(
      { className: "events-past optimize" },
      t.thead({ className: "sticky" }, head),
      t.tbody(null, ...rows.map(row)),
    );
  }
}

const isEmpty = (value) =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);

const valueView = (value) => (isEmpty(value) ? t.span({ className: "txt-hint" }, "N/A") : brief(value, 120));

/** What the event at that seq changed, or the last one before it. */
function whatChanged(page, fields, { id, last, changes }, seq) {
  if (!last) return t.p({ className: "txt-hint" }, "This event's data can't be read.");
  return t.div(
    { className: "events-card" },
    t.div(
      { className: "events-card-title" },
      kindLabel(last),
      t.strong(null, page.names.title(last.collection, id) ?? id),
      t.span(
        { className: "txt-hint" },
        ` ${last.actor ? `by ${page.names.person(last.actor)}, ` : ""}${localTime(last.timestamp)}`,
      ),
      button(`Event ${count(last.seq)}`, null, "sm secondary", () => page.open(last.seq)),
      last.seq < seq
        ? t.span({ className: "txt-hint" }, `nothing changed here since, up to event ${count(seq)}`)
        : null,
    ),
    ...changeViews(fields, changes, last.type === "create").slice(0, 8),
    last.reason ? t.small({ className: "txt-hint" }, last.reason) : null,
  );
}
