/// <reference path="../pb_data/types.d.ts" />
// pocketbase-events in PocketBase: `pocketbase-events admin-ui` writes this file, and the folder beside it. It adds no
// route and no right.

// The extension of the admin UI. PocketBase before 0.37 knows no extensions.
$app.onServe().bindFunc((e) => {
  if ("uiExtensions" in e) {
    const extension = { name: "pocketbase-events-@version@", fs: $os.dirFS(`${__hooks}/pocketbase_events`) };
    e.uiExtensions = [...(e.uiExtensions || []), extension];
  }
  return e.next();
});

// Whatever a superuser appends has that superuser as its actor, except for events that `import` records as they were,
// while it holds the head, and events that adopt a row, which have none.
onRecordCreateRequest((e) => {
  if (e.hasSuperuserAuth() && e.record.get("actor") !== e.auth.id) {
    const actor = e.record.getBool("adopted") ? "" : e.auth.id;
    const held = e.app.findRecordsByFilter("pbe_head_000001", "hold_until > @now", "", 1, 0).length > 0;
    if (!held) e.record.set("actor", actor);
  }
  return e.next();
}, "pbe_events_0001");

// Why a write was refused: what a trigger of the log says, in place of "Failed to update record."
const sayWhy = (e) => {
  const found = /pocketbase-events: ([^(\n]*[^(\s])/.exec(String(e.error));
  if (found) throw new BadRequestError(`${found[1][0].toUpperCase()}${found[1].slice(1)}.`);
  return e.next();
};
onRecordAfterCreateError(sayWhy);
onRecordAfterUpdateError(sayWhy);
onRecordAfterDeleteError(sayWhy);

// Let a delete pass that writes nothing but the mark, whatever is wrong with the row by now.
onRecordValidate((e) => {
  if (!e.record.getBool("deleted") || e.record.isNew() || e.record.original().getBool("deleted")) return e.next();
  const name = e.record.collection().name;
  const attached = e.app.findRecordsByFilter("pbe_targets_001", "collection = {:name}", "", 1, 0, { name }).length > 0;
  const before = e.record.original();
  const same = (field) => JSON.stringify(e.record.get(field)) === JSON.stringify(before.get(field));
  const others = e.record.collection().fields.fieldNames().filter((field) => field !== "deleted" && field !== "seq");
  if (!attached || !others.every(same)) return e.next();
});
