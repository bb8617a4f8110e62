// Reading events from PocketBase. Pages continue at a seq, never at an offset, so each costs the same.

import { readData } from "./canonical.js";

const PAGE = 1000; // records, the most that PocketBase gives
const AT_ONCE = 500; // events of the whole log, few enough that the page keeps answering while they are hashed
const PAGE_BYTES = 2_000_000; // of events read at a time, estimated from the page before
const NOWHERE = Number.MAX_SAFE_INTEGER; // a place in the table behind all others
const IDS = 50; // ids in a filter
const bytes = new TextEncoder();

/** Some records of a collection, whatever the SDK would make of them. */
export async function records(pb, collection, query, signal) {
  const options = { query: { skipTotal: 1, ...query }, requestKey: null, signal };
  const { items } = await pb.send(`/api/collections/${encodeURIComponent(collection)}/records`, options);
  return items;
}

/** The one record of `event_status`: the head, what waits, and who was there. */
export const status = async (pb) => (await records(pb, "event_status", { perPage: 1 }))[0];

/** The attached collections, with what renamed fields were called. */
export const attached = (pb) => records(pb, "event_fields", { perPage: PAGE, sort: "collection" });

const text = JSON.stringify; // as a filter has it

/** What a state of the page lets through: of recorded events, or of those that wait. `actors` are ids. */
export function filterOf(state, isRecorded) {
  const time = isRecorded ? "timestamp" : "created";
  const moment = (value) => text(new Date(value).toISOString().replace("T", " "));
  const found = ["data", "reason", "item_id", "together", ...(isRecorded ? [] : ["error"])];
  const clauses = {
    collection: (value) => `collection = ${text(value)}`,
    item: (value) => `${isRecorded ? "item" : "item_id"} = ${text(value)}`, // `item` has an index
    type: (value) => (value === "restore" ? `type = "update" && data ~ '"deleted"'` : `type = ${text(value)}`),
    actors: (ids) => `(${ids.map((id) => `actor = ${text(id)}`).join(" || ")})`,
    text: (value) => `(${found.map((name) => `${name} ~ ${text(value)}`).join(" || ")})`,
    from: (value) => `${time} >= ${moment(value)}`,
    to: (value) => `${time} <= ${moment(value)}`,
  };
  return Object.entries(clauses)
    .filter(([name]) => state[name])
    .map(([name, clause]) => clause(state[name]))
    .join(" && ");
}

/** The SHA-256 of each of an event's files, from `[names, hashes]` as a text; empty if it has none. */
function fileHashes(item) {
  const [names, hashes] = JSON.parse(item.files || "[[],[]]");
  const isList = (list) => Array.isArray(list) && list.every((each) => typeof each === "string");
  if (isList(names) && isList(hashes) && names.length === hashes.length) return hashes;
  throw new Error("file_hashes is not the list of a hash for each of its files.");
}

/** An event of `event_log`, with its data read. */
function eventOf(item) {
  const texts = item.collection + item.item_id + item.actor + item.data + item.reason + item.together;
  const isDamaged = bytes.encode(texts).length !== item.bytes; // bad bytes were replaced on the way
  if (isDamaged) return { ...item, data: null, flaw: "data is not valid UTF-8. Send it as UTF-8." };
  try {
    return { ...item, file_hashes: fileHashes(item), ...readData(item.data) };
  } catch (error) {
    return { ...item, data: null, flaw: error.message };
  }
}

/**
 * The latest recorded events that the filter lets through, newest first: after one seq, before another. `isNext` wants
 * those that follow `after` instead.
 */
export async function latest(pb, filter, { after = 0, before = 0, most, isNext = false }) {
  const wanted = [`seq > ${after}`, before && `seq < ${before}`, filter].filter(Boolean).join(" && ");
  const found = await records(pb, "event_log", { filter: wanted, sort: isNext ? "seq" : "-seq", perPage: most });
  return (isNext ? found.reverse() : found).map(eventOf);
}

/** The recorded event with this seq, and the hash before it: `{ event, before }`. */
export async function eventAt(pb, seq) {
  const found = await records(pb, "event_log", { filter: `seq = ${seq} || seq = ${seq - 1}`, perPage: 2 });
  const event = found.find((each) => each.seq === seq);
  return { event: event && eventOf(event), before: found.find((each) => each.seq === seq - 1)?.hash ?? "" };
}

/** Every event of these items up to a seq, in order. */
export async function ofItems(pb, collection, ids, to, signal) {
  const found = [];
  for (let start = 0; start < ids.length; start += IDS) {
    const named = ids.slice(start, start + IDS).map((id) => `item = ${text(id)}`);
    for (let last = 0; ; last = found.at(-1).seq) {
      const filter = `seq > ${last} && seq <= ${to} && collection = ${text(collection)} && (${named.join(" || ")})`;
      const page = await records(pb, "event_log", { filter, sort: "seq", perPage: PAGE }, signal);
      found.push(...page.map(eventOf));
      if (page.length < PAGE) break;
    }
  }
  return found;
}

/** What `event_log` has first after a seq, or last up to one, of a collection; undefined if there is nothing. */
export async function neighbour(pb, collection, { after, upTo }) {
  const [place, sort] = after === undefined ? [`seq <= ${upTo}`, "-seq"] : [`seq > ${after}`, "seq"];
  const filter = `collection = ${text(collection)} && seq > 0 && ${place}`;
  const [found] = await records(pb, "event_log", { filter, sort, perPage: 1 });
  return found && eventOf(found);
}

/** The seq of the last event recorded up to a time; 0 if there is none. */
export async function seqAt(pb, time) {
  const filter = `seq > 0 && timestamp <= ${text(new Date(time).toISOString().replace("T", " "))}`;
  return (await records(pb, "event_log", { filter, sort: "-seq", perPage: 1, fields: "seq" }))[0]?.seq ?? 0;
}

/** The latest events that created an item of a collection, up to a seq. */
export const creates = (pb, collection, upTo, most) =>
  latest(pb, `collection = ${text(collection)} && type = "create"`, { before: upTo + 1, most });

/** The whole log up to a seq, page by page. The next page is on its way while this one is used. */
export async function* wholeLog(pb, to, signal) {
  const read = (last, perPage) => {
    // A log that was tampered with may repeat a seq. The view says `likely(seq > 0)`; otherwise SQLite would search from 0.
    const filter = `seq >= ${last.seq} && (seq > ${last.seq} || position > ${last.position}) && seq <= ${to}`;
    const page = records(pb, "event_log", { filter, sort: "seq,position", perPage }, signal);
    page.catch(() => {}); // whoever waits for it hears of the failure
    return page;
  };
  let size = 100;
  for (let page = read({ seq: 0, position: NOWHERE }, size), items; ;) {
    items = await page;
    const [isLast, read_] = [items.length < size, items.reduce((sum, item) => sum + item.bytes, 0)];
    if (!isLast) {
      size = Math.max(1, Math.min(AT_ONCE, Math.floor((PAGE_BYTES * items.length) / Math.max(read_, 1))));
      page = read(items.at(-1), size);
    }
    yield items.map(eventOf);
    if (isLast) return;
  }
}

/** Events that wait, or were rejected: the newest first, a page of them. */
export const waiting = (pb, state, page, most) => {
  const which = `seq = 0 && error ${state.tab === "rejected" ? "!=" : "="} ""`;
  const filter = [which, filterOf(state, false)].filter(Boolean).join(" && ");
  return records(pb, "events", { filter, sort: "-@rowid", perPage: most, page });
};
