// What events make of an item, as core/undo.py of the worker's package computes it. Pure.

import { parseKey } from "./body.js";

export const ABSENT = { exists: false, deleted: false, fields: {} };

/** The event with today's names of fields. `renamed`: the old name, the new one, the seq of the last event before. */
export function asNamedNow(event, renamed) {
  const now = (key) => {
    const { field, modifier } = parseKey(key);
    const found = renamed.filter(([old, , upTo]) => old === field && event.seq <= upTo);
    if (!found.length) return key;
    const [, name] = found.reduce((one, other) => (other[2] < one[2] ? other : one));
    return modifier === "<" ? `+${name}` : name + modifier;
  };
  const given = event.data ?? {};
  // If an event gives both, its own value of the new name stays.
  const stays = (key) => now(key) === key || !(now(key) in given && now(now(key)) === now(key));
  const kept = Object.keys(given).filter(stays);
  return event.data ? { ...event, data: Object.fromEntries(kept.map((key) => [now(key), given[key]])) } : event;
}

/** The item after one more of its events. */
export function after(state, { type, data }) {
  const given = data ?? {};
  if (type === "delete") return { ...state, deleted: true };
  if (type === "create") {
    const { id, ...fields } = given;
    return { exists: true, deleted: false, fields };
  }
  if ("deleted" in given) return { ...state, deleted: !!given.deleted };
  const fields = { ...state.fields };
  for (const [key, value] of Object.entries(given)) {
    const { field, modifier } = parseKey(key);
    fields[field] = modifier ? modified(fields[field], modifier, value) : value;
  }
  return { ...state, fields };
}

const listOf = (value) => (Array.isArray(value) ? value : (value ?? null) === null ? [] : [value]);

/** The value of a field after a modifier, as PocketBase computes it. */
export function modified(before, modifier, operand) {
  if (typeof operand === "number") {
    const start = typeof before === "number" ? before : 0;
    return modifier === "-" ? start - operand : start + operand;
  }
  const [items, operands] = [listOf(before), listOf(operand)];
  if (modifier === "-") return items.filter((item) => !operands.includes(item));
  const joined = modifier === "+" ? [...items, ...operands] : [...operands, ...items];
  return [...new Set(joined)].filter((item) => item !== "");
}

/** What one event changed: for each field the value before and after. */
export function changesOf(event, before) {
  if (event.type === "delete") return { deleted: [false, true] };
  const now = after(before, event);
  if (event.type === "create" || !before.exists) {
    return Object.fromEntries(Object.entries(now.fields).map(([name, value]) => [name, [null, value]]));
  }
  if ("deleted" in (event.data ?? {})) return { deleted: [before.deleted, now.deleted] };
  const names = Object.keys(event.data ?? {}).map((key) => parseKey(key).field);
  return Object.fromEntries(names.map((name) => [name, [before.fields[name] ?? null, now.fields[name] ?? null]]));
}
