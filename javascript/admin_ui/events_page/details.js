// One event in full: its JSON, its hash, and the link to the one before.

import { addressOf } from "./address.js";
import { hashed } from "./canonical.js";
import { hashOf } from "./chain.js";
import { eventAt, ofItems } from "./reading.js";
import { emptyOf, rowAt } from "./rows_at.js";
import { brief, count, fill, iconButton, jsonView, kindLabel, localTime } from "./words.js";

/**
 * Open the panel of a recorded event. `ended` is called when the reader closes it. Other events are shown in the same
 * panel; `moved(seq)` hears of it.
 */
export function openRecorded(page, seq, { moved, ended }) {
  const content = t.div({ className: "modal-content" });
  const title = t.h5({ className: "modal-title" }, "");
  let shown = 0;
  const show = async (next) => {
    shown = next;
    const { event, before } = await eventAt(page.app.pb, next);
    if (shown !== next) return;
    title.textContent = `Event ${count(next)}`;
    if (!event) return fill(content, t.p({ className: "txt-hint" }, `There is no event ${next} in the log.`));
    await page.names.learn([event]);
    const go = (other) => (moved(other), show(other));
    const table = await recordedTable(page, event, before, go);
    if (shown !== next) return;
    fill(content, table);
    content.scrollTop = 0;
  };
  const step = (by) => shown + by > 0 && (moved(shown + by), show(shown + by));
  const panel = modalOf(page.app, title, content, ended, [
    iconButton("The event before", "arrow-left-line", () => step(-1)),
    iconButton("The event after", "arrow-right-line", () => step(1)),
  ]);
  show(seq).catch((error) => fill(content, t.div({ className: "alert danger" }, error.message)));
  return panel;
}

/** Open the panel of an event that is pending or rejected. */
export function openWaiting(page, event) {
  const content = t.div({ className: "modal-content" });
  const { id, type, collection, item_id, data, actor, reason, together, expected_seq, created, error } = event;
  fill(
    content,
    error ? t.div({ className: "alert danger m-b-sm" }, error) : null,
    tableOf([
      ["event", kindLabel(event)],
      ["item", `${collection} · ${item_id}`],
      ["by", actor && page.names.person(actor)],
      ["reason", reason],
      ["group", together],
      ["expected seq", expected_seq || ""],
      ["appended", localTime(created, { milliseconds: true })],
      ["JSON", jsonView({ id, type, collection, item_id, data, actor, reason, together, expected_seq })],
    ]),
  );
  const title = t.h5({ className: "modal-title" }, error ? "Rejected event" : "Pending event");
  return modalOf(page.app, title, content, () => {}, []);
}

function modalOf(app, title, content, ended, buttons) {
  const close = iconButton("Close", "close-line", () => app.modals.close(modal));
  const modal = t.div(
    {
      className: "modal events-details",
      onafterclose: (el, isForced) => {
        el.remove();
        ended(isForced);
      },
    },
    t.header({ className: "modal-header" }, title, t.div({ className: "m-l-auto events-steps" }, ...buttons, close)),
    content,
  );
  modal.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, code");
    const press = { ArrowLeft: 0, ArrowRight: 1 }[event.key];
    if (!isTyping && buttons[press]) buttons[press].click();
    if (event.key === "Escape" && event.target !== modal) app.modals.close(modal); // else PocketBase does
  });
  document.body.append(modal);
  app.modals.open(modal);
  return modal;
}

const tableOf = (rows) =>
  t.table(
    { className: "responsive-table events-facts" },
    t.tbody(
      null,
      ...rows
        .filter(([, value]) => value !== "" && value !== null && value !== undefined)
        .map(([name, value]) => t.tr(null, t.th({ className: "min-width" }, name), t.td(null, value))),
    ),
  );

async function recordedTable(page, event, before, go) {
  const { seq, event_id: id, collection, item_id: item, actor, reason, together, timestamp, hash, flaw } = event;
  const filtered = (label, filter) =>
    t.a({ className: "link-hint", href: addressOf({ tab: "log", ...filter }) }, label);
  const title = page.names.title(collection, item);
  const shown = { ...hashed(event), hash };
  return tableOf([
    ["event", t.span({ className: "inline-flex gap-5" }, kindLabel(event), ` of ${collection}`)],
    ["item", [title ? t.div(null, title) : null, filtered(`${item}: all its events`, { collection, item })]],
    ["changed", await changesTable(page, event)],
    ["by", actor && [t.div(null, page.names.person(actor)), filtered("everything by this account", { actor })]],
    ["reason", reason],
    ["group", together && filtered(`${together}: the whole group`, { text: together })],
    [
      "time",
      [t.div(null, localTime(timestamp, { milliseconds: true })), t.small({ className: "txt-hint" }, timestamp)],
    ],
    ["event id", t.span({ className: "txt-code" }, id)],
    ["hash", [t.div({ className: "txt-code events-hash" }, hash), await linkView(event, before)]],
    [
      "hash before",
      seq > 1
        ? hashBefore(page, seq - 1, before, go)
        : t.span({ className: "txt-hint" }, "none: this is the first event"),
    ],
    ["JSON", flaw ? t.div({ className: "alert danger" }, flaw) : jsonView(shown)],
  ]);
}

/** Whether the hash follows from the content and the hash before. */
async function linkView(event, before) {
  if (!globalThis.crypto?.subtle) return t.small({ className: "txt-hint" }, "Browsers compute hashes over https only.");
  const isSound = (await hashOf(event, before)) === event.hash;
  const [kind, sentence] = isSound
    ? ["success", "It is the hash of this content and the hash before it."]
    : ["danger", "It is not the hash of this content and the hash before it. Verify tells more."];
  return t.span({ className: `label sm ${kind}` }, sentence);
}

function hashBefore(page, seq, hash, go) {
  const onclick = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(seq);
  };
  const link = t.a({ href: addressOf({ ...page.state, event: String(seq) }), onclick }, `event ${count(seq)}`);
  return [
    t.div({ className: "txt-code events-hash" }, hash || "not found"),
    t.small({ className: "txt-hint" }, "that of ", link),
  ];
}

/** Which field changed from what to what. */
async function changesTable(page, event) {
  if (event.flaw) return "";
  const { collection, item_id: id, seq, type } = event;
  const history = await ofItems(page.app.pb, collection, [id], seq);
  const { changes } = rowAt(id, history, seq, page.renamedOf(collection));
  return changeViews(await page.names.fieldsOf(collection), changes, type === "create");
}

/** What changed, field by field: `{ field: [old, new] }`. */
export const changeViews = (fields, changes, isNew) =>
  Object.entries(changes).map(([name, [old, now]]) => {
    const empty = emptyOf(fields.find((field) => field.name === name) ?? {});
    return t.div(
      { className: "events-change" },
      t.strong(null, name),
      " ",
      isNew ? null : t.del({ className: "txt-hint" }, shownValue(old ?? empty)),
      isNew ? null : " → ",
      t.span(null, shownValue(now ?? empty)),
    );
  });

const shownValue = (value) => (value === null || value === "" ? "nothing" : brief(value, 200));
