// Writing the rows of attached collections: each call of an app is one event, or a group, and waits until it is recorded.

import { newId, post } from "./append.js";
import { changesIn, initial, parseKey, plain } from "./body.js";
import { isHidden, mayPass, notFound, refusal, rejection } from "./errors.js";
import { downloaded, isFile, withNumbers } from "./files.js";
import { emptyRow, undoing } from "./history.js";
import { actorOf, patiently, sleep } from "./outcomes.js";
import { hiding } from "./read.js";
import { cancellable, reading } from "./send.js";

const GUEST_PATIENCE = 10_000; // ms that a guest, who can't read events, waits for the row to show what was appended
const UNSEEN_PATIENCE = 2000; // the same for a guest to whom no row shows

/** A call of an app, `create`, `update`, `delete` or `restore`, as events that are appended, and what it answers. */
export async function write(state, place, method, given) {
  const { pb } = state;
  const call = callOf(method, given);
  const path = place.service.baseCrudPath + (call.id ? `/${encodeURIComponent(call.id)}` : "");
  const http = { create: "POST", delete: "DELETE" }[method] ?? "PATCH";
  const request = cancellable(call.options, http + path);
  const compares = Object.keys(call.body).length > 1 || !actorOf(pb) || namesFiles(place.target, call.body);
  const change = await changeOf(pb, place, method, call, compares, request.signal);
  const record = await append(state, [change], request, () => post(pb, change.events, request.sending()));
  if (record?.error) throw await rejection(pb, record);
  return method === "delete" || readBack(state, change, request.signal);
}

/** Whether a body names files that the row holds, which only the row can tell from others. */
const namesFiles = ({ fields }, body) =>
  Object.entries(body).some(([key, value]) => fields?.get(key)?.type === "file" && [value].flat().some((each) => each && !isFile(each)));

/** What a call was given: id, body and options. */
export function callOf(method, given) {
  const noBody = method === "delete" || method === "restore";
  const [id, body, options] = method === "update" ? given : noBody ? [given[0], {}, given[1]] : ["", ...given];
  return { id, body: plain(options?.body ?? body), options: options ?? {} };
}

/** A call as events: what it sends, and whether a row shows that it is done. `compares`: leave out what stays the same. */
export async function changeOf(pb, place, type, { id: named, body, options }, compares, signal) {
  const { service, target } = place;
  if (!named && type !== "create") throw await notFound(pb);
  if (type === "update" && body.id && body.id !== named) throw await otherId(pb);
  const id = named || body.id || newId();
  let [steps, sent, before] = [[["delete", null]], {}, options.from];
  if (type === "restore") steps = [["update", { deleted: false }]];
  if (type === "create") {
    sent = initial(await changesIn(pb, target, body, {}));
    steps = [["create", sent]];
  }
  if (type === "update") {
    before ??= compares ? await rowNow(pb, service, id, signal) : undefined;
    const changes = Object.entries(await changesIn(pb, target, body, before));
    steps = changes.map(([key, value]) => ["update", { [key]: value }]);
    sent = Object.fromEntries(changes.filter(([key]) => !parseKey(key).modifier));
  }
  const expectedSeq = options.expectedSeq === true ? (options.from ?? body).seq : options.expectedSeq;
  const events = eventsOf(pb, target, id, steps, { ...options, expectedSeq });
  const holds = (row) => steps.every(([, data]) => Object.entries(data).every(([key, value]) => row[key] === value));
  const differs = (row) => JSON.stringify(row) !== JSON.stringify(before);
  const shows = (row) => (type === "delete" ? !row : row && (type !== "update" || differs(row) || holds(row)));
  return { ...place, id, type, sent: withoutBlobs(sent), before, options, events, shows };
}

/** What of a body can be told without reading the row: PocketBase names files. */
const withoutBlobs = (sent) =>
  Object.fromEntries(Object.entries(sent).filter(([, value]) => ![value].flat().some(isFile)));

/** The records of events to append about one item, `[type, data]` each. */
function eventsOf(pb, { collection }, itemId, steps, { reason, expectedSeq }) {
  const common = { actor: actorOf(pb), collection, item_id: itemId, reason, expected_seq: expectedSeq };
  return steps.map(([type, data]) => ({ id: newId(), ...common, type, ...withNumbers(data) }));
}

