// The recorded events, newest first, live.

import { filterOf, latest } from "./reading.js";
import { MOST, recordedRow, tableOf } from "./table.js";
import { button, count } from "./words.js";

const PAGE = 50; // events read at a time
const NEAR = 600; // px to the end of the list, at which more is read

/**
 * A tab: its element, `show(state)`, `look(status)` when the log may have changed, one look at a time, and `resume()`
 * after a pause.
 */
export class LogTab {
  #page;
  #body = t.tbody({ className: "events-rows" });
  #older = button("Load older", null, "lg secondary load-more-btn", () => this.#grow(true));
  #news = button("", "arrow-up-line", "sm pill info events-news", () => this.#toNewest());
  #nothing = t.p({ className: "txt-hint txt-center events-nothing" }, "");
  #state;
  #filter = "";
  #newest = Infinity; // the seq up to which the list is complete, once it is there
  #isTrimmed = false; // rows at the top are gone, since the list got long
  #isBusy = false;
  #scroller;
  #round = 0; // counts what was asked for, so that an answer that comes too late is dropped

  constructor(page) {
    this.#page = page;
    const headings = ["Seq", "Event", "Item", "Data", "By", "Time", ""];
    const scroller = (this.#scroller = t.div(
      { className: "page-table-wrapper events-scroll" },
      tableOf(headings, this.#body),
      this.#nothing,
      this.#older,
    ));
    this.element = t.div({ className: "events-tab" }, this.#news, scroller);
    scroller.addEventListener("scroll", () => {
      const below = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
      if (below < NEAR && !this.#older.hidden) this.#grow(true);
      else if (scroller.scrollTop < NEAR && this.#isTrimmed) this.#grow(false);
    });
    this.#news.hidden = this.#older.hidden = true;
  }

  /** Show what the state wants, from the newest on. */
  async show(state) {
    this.#state = state;
    this.#filter = filterOf(state, true);
    const round = ++this.#round;
    const known = this.#page.status?.seq ?? 0; // as it is before the list is read
    this.#newest = Infinity;
    const events = await latest(this.#page.app.pb, this.#filter, { most: PAGE });
    await this.#page.names.learn(events);
    if (round !== this.#round) return;
    this.#body.replaceChildren(...events.map((event) => this.#row(event)));
    this.#newest = Math.max(events[0]?.seq ?? 0, known);
    this.#older.hidden = events.length < PAGE;
    this.#isTrimmed = false;
    this.#tellNews(0);
    this.#nothing.hidden = events.length > 0;
    this.#nothing.textContent = this.#filter
      ? "No event fits these filters."
      : "Nothing is recorded yet. Edit an item of an attached collection: it shows here.";
    this.#page.lookNow(); // it may have grown meanwhile
  }

  /** The log may have grown. */
  async look({ seq }) {
    if (seq <= this.#newest) return;
    if (this.#page.isPaused || this.#isTrimmed) return void this.#tellNews(seq - this.#newest);
    const round = this.#round;
    const events = await latest(this.#page.app.pb, this.#filter, { after: this.#newest, most: PAGE });
    if (round !== this.#round) return;
    if (events.length === PAGE) return void (await this.#toNewest()); // too many to tell what lies between
    this.#newest = Math.max(seq, events[0]?.seq ?? 0);
    this.#page.names.forget(events);
    await this.#page.names.learn(events);
    if (round !== this.#round || !events.length || this.#isTrimmed) return; // they are read on the way back up
    const rows = events.map((event) => this.#row(event));
    for (const row of rows) row.classList.add("events-new");
    const first = this.#body.firstElementChild;
    const prepend = () => this.#body.prepend(...rows);
    if (first && this.#scroller.scrollTop > 0) this.#keepInSight(first, prepend);
    else prepend();
    this.#nothing.hidden = true;
    while (this.#body.children.length > MOST) this.#body.lastElementChild.remove();
  }

  /** Go on after a pause. */
  resume() {
    this.#page.lookNow();
    this.#tellNews(0);
  }

  /** Read on at the lower end or, once rows at the top are gone, at the upper one. */
  async #grow(isOlder) {
    const edge = isOlder ? this.#body.lastElementChild : this.#body.firstElementChild;
    if (this.#isBusy || !edge) return;
    this.#isBusy = true;
    this.#older.classList.toggle("loading", isOlder);
    const round = this.#round;
    try {
      const place = isOlder ? { before: Number(edge.dataset.seq) } : { after: Number(edge.dataset.seq), isNext: true };
      const events = await latest(this.#page.app.pb, this.#filter, { ...place, most: PAGE });
      await this.#page.names.learn(events);
      if (round === this.#round && edge.parentElement) this.#put(events, isOlder); // else news have pushed it out
    } finally {
      this.#isBusy = false;
      this.#older.classList.remove("loading");
    }
  }

  #put(events, isOlder) {
    const rows = events.map((event) => this.#row(event));
    this.#keepInSight(isOlder ? this.#body.lastElementChild : this.#body.firstElementChild, () => {
      if (isOlder) this.#body.append(...rows);
      else this.#body.prepend(...rows);
      while (this.#body.children.length > MOST) {
        (isOlder ? this.#body.firstElementChild : this.#body.lastElementChild).remove();
        if (isOlder) this.#isTrimmed = true;
      }
    });
    this.#older.hidden = isOlder && events.length < PAGE;
    if (!isOlder && events.length < PAGE) this.#isTrimmed = false;
    if (!isOlder && events.length) this.#newest = Math.max(this.#newest, events[0].seq);
    this.#tellNews(this.#isTrimmed ? 1 : 0);
  }

  /** Change the list, and leave this row where it is on the screen. Not every browser does that by itself. */
  #keepInSight(row, change) {
    const before = row.getBoundingClientRect().top;
    change();
    this.#scroller.scrollTop += row.getBoundingClientRect().top - before;
  }

  async #toNewest() {
    await this.show(this.#state);
    this.#scroller.scrollTop = 0;
  }

  #row = (event) => recordedRow(event, this.#page.names, (seq) => this.#page.open(seq));

  #tellNews(number) {
    this.#news.hidden = number <= 0;
    this.#news.querySelector(".txt").textContent = this.#isTrimmed
      ? "Back to the newest"
      : `Show ${count(number)} newer`;
  }
}
