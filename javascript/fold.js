// What events make of an item, as core/undo.py of the worker's package computes it. Pure.

import { parseKey } from "./body.js";
import { withoutFiles } from "./files.js";

const ABSENT = { deleted: true };

/** The event with today's names of fields. `renamed`: the old name, the new one, the seq of the last event before. */
export function asNamedNow(event, renamed) {
  if (!event.data || !renamed.length) return event;
  const now = (key) => {
    const { field, modifier } = parseKey(key);
    const found = renamed.filter(([old, , upTo]) => old === field && event.seq <= upTo);
    if (!found.length) return key;
    const [, name] = found.reduce((one, other) => (other[2] < one[2] ? other : one));
    return modifier === "<" ? `+${name}` : name + modifier;
  };
  // If an event gives both, its own value of the new name stays.
  const stays = (key) => now(key) === key || !(now(key) in event.data && now(now(key)) === now(key));
  const kept = Object.entries(event.data).filter(([key]) => stays(key));
  return { ...event, data: Object.fromEntries(kept.map(([key, value]) => [now(key), value])) };
}

/** The item after one more of its events, by field. */
export function after(item, { type, data }) {
  if (type === "delete") return { ...item, deleted: true };
  const { id, ...given } = data ?? {};
  if (type === "create") return { ...given, deleted: false };
  const next = { ...item };
  for (const [key, value] of Object.entries(data ?? {})) {
    const { field, modifier } = parseKey(key);
    next[field] = modifier ? modified(item[field], modifier, value) : value;
  }
  return next;
}

/**
 * What the events of an item changed, one field each, in order: `{ seq, field, old, now, modifier, operand, creates }`.
 * An item that is not there yet is a deleted one: so creating, deleting and restoring it changes its field `deleted`.
 */
export function changesOf(events) {
  let item = ABSENT;
  const changes = events.flatMap(({ seq, type, data }) => {
    const before = item;
    item = after(before, { type, data });
    const { id, ...given } = type === "delete" ? {} : (data ?? {});
    const note = (key, operand) => {
      const { field, modifier } = parseKey(key);
      const old = field === "deleted" ? !item.deleted : (before[field] ?? null);
      return { seq, field, old, now: item[field] ?? null, modifier, operand, creates: type === "create" };
    };
    const fields = Object.entries(given).map(([key, value]) => note(key, value));
    return type === "update" ? fields : [note("deleted"), ...fields];
  });
  return { changes, item };
}

const listOf = (value) => (Array.isArray(value) ? value : (value ?? null) === null ? [] : [value]);

/** The value of a field after a modifier, as PocketBase computes it. */
export function modified(before, modifier, operand) {
  if (typeof operand === "number") {
    const start = typeof before === "number" ? before : 0;
    return modifier === "-" ? start - operand : start + operand;
  }
  const [items, operands] = [listOf(before), listOf(operand)];
  if (modifier === "-" && items.some((item) => item?.name)) return withoutFiles(items, operands);
  if (modifier === "-") return items.filter((item) => !operands.includes(item));
  const joined = modifier === "+" ? [...items, ...operands] : [...operands, ...items];
  return [...new Set(joined)].filter((item) => item !== "");
}
