// The past of a collection: what happened to a record, rows as they were, and taking changes back.

import { refusal } from "./errors.js";
import { ABSENT, after, asNamedNow, changesOf } from "./fold.js";
import { planUndo } from "./undo.js";

const PAGE = 500;

/** The recorded events that the filter lets through, in order. */
async function recorded(pb, target, filter, signal) {
  const found = [];
  for (let last = 0; ; last = found.at(-1).seq) {
    const query = {
      filter: `collection = ${JSON.stringify(target.collection)} && seq > ${last} && ${filter}`,
      sort: "seq",
    };
    const options = { query: { ...query, perPage: PAGE, skipTotal: 1 }, requestKey: null, signal };
    const { items } = await pb.send("/api/collections/events/records", options);
    found.push(...items.map((event) => asNamedNow(event, target.renamed)));
    if (items.length < PAGE) return found;
  }
}

const of = (id) => `item_id = ${JSON.stringify(id)}`;

/** Every event of a record, in order, with what it changed from and to: `changes: { field: [old, new] }`. */
export async function history(pb, target, id, options = {}) {
  let state = ABSENT;
  return (await recorded(pb, target, of(id), options.signal)).map((event) => {
    const changes = changesOf(event, state);
    state = after(state, event);
    const { seq, timestamp, type, actor, reason, together, item_id } = event;
    return { id: event.id, seq, timestamp, type, actor, reason, together, item_id, changes };
  });
}

/** The rows as they were after the event with that seq, or at that time. */
export async function at(pb, target, moment, options = {}) {
  const time = () => new Date(moment).toISOString().replace("T", " ");
  const until = typeof moment === "number" ? `seq <= ${moment}` : `timestamp <= "${time()}"`;
  const items = new Map();
  for (const event of await recorded(
    pb,
    target,
    options.id ? `${until} && ${of(options.id)}` : until,
    options.signal,
  )) {
    items.set(event.item_id, after(items.get(event.item_id) ?? ABSENT, event));
  }
  const rows = [...items].map(([id, { fields, deleted }]) => ({ ...empty(target), ...fields, id, deleted }));
  return rows.filter(({ deleted }) => options.deleted || !deleted);
}

const EMPTY = { number: 0, bool: false, json: null, geoPoint: { lon: 0, lat: 0 } };

const NOT_SET = ["autodate", "file", "password"];

/** A row to which no event gave anything. */
function empty({ fields, versioned }) {
  const settable = [...(fields ?? [])].filter(
    ([name, { type }]) => !NOT_SET.includes(type) && !(versioned && name === "seq"),
  );
  return Object.fromEntries(
    settable.map(([name, { type, multiple }]) => [name, multiple ? [] : type in EMPTY ? EMPTY[type] : ""]),
  );
}

/**
 * The events that take others back, `[id, [[type, data]]]` for each record, and the conflicts. Every event of these
 * records has to be readable, or something that was changed since would be lost.
 */
export async function undoing(pb, target, service, seqs, { force, signal }) {
  const named = await recorded(pb, target, `(${seqs.map((seq) => `seq = ${seq}`).join(" || ")})`, signal);
  const missing = seqs.filter((seq) => !named.some((event) => event.seq === seq));
  if (missing.length)
    throw await refusal(
      pb,
      `There is no event with seq ${missing.join(", ")} of ${target.collection} that you may read.`,
      {},
      404,
    );
  const steps = [];
  const conflicts = [];
  for (const id of new Set(named.toReversed().map(({ item_id }) => item_id))) {
    const events = await recorded(pb, target, of(id), signal);
    await refuseIncomplete(pb, target, service, id, events, signal);
    const plan = planUndo(events, seqs, force);
    steps.push([id, plan.steps]);
    conflicts.push(...plan.conflicts);
  }
  return { steps, conflicts: conflicts.sort((one, other) => one.seq - other.seq) };
}

/** Throw if the events that the client may read don't make up the row as it is. */
async function refuseIncomplete(pb, target, service, id, events, signal) {
  const row = await service.getOne(id, { requestKey: null, signal });
  const { deleted, fields } = events.reduce(after, ABSENT);
  const whole = events[0]?.type === "create" && (!target.versioned || !row.seq || row.seq === events.at(-1).seq);
  const agrees = ([name, value]) =>
    !(name in row) || typeof value === "object" || typeof value !== typeof row[name] || same(value, row[name]);
  if (whole && row.deleted === deleted && Object.entries(fields).every(agrees)) return;
  const why =
    "You may not read every event of this record, so it can't be undone here. The option --history of attach lets you.";
  throw await refusal(pb, why, {}, 403);
}

const same = (logged, live) =>
  logged === live || (Number.isNaN(Number(live)) && Date.parse(logged) === Date.parse(live));
