// Rows as they were: what a collection's events up to a seq make of its items. Pure.

import { asNamedNow, changesOf } from "../../fold.js";

const UNSEEN = ["autodate", "file", "password"]; // types of fields that no event sets

/** Events by item, in order. */
export const byItem = (events) => Map.groupBy?.(events, ({ item_id: id }) => id) ?? grouped(events);

function grouped(events) {
  const items = new Map();
  for (const event of events) {
    if (!items.has(event.item_id)) items.set(event.item_id, []);
    items.get(event.item_id).push(event);
  }
  return items;
}

/**
 * An item as it was after the event with that seq, from its events in order: its fields, whether it was deleted, and
 * the last event that changed it, with what that one changed: `{ field: [old, new] }`.
 */
export function rowAt(id, events, seq, renamed = []) {
  const until = events.filter((event) => event.seq <= seq && !event.flaw).map((event) => asNamedNow(event, renamed));
  const last = until.at(-1);
  const { changes, item } = changesOf(until);
  const { deleted, ...fields } = item;
  const own = changes.filter((change) => change.seq === last.seq && !(change.creates && change.field === "deleted"));
  return {
    id,
    deleted,
    fields,
    last,
    changes: Object.fromEntries(own.map(({ field, old, now }) => [field, [old, now]])),
  };
}

/** What PocketBase shows of a field that no event has set. */
export const emptyOf = ({ type }) => ({ number: 0, bool: false })[type] ?? null;

/** The fields to show of a collection: those that events set. */
export const shownFields = (fields) =>
  fields.filter(({ name, type, hidden, system, primaryKey }) => {
    const isOurs = name === "deleted" || (name === "seq" && type === "number");
    return !UNSEEN.includes(type) && !hidden && !primaryKey && !isOurs && !(system && name === "id");
  });
