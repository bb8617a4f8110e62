// The past of a collection: what happened to a record, rows as they were, and taking changes back.

import { refusal } from "./errors.js";
import { after, asNamedNow, changesOf } from "./fold.js";
import { withFiles } from "./files.js";
import { planUndo } from "./undo.js";

const PAGE = 500;
const EMPTY = { number: 0, bool: false, json: null, geoPoint: { lon: 0, lat: 0 } };
const NOT_SET = ["autodate", "password"];

/** The recorded events that the filter lets through, in order. */
async function recorded(pb, { collection, renamed, fields }, condition, signal) {
  const found = [];
  for (let page = PAGE; page === PAGE;) {
    const filter = `collection = ${JSON.stringify(collection)} && seq > ${found.at(-1)?.seq ?? 0} && ${condition}`;
    const options = { filter, sort: "seq", skipTotal: true, requestKey: null, signal };
    const { items } = await pb.collection("events").getList(1, PAGE, options);
    found.push(...items.map((event) => withFiles(asNamedNow(event, renamed), fields)));
    page = items.length;
  }
  return found;
}

const of = (id) => `item_id = ${JSON.stringify(id)}`;

/** Every event of a record, in order, with what it changed from and to: `changes: { field: [old, new] }`. */
export async function history(pb, target, id, { signal } = {}) {
  const events = await recorded(pb, target, of(id), signal);
  const told = changesOf(events).changes.filter(({ creates, field }) => !creates || field !== "deleted");
  return events.map(({ id: event, seq, timestamp, type, actor, reason, together, item_id }) => {
    const own = told.filter((change) => change.seq === seq).map(({ field, old, now }) => [field, [old, now]]);
    return { id: event, seq, timestamp, type, actor, reason, together, item_id, changes: Object.fromEntries(own) };
  });
}

/** The rows as they were after the event with that seq, or at that time. */
export async function at(pb, target, moment, { id, deleted, signal } = {}) {
  const time = () => new Date(moment).toISOString().replace("T", " ");
  const until = typeof moment === "number" ? `seq <= ${moment}` : `timestamp <= "${time()}"`;
  const items = new Map();
  for (const event of await recorded(pb, target, id ? `${until} && ${of(id)}` : until, signal)) {
    items.set(event.item_id, after(items.get(event.item_id) ?? {}, event));
  }
  const rows = [...items].map(([id, item]) => ({ ...emptyRow(target), ...item, id }));
  return rows.filter((row) => deleted || !row.deleted);
}

/** A row to which no event gave anything. */
export function emptyRow({ fields, versioned }) {
  const set = [...(fields ?? [])].filter(
    ([name, { type }]) => !NOT_SET.includes(type) && !(versioned && name === "seq"),
  );
  const empty = ({ type, multiple }) => (multiple ? [] : type in EMPTY ? EMPTY[type] : "");
  return Object.fromEntries(set.map(([name, field]) => [name, empty(field)]));
}

/**
 * The events that take others back, `[id, [[type, data]]]` for each record, and the conflicts. Every event of these
 * records has to be readable, or something that was changed since would be lost.
 */
export async function undoing(pb, target, service, seqs, force, signal) {
  const named = await recorded(pb, target, `(${seqs.map((seq) => `seq = ${seq}`).join(" || ")})`, signal);
  const missing = seqs.filter((seq) => !named.some((event) => event.seq === seq));
  if (missing.length) {
    const why = `There is no event with seq ${missing.join(", ")} of ${target.collection} that you may read.`;
    throw await refusal(pb, why, {}, 404);
  }
  const steps = [];
  const conflicts = [];
  for (const id of new Set(named.toReversed().map(({ item_id }) => item_id))) {
    const events = await recorded(pb, target, of(id), signal);
    const row = await service.getOne(id, { requestKey: null, signal });
    if (!areAll(target, events, row)) {
      const why =
        "You may not read every event of this record, so it can't be undone here. The option --history of attach lets you.";
      throw await refusal(pb, why, {}, 403);
    }
    const plan = planUndo(events, seqs, force);
    steps.push([id, plan.steps]);
    conflicts.push(...plan.conflicts);
  }
  return { steps, conflicts: conflicts.sort((one, other) => one.seq - other.seq) };
}

/** Whether these events make up the row as it is. */
function areAll({ versioned }, events, row) {
  if (events[0]?.type !== "create" || (versioned && row.seq && row.seq !== events.at(-1).seq)) return false;
  return Object.entries(events.reduce(after, {})).every(([name, value]) => {
    const live = row[name];
    if (value === live || typeof value === "object" || typeof value !== typeof live) return true; // or PocketBase's form of it
    return Number.isNaN(Number(live)) && Date.parse(value) === Date.parse(live);
  });
}
