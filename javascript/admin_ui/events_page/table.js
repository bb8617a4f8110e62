// A list of events, newest first, that grows at both ends and stays small enough to scroll smoothly.

import { changesView, count, kindLabel, localTime } from "./words.js";

export const MOST = 400; // rows; beyond that, rows at the far end go

/** A table of PocketBase's look with these headings. */
export function tableOf(headings, body, className = "") {
  const head = t.tr(null, ...headings.map((heading) => t.th({ className: headingClass(heading) }, heading)));
  return t.table({ className: `events-table optimize ${className}` }, t.thead({ className: "sticky" }, head), body);
}

const headingClass = (heading) => (heading === "" ? "col-meta" : "");

/** Whatever opens a row: a click, Enter or the space bar; arrows move between rows. */
export function opens(open) {
  return {
    tabIndex: 0,
    role: "button",
    className: "handle",
    onclick: (event) => !event.target.closest("a, button") && open(),
    onkeydown: (event) => {
      if (event.target !== event.currentTarget) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open();
      }
      const next = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
      if (next && event.currentTarget[next]) {
        event.preventDefault();
        event.currentTarget[next].focus();
      }
    },
  };
}

/** The cells that tell which item an event is about, and what it says. */
export const whatCells = (event, names) => {
  const title = names.title(event.collection, event.item_id);
  return [
    t.td({ className: "events-kind" }, kindLabel(event)),
    t.td(
      { className: "events-item" },
      t.div({ className: "txt-ellipsis" }, title ?? event.item_id),
      t.small(
        { className: "txt-hint txt-ellipsis" },
        title ? `${event.collection} · ${event.item_id}` : event.collection,
      ),
    ),
    t.td({ className: "events-data" }, changesView(event)),
  ];
};

export const whoCell = (event, names) =>
  t.td(
    { className: "events-who" },
    event.actor
      ? t.div({ className: "txt-ellipsis", title: event.actor }, names.person(event.actor))
      : t.span({ className: "txt-hint" }, "not signed in"),
    event.reason && t.small({ className: "txt-hint events-reason" }, event.reason),
  );

/** The row of a recorded event. */
export function recordedRow(event, names, open) {
  return t.tr(
    { ...opens(() => open(event.seq)), "html-data-seq": event.seq },
    t.td({ className: "events-seq" }, count(event.seq)),
    ...whatCells(event, names),
    whoCell(event, names),
    t.td({ className: "events-time" }, localTime(event.timestamp)),
    t.td({ className: "col-meta" }, t.i({ className: "ri-arrow-right-line", ariaHidden: true })),
  );
}
