// The page Events: what is at its top, its tabs, and how they follow its address.

import { addressOf, TABS } from "./address.js";
import { openRecorded, openWaiting } from "./details.js";
import { Filters } from "./filters.js";
import { healthOf } from "./health.js";
import { keepLooking } from "./live.js";
import { LogTab } from "./log_tab.js";
import { Names } from "./names.js";
import { attached, status } from "./reading.js";
import { RowsTab } from "./rows_tab.js";
import { openVerify } from "./verify_modal.js";
import { WaitingTab } from "./waiting_tab.js";
import { button, count, fill, iconButton } from "./words.js";

const LABELS = { log: "Log", pending: "Pending", rejected: "Rejected", rows: "Time travel" };

export class EventsPage {
  app;
  names;
  state = {};
  status; // the record of event_status, once it is read
  targets = []; // the attached collections
  isPaused = false;
  isLocked = false; // whether superusers can't change the log
  #tabs;
  #filters = new Filters(this);
  #health = t.div({ className: "events-health" });
  #pause = iconButton("Pause", "pause-line", () => this.#togglePause());
  #content = t.div({ className: "events-content", role: "tabpanel" });
  #looking;
  #panel; // of the event that is open
  #ready; // resolves once the status and the attached collections were read

  constructor(app) {
    this.app = app;
    this.names = new Names(app);
    this.#tabs = {
      log: new LogTab(this),
      pending: new WaitingTab(this),
      rejected: new WaitingTab(this),
      rows: new RowsTab(this),
    };
    this.element = this.#element();
  }

  /** Show what the address says. */
  async show(state) {
    const before = this.state;
    this.state = { ...state };
    this.app.store.title = "Events";
    await this.#begin();
    if (addressOf(state) !== addressOf(this.state)) return; // the address moved on meanwhile
    this.#filters.show(
      state,
      this.targets.map(({ collection }) => collection),
    );
    this.#filters.element.hidden = state.tab === "rows";
    this.#showTabs();
    this.#content.replaceChildren(this.#tabs[state.tab].element);
    this.#openWanted();
    // If an event was opened or closed, the list stays.
    if (before.tab && addressOf({ ...before, event: "" }) === addressOf({ ...state, event: "" })) return;
    if (state.actor) state = { ...state, actors: await this.names.actorsOf(state.actor) };
    if (addressOf(state) === addressOf(this.state)) await this.#attempt(() => this.#tabs[state.tab].show({ ...state }));
  }

  /** Go where the address says this; Back comes back. */
  go(changes) {
    window.location.hash = this.addressWith(changes);
  }

  addressWith = (changes) => addressOf({ ...this.state, ...changes });

  /** Open a recorded event; its address is the page's. */
  open(seq) {
    this.go({ event: String(seq) });
  }

  openWaiting(event) {
    openWaiting(this, event);
  }

  lookNow() {
    this.#looking?.look();
  }

  /** The fields of a collection that were renamed, as asNamedNow wants them. */
  renamedOf = (name) => this.targets.find(({ collection }) => collection === name)?.renamed ?? [];

  #element() {
    const tab = (name) =>
      t.button(
        {
          type: "button",
          className: "tab-item",
          role: "tab",
          "html-data-tab": name,
          onclick: () => this.go({ tab: name, event: "", at: "" }),
        },
        LABELS[name],
      );
    const tabs = t.nav(
      { className: "tabs-header events-tabs", role: "tablist", onkeydown: moveAmongTabs },
      ...TABS.map(tab),
    );
    const verify = button("Verify", "shield-check-line", "expanded-lg", () =>
      openVerify(this.app, (seq) => this.open(seq)),
    );
    verify.ariaLabel = "Verify"; // on a phone, PocketBase shows the picture alone
    return t.div(
      { pbEvent: "pageEvents", className: "page page-events", onunmount: () => this.end() },
      t.div(
        { className: "page-content full-height" },
        t.header(
          { className: "page-header" },
          t.nav({ className: "breadcrumbs" }, t.div(null, "Events")),
          t.div({ className: "inline-flex gap-sm" }, this.#pause),
          this.#health,
          t.div({ className: "page-header-primary-btns" }, verify),
        ),
        tabs,
        this.#filters.element,
        this.#content,
      ),
    );
  }

  async #begin() {
    this.#ready ??= new Promise((resolve) => {
      this.#looking = keepLooking(this.app.pb, () => this.#look().finally(resolve));
    });
    await this.#ready;
  }

  /** Stop looking: another page is shown. */
  end() {
    this.#looking?.stop();
  }

  async #look() {
    const { pb } = this.app;
    try {
      if (!this.status) this.targets = await attached(pb);
      this.status = await status(pb);
    } catch (error) {
      return fill(this.#health, t.div({ className: "alert danger events-trouble" }, trouble(error)));
    }
    this.#showHealth();
    this.#showTabs();
    await this.#tabs[this.state.tab]?.look(this.status);
  }

  #showHealth() {
    const { status: now } = this;
    const { seen, hold, isLocked, trouble: wrong } = healthOf(now);
    this.isLocked = isLocked;
    const label = (kind, text, title) => t.span({ className: `label ${kind}`, title }, text);
    fill(
      this.#health,
      label(wrong ? "danger" : "success", `Worker ${seen}`, wrong?.sentence ?? "A worker records events."),
      label("", `Head ${count(now.seq)}`, now.hash),
      hold ? label("warning", hold, "A rebuild or an import works on the log.") : null,
      isLocked
        ? label("", "Locked", "Nobody can change a recorded event, not even a superuser.")
        : label(
            "warning",
            "Not locked",
            "Superusers could change the log. PocketBase 0.39 or newer, and pocketbase-events init, lock it.",
          ),
      wrong
        ? t.div(
            { className: "alert danger events-trouble" },
            `${wrong.sentence} `,
            wrong.command ? t.code(null, wrong.command) : null,
          )
        : null,
    );
  }

  #showTabs() {
    const numbers = { pending: this.status?.pending, rejected: this.status?.rejected };
    for (const tab of this.element.querySelectorAll(".tab-item")) {
      const { tab: name } = tab.dataset;
      const isActive = name === this.state.tab;
      tab.classList.toggle("active", isActive);
      tab.ariaSelected = String(isActive);
      tab.tabIndex = isActive ? 0 : -1;
      tab.replaceChildren(
        LABELS[name],
        numbers[name]
          ? t.span({ className: `label sm ${name === "rejected" ? "danger" : "warning"}` }, count(numbers[name]))
          : "",
      );
    }
  }

  #togglePause() {
    this.isPaused = !this.isPaused;
    this.#pause.title = this.#pause.ariaLabel = this.isPaused ? "Resume" : "Pause";
    this.#pause.firstElementChild.className = this.isPaused ? "ri-play-line" : "ri-pause-line";
    if (!this.isPaused) this.#tabs[this.state.tab].resume();
  }

  /** Open the panel of the event that the address names, or close it. */
  #openWanted() {
    const seq = Number(this.state.event);
    if (!seq) return void (this.#panel?.isConnected && this.app.modals.close(this.#panel, true));
    if (this.#panel?.isConnected) this.#panel.remove();
    const moved = (other) => {
      this.state.event = String(other);
      history.replaceState(history.state, "", addressOf(this.state));
    };
    const ended = (isForced) => {
      if (isForced) return; // the address moved on
      this.state.event = "";
      history.replaceState(history.state, "", addressOf(this.state));
    };
    this.#panel = openRecorded(this, seq, { moved, ended });
  }

  async #attempt(action) {
    try {
      await action();
    } catch (error) {
      if (!error.isAbort) this.app.toasts.error(error.response?.message || error.message);
    }
  }
}

function trouble(error) {
  if (error.status === 404) return "The log is not set up here. Run: pocketbase-events init";
  if (error.status === 0) return "PocketBase does not answer. This page tries again.";
  return error.response?.message || error.message;
}

/** Arrows move between tabs, as everywhere. */
function moveAmongTabs(event) {
  const tabs = [...event.currentTarget.children];
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const next = tabs.at((tabs.indexOf(document.activeElement) + by) % tabs.length);
  next.focus();
  next.click();
}