/**
 * Append the events of these changes as one group; `send` makes one attempt. Resolves to the last event's record, once
 * it is recorded or rejected; without one, if the client may not read events, once a row shows the change.
 */
export async function append(
  { pb, targets },
  changes,
  { signal },
  send,
  deliver = (...given) => pb.events.deliver(...given),
) {
  const events = changes.flatMap((change) => change.events);
  if (!events.length) return undefined;
  if (events.length > 1) for (const event of events) event.together = events[0].id;
  const record = await deliver(events, send, signal).catch(async (error) => {
    if (error.status !== 400 && error.status !== 403) throw error;
    targets.forget(); // was it the rule, or is the collection not attached any more?
    for (const { target } of changes) await targets.find(target.collection);
    throw error;
  });
  if (record?.error) targets.forget(); // the fields may have changed
  if (!record) await untilShown(pb, changes[0], signal);
  return record;
}

/** Wait until the row shows what was appended. A guest who sees no row at all may not see any: that has to do. */
async function untilShown(pb, { service, id, shows }, signal) {
  const guest = !actorOf(pb);
  const start = Date.now();
  for (let pause = 20, seen = !guest; ; pause = Math.min(2 * pause, 500)) {
    const row = await service.getOne(id, { requestKey: null, signal }).catch((error) => error);
    seen ||= !!row.id;
    if (row.status === 403 || shows(row.id && !row.deleted ? row : null)) return;
    if (!seen && Date.now() - start > UNSEEN_PATIENCE) return;
    if (!guest || Date.now() - start > GUEST_PATIENCE) break;
    await sleep(pause, signal);
  }
  const why = "The event was appended, but its outcome can't be read. Sign in, and look at the record.";
  throw await refusal(pb, why, {}, 503);
}

/** What the SDK resolves to: the row; if the client may not read it, what is known of it. */
export async function readBack({ pb, targets }, { service, target, id, type, sent, before, options }, signal) {
  const { options: asked, show } = await hiding(targets, reading(options, signal), false);
  return patiently(pb, () => service.getOne(id, asked), signal).then(show, (error) => {
    if (!isHidden(error)) throw error;
    const known = type === "create" ? createdRow(target) : before;
    return { collectionId: target.id, collectionName: target.collection, ...known, ...sent, id };
  });
}

/** A row that has just been created, as far as it can be told without reading it. */
function createdRow(target) {
  const now = new Date().toISOString().replace("T", " ");
  const unset = [...(target.fields ?? [])].filter(([, { type }]) => type === "autodate");
  const known = unset.map(([name]) => [name, now]);
  return { ...emptyRow(target), ...Object.fromEntries(known) };
}

/** The row as it is; undefined if the client may not read it, or can't at the moment and has a queue to fill. */
async function rowNow(pb, service, id, signal) {
  const { keeps } = pb.events;
  const read = () => service.getOne(id, { requestKey: null, signal });
  return (keeps ? read() : patiently(pb, read, signal)).catch((error) => {
    if (isHidden(error) || (keeps && mayPass(error))) return undefined;
    throw error;
  });
}

function otherId(pb) {
  const why = "The id of a record can't be changed.";
  return refusal(pb, why, { id: { code: "validation_not_allowed", message: why } });
}

/** Take back events, given as what `history` tells or as seqs, by one group. */
export async function undo(state, { service, target }, what, options) {
  const { pb } = state;
  const seqs = [what].flat().map((each) => each.seq ?? each);
  if (!seqs.length) return { appended: [], conflicts: [] };
  const request = cancellable(options, null);
  const { steps, conflicts } = await undoing(pb, target, service, seqs, options.force, request.signal);
  const left = options.force ? [] : conflicts.map(({ seq }) => seq);
  const undone = seqs.filter((seq) => !left.includes(seq)).sort((one, other) => one - other);
  const reason = options.reason ?? `undo of seq ${undone.join(", ")}`;
  const events = [];
  for (const [id, each] of steps) {
    for (const step of each) step[1] = await downloaded(pb, step[1], request.signal);
    events.push(...eventsOf(pb, target, id, each, { reason }));
  }
  const change = { service, target, events, shows: () => true };
  const last = await append(state, [change], request, () => post(pb, events, request.sending()));
  if (last?.error) throw await rejection(pb, last);
  const appended = events.map(({ id }, place) => ({ id, seq: last ? last.seq - events.length + 1 + place : 0 }));
  return { appended, conflicts };
}
