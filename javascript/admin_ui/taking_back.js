// Taking events of a record back, from the admin UI: by further events, which can be taken back as well.

import { announce, soon } from "./writing.js";

/** Take events back, by seq. Asks before it takes back what was changed again since. Resolves to whether it did. */
export async function undo(app, collection, id, seqs, reason) {
  return tell(app, "Taken back.", async () => {
    const service = app.pb.collection(collection.name);
    const before = await rowOf(app, collection, id);
    const done = await soon(service.undo(seqs, { reason }));
    const left = done.conflicts.length > 0 && (await confirmed(app, conflictText(done.conflicts)));
    const rest = done.conflicts.map(({ seq }) => seq);
    const forced = left && (await soon(service.undo(rest, { reason, force: true })));
    if (!done.appended.length && !forced) return false;
    await announceChange(app, collection, id, before);
    return true;
  });
}

/** Restore a deleted record. Resolves to whether it is restored. */
export async function restore(app, collection, id) {
  return tell(app, "Restored.", async () => {
    await soon(app.pb.collection(collection.name).restore(id));
    await announceChange(app, collection, id, { deleted: true });
    return true;
  });
}

/** Ask a question with Yes and No; resolves to whether the answer is yes. */
export const confirmed = (app, question) =>
  new Promise((resolve) => {
    app.modals.confirm(
      question,
      () => resolve(true),
      () => resolve(false),
    );
  });

function conflictText(conflicts) {
  const fields = [...new Set(conflicts.map(({ field }) => field))].join(", ");
  const later = [...new Set(conflicts.map(({ later_seq: seq }) => seq))].join(", ");
  return `${fields} was changed again since (event ${later}). Take that back as well?`;
}

/** The row as it is, deleted or not. */
const rowOf = (app, { name }, id) => app.pb.collection(name).getOne(id, { requestKey: null });

/** Tell the lists what became of the record. */
async function announceChange(app, collection, id, before) {
  const row = await rowOf(app, collection, id);
  if (row.deleted && !before.deleted) announce("delete", row);
  else announce(before.deleted && !row.deleted ? "create" : "update", row);
}

/** Do it, and say that it is done, or why not. */
async function tell(app, success, action) {
  try {
    const isDone = await action();
    if (isDone) app.toasts.success(success);
    return isDone;
  } catch (error) {
    app.checkApiError(error);
    return false;
  }
}
