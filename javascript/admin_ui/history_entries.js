// The entries of a record's history, newest first: events that were appended together are one.

import { localTime } from "./events_page/words.js";

const ICONS = { create: "add-line", update: "pencil-line", delete: "delete-bin-7-line", restore: "arrow-go-back-line" };
const VERBS = { create: "created it", update: "changed it", delete: "deleted it", restore: "restored it" };

const PICTURE = /\.(png|jpe?g|gif|webp|svg)$/i;

/**
 * Entries: `{ kind, timestamp, actor, reason, seqs, changes, isDeleted }`, of what `history` of the client tells.
 * `isDeleted` says whether the record was deleted after it.
 */
export function entriesOf(events) {
  const entries = [];
  let isDeleted = false;
  for (const event of events) {
    const [last, kind] = [entries.at(-1), kindOf(event)];
    if (kind !== "update") isDeleted = kind === "delete";
    const goesOn = last && event.together && event.together === last.together && kind === last.kind;
    if (goesOn) {
      last.seqs.push(event.seq);
      for (const [name, [old, now]] of Object.entries(event.changes))
        last.changes[name] = [last.changes[name] ? last.changes[name][0] : old, now];
    } else {
      const { timestamp, actor, reason, together, seq } = event;
      const changes = kind === "create" || kind === "update" ? { ...event.changes } : {};
      entries.push({ kind, timestamp, actor, reason, together, seqs: [seq], changes, isDeleted });
    }
  }
  return entries.reverse();
}

const kindOf = ({ type, changes }) => (type === "update" && changes.deleted?.[1] === false ? "restore" : type);

/** An entry as an element. `actions` are `[label, icon, action]` each. */
export function entryView(collection, entry, names, actions) {
  const { kind, timestamp, actor, reason, seqs, changes } = entry;
  return t.li(
    { className: `record-history-entry ${kind}` },
    t.div(
      { className: "record-history-head" },
      t.i({ className: `ri-${ICONS[kind]}`, ariaHidden: true }),
      t.span({ className: "txt" }, t.strong({}, actor ? names.person(actor) : "Somebody"), ` ${VERBS[kind]}`),
      t.time({ className: "txt-hint", title: `${timestamp}, event ${seqs.join(", ")}` }, localTime(timestamp)),
    ),
    ...(reason ? [t.div({ className: "record-history-reason" }, reason)] : []),
    t.dl({ className: "record-history-changes" }, ...changeViews(collection, kind, changes)),
    t.div({ className: "record-history-actions" }, ...actions.map(actionView)),
  );
}

const actionView = ([label, icon, onclick]) =>
  t.button(
    { type: "button", className: "btn sm secondary transparent", onclick },
    t.i({ className: `ri-${icon}`, ariaHidden: true }),
    t.span({ className: "txt" }, label),
  );

const changeViews = (collection, kind, changes) =>
  Object.entries(changes).map(([name, [old, now]]) => {
    const arrow = t.i({ className: "ri-arrow-right-line", ariaLabel: "to" });
    const before = [t.del({}, valueView(collection, name, old)), arrow];
    const after = t.ins({}, valueView(collection, name, now));
    return t.div(
      { className: "record-history-change" },
      t.dt({}, name),
      t.dd({}, ...(kind === "create" ? [] : before), after),
    );
  });

const EMPTY = { bool: false, number: 0 }; // as rows have it where no event has set a value

/** A value as PocketBase's own lists show it; as text, if the field is gone. */
function valueView(collection, name, given) {
  const field = collection.fields.find((each) => each.name === name);
  const value = given ?? EMPTY[field?.type] ?? null;
  const isNothing = value === null || value === "" || value?.length === 0;
  if (isNothing) return t.span({ className: "txt-hint" }, "nothing");
  const files = [value].flat().filter((each) => each?.collectionName === "events");
  if (files.length) return t.span({ className: "inline-flex flex-wrap gap-5" }, ...files.map(fileView));
  const view = field && app.fieldTypes?.[field.type]?.view;
  if (!view) return t.span({ className: "txt" }, typeof value === "string" ? value : JSON.stringify(value));
  return view({ short: true, record: store({ id: "", [name]: value }), field });
}

/** A file of an event: a small picture if it is one, and its name, which opens it. */
function fileView(file) {
  const { pb } = app;
  const url = async (query) => pb.files.getURL(file, file.name, { token: await pb.files.getToken({ requestKey: null }), ...query });
  const picture = t.img({ className: "record-history-picture", alt: "", hidden: true, onload: ({ target }) => (target.hidden = false) });
  if (PICTURE.test(file.name)) url({ thumb: "100x100" }).then((src) => (picture.src = src));
  const onclick = async () => window.open(await url({}), "_blank", "noopener");
  return t.button(
    { type: "button", className: "btn sm secondary transparent record-history-file", title: file.name, onclick },
    picture,
    t.span({ className: "txt txt-ellipsis" }, file.name),
  );
}
