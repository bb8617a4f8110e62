// The form of a record of an attached collection: its history, the reason of a change, and what a deleted one says.

import { openHistory } from "./history_panel.js";
import { restore } from "./taking_back.js";
import { keyOf } from "./writing.js";

const MOST_OF_A_REASON = 1000; // characters

export function extendForms(app, attached, forms) {
  const open = app.modals.openRecordUpsert;
  app.modals.openRecordUpsert = (collection, record = null, settings = {}) => {
    const shown = store({ id: "", deleted: false, reason: "" });
    const form = { app, collection, settings, shown, from: undefined };
    const forget = () => forms.delete(keyOf(collection?.name, shown.id));
    const show = (id) => {
      forget();
      Object.assign(shown, { id, reason: "" });
      forms.set(keyOf(collection?.name, id), form);
    };
    show(record?.id ?? record ?? "");
    return open(collection, record, {
      ...settings,
      onafteropen: async (element) => {
        settings.onafteropen?.(element);
        if (await attached.has(collection.name)) extendForm(element, form);
      },
      onafterclose: (element) => (forget(), settings.onafterclose?.(element)),
      onsave: (saved, isNew) => (show(saved.id), settings.onsave?.(saved, isNew)),
      onduplicate: (clone) => (show(""), (shown.deleted = false), settings.onduplicate?.(clone)),
    });
  };
}

function extendForm(element, form) {
  element.dataset.events = "";
  element.querySelector(".modal-header .flex-fill")?.after(historyButton(element, form));
  // PocketBase draws the fields anew when a new record becomes one that is there, and for a duplicate.
  const extendFields = () => {
    const content = element.querySelector(".modal-content");
    if (!content || content.querySelector(".record-reason")) return;
    content.prepend(deletedAlert(element, form));
    content.append(reasonField(form));
  };
  new MutationObserver(extendFields).observe(element, { childList: true });
  extendFields();
}

function historyButton(element, form) {
  const { app, collection, shown } = form;
  const onclick = () => openHistory(app, collection, shown.id, () => openAnew(element, form));
  return t.button(
    { type: "button", className: "btn sm secondary record-history-btn", hidden: () => !shown.id, onclick },
    t.i({ className: "ri-history-line", ariaHidden: true }),
    t.span({ className: "txt" }, "History"),
  );
}

/** Show the record as it is by now. What was typed and not saved is offered as a draft, as PocketBase does. */
function openAnew(element, { app, collection, settings, shown }) {
  const { id } = shown;
  if (!element.isConnected) return;
  app.modals.close(element, true);
  app.modals.openRecordUpsert(collection, id, settings);
}

function deletedAlert(element, form) {
  const { app, collection, shown } = form;
  const onclick = async () => {
    if (await restore(app, collection, shown.id)) openAnew(element, form);
  };
  return t.div(
    { className: "alert warning flex gap-sm m-b-base", hidden: () => !shown.deleted },
    t.div({ className: "content" }, "This record is deleted. Restore it before you change it."),
    t.button(
      { type: "button", className: "btn sm outline m-l-auto", onclick },
      t.span({ className: "txt" }, "Restore"),
    ),
  );
}

function reasonField({ app, shown }) {
  const id = `reason_${app.utils.randomString()}`;
  return t.div(
    { className: "field record-reason", hidden: () => shown.deleted },
    t.label(
      { htmlFor: id },
      t.i({ className: "ri-chat-quote-line", ariaHidden: true }),
      t.span({ className: "txt" }, "Reason"),
    ),
    t.input({
      id,
      type: "text",
      maxLength: MOST_OF_A_REASON,
      placeholder: "Why? The history shows it.",
      value: () => shown.reason,
      oninput: ({ target }) => (shown.reason = target.value),
    }),
  );
}
