// The events that take events of one item back, as core/undo.py of the worker's package plans them. Pure.

import { parseKey } from "./body.js";
import { ABSENT, after, modified } from "./fold.js";

const INVERSE = { "+": "-", "-": "+" };

/**
 * What to append, `[type, data]` each, to take back those events of an item that have one of these seqs, and the
 * conflicts: `{ seq, field, later_seq }` for what was changed again since, which is taken back only if `force` is set.
 */
export function planUndo(history, seqs, force = false) {
  const { changes, now } = replay(history);
  const created = changes.findLast(({ creates, seq }) => creates && seqs.includes(seq));
  if (created) return undoCreate(created, changes, seqs, now, force);
  const plan = { steps: [], conflicts: [] };
  const wanted = new Map();
  const inverses = [];
  const names = [...new Set(changes.filter(({ seq }) => seqs.includes(seq)).map(({ field }) => field))];
  names.sort((one, other) => (other === "deleted") - (one === "deleted"));
  for (const name of names) {
    const touching = changes.filter(({ field }) => field === name);
    const own = touching.filter(({ seq }) => seqs.includes(seq));
    let { back, conflicts } = takeable(touching, seqs);
    if (now.deleted && name !== "deleted" && wanted.get("deleted") !== false) {
      const later = Math.max(
        ...changes.filter(({ field, now: value }) => field === "deleted" && value).map(({ seq }) => seq),
      );
      [back, conflicts] = [[], own.map(({ seq }) => ({ seq, field: name, later_seq: later }))];
    }
    plan.conflicts.push(...conflicts);
    if (force && conflicts.length) back = own;
    if (back.length && byInverse(back, touching, now.fields[name])) {
      for (const { modifier, operand } of back.toReversed())
        inverses.push(["update", { [name + INVERSE[modifier]]: operand }]);
    } else if (back.length) wanted.set(name, back[0].old);
  }
  plan.steps = stepsTo(now, wanted, inverses);
  return plan;
}

function undoCreate(created, changes, seqs, now, force) {
  const since = changes.find(({ seq }) => seq > created.seq && !seqs.includes(seq));
  const conflicts = since ? [{ seq: created.seq, field: "deleted", later_seq: since.seq }] : [];
  return { steps: !now.deleted && (force || !since) ? [["delete", null]] : [], conflicts };
}

/** What the events changed, in order, and the item after them. */
function replay(history) {
  const changes = [];
  let now = ABSENT;
  for (const event of history) {
    const before = now;
    now = after(before, event);
    const note = (field, old, value, more) =>
      changes.push({ seq: event.seq, field, old: old ?? null, now: value ?? null, ...more });
    const given = event.data ?? {};
    if (event.type === "create") {
      note("deleted", true, false, { creates: true });
      for (const name of new Set([...Object.keys(before.fields), ...Object.keys(now.fields)]))
        note(name, before.fields[name], now.fields[name]);
    } else if (event.type === "delete" || "deleted" in given) note("deleted", before.deleted, now.deleted);
    else {
      for (const [key, operand] of Object.entries(given)) {
        const { field, modifier } = parseKey(key);
        note(field, before.fields[field], now.fields[field], { modifier, operand });
      }
    }
  }
  return { changes, now };
}

const adds = ({ modifier, operand }) => !!modifier && typeof operand === "number";

/** Those changes of a field that can be taken back; sums may be taken back in any order. */
function takeable(touching, seqs) {
  const found = { back: [], conflicts: [] };
  for (const [place, change] of touching.entries()) {
    if (!seqs.includes(change.seq)) continue;
    const later = touching.slice(place + 1);
    const blocking = later.find(({ seq }) => !seqs.includes(seq));
    if (!blocking || [change, ...later].every(adds)) found.back.push(change);
    else found.conflicts.push({ seq: change.seq, field: change.field, later_seq: blocking.seq });
  }
  return found;
}

/** Whether inverse modifiers take these changes back; the value before them does better if sums are inexact. */
function byInverse(back, touching, value) {
  if (!back.every(adds)) return false;
  if (touching.some((change) => change.seq > back[0].seq && !back.includes(change))) return true;
  const end = back
    .toReversed()
    .reduce((sum, { modifier, operand }) => modified(sum, INVERSE[modifier], operand), value);
  return end === (back[0].old || 0);
}

/** The events that give the item these values. A deleted item is restored for it, and deleted again. */
function stepsTo(now, wanted, inverses) {
  const updates = [...wanted]
    .filter(([name]) => name !== "deleted")
    .map(([name, value]) => ["update", { [name]: value }]);
  updates.push(...inverses);
  const deleted = !!(wanted.get("deleted") ?? now.deleted);
  const restores = now.deleted && (updates.length || !deleted) ? [["update", { deleted: false }]] : [];
  const deletes = deleted && (restores.length || !now.deleted) ? [["delete", null]] : [];
  return [...restores, ...updates, ...deletes];
}
