// The events that take events of one item back, as core/undo.py of the worker's package plans them. Pure.

import { changesOf, modified } from "./fold.js";

const INVERSE = { "+": "-", "-": "+" };
const adds = ({ modifier, operand }) => !!modifier && typeof operand === "number";

/**
 * What to append, `[type, data]` each, to take back those events of an item that have one of these seqs, and the
 * conflicts: `{ seq, field, later_seq }` for what was changed again since, which is taken back only if `force` is set.
 */
export function planUndo(events, seqs, force = false) {
  const { changes, item } = changesOf(events);
  const isNamed = ({ seq }) => seqs.includes(seq);
  const named = changes.filter(isNamed);
  const created = named.findLast(({ creates }) => creates);
  if (created)
    return undoCreate(
      created.seq,
      changes.filter((change) => !isNamed(change)),
      item,
      force,
    );
  const wanted = {};
  const inverses = [];
  const conflicts = [];
  const deletions = changes.filter((change) => change.field === "deleted" && change.now && !isNamed(change));
  const names = new Set(named.map(({ field }) => field));
  for (const name of names.delete("deleted") ? ["deleted", ...names] : names) {
    const touching = changes.filter(({ field }) => field === name);
    const isGone = name !== "deleted" && item.deleted && wanted.deleted !== false;
    const deletion = isGone && deletions.at(-1);
    const isHidden = ({ seq }) => deletion && seq < deletion.seq;
    const own = touching.filter(isNamed);
    const laterOf = (change) => (isHidden(change) ? deletion : laterThan(change, touching, isNamed));
    const later = new Map(own.map((change) => [change, laterOf(change)]));
    const blocked = own.filter((change) => later.get(change));
    conflicts.push(...blocked.map((change) => ({ seq: change.seq, field: name, later_seq: later.get(change).seq })));
    const back = force ? own : own.filter((change) => !later.get(change));
    if (!back.length) continue;
    if (!byInverse(back, touching, item[name])) wanted[name] = back[0].old;
    else for (const { modifier, operand } of back.toReversed()) inverses.push({ [name + INVERSE[modifier]]: operand });
  }
  return { steps: stepsTo(item.deleted, wanted, inverses), conflicts };
}

function undoCreate(seq, others, { deleted }, force) {
  const since = others.find((change) => change.seq > seq);
  const conflicts = since ? [{ seq, field: "deleted", later_seq: since.seq }] : [];
  return { steps: !deleted && (force || !since) ? [["delete", null]] : [], conflicts };
}

/** The change since that stands in the way of taking this one back; sums may be taken back in any order. */
function laterThan(change, touching, isNamed) {
  const since = touching.slice(touching.indexOf(change));
  return since.every(adds) ? undefined : since.find((each) => !isNamed(each));
}

/** Whether inverse modifiers take these changes back; the value before them does better if sums are inexact. */
function byInverse(back, touching, value) {
  if (!back.every(adds)) return false;
  if (touching.some((change) => change.seq > back[0].seq && !back.includes(change))) return true;
  const undone = (sum, { modifier, operand }) => modified(sum, INVERSE[modifier], operand);
  return back.toReversed().reduce(undone, value) === (back[0].old || 0);
}

/** The events that give an item these values. A deleted one is restored for it, and deleted again. */
function stepsTo(isDeleted, { deleted = isDeleted, ...wanted }, inverses) {
  const updates = [...Object.entries(wanted).map(([name, value]) => ({ [name]: value })), ...inverses];
  const restores = isDeleted && (updates.length || !deleted) ? [{ deleted: false }] : [];
  const deletes = deleted && (restores.length || !isDeleted) ? [["delete", null]] : [];
  return [...[...restores, ...updates].map((data) => ["update", data]), ...deletes];
}
