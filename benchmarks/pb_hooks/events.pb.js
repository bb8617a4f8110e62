/// An event is recorded, and its row written, within the insert of the event itself.

onRecordCreate((e) => {
  const { dump, uuid } = require(`${__hooks}/canonical.js`);
  e.app.runInTransaction((tx) => {
    e.app = tx;
    const event = e.record;
    const head = tx.findRecordById("event_head", "head00000000000");
    const data = JSON.parse(event.getString("data") || "null");
    const recorded = {
      actor: event.getString("actor"),
      collection: event.getString("collection"),
      data,
      event_id: uuid(),
      item_id: event.getString("item_id"),
      seq: head.getInt("seq") + 1,
      timestamp: new Date().toISOString().replace("T", " "),
      type: event.getString("type"),
    };
    const hash = $security.sha256(dump(recorded) + head.getString("hash"));
    for (const name of ["seq", "event_id", "timestamp"]) event.set(name, recorded[name]);
    event.set("hash", hash);
    head.set("seq", recorded.seq);
    head.set("hash", hash);
    tx.save(head);

    let row;
    if (recorded.type === "create") {
      row = new Record(tx.findCollectionByNameOrId(recorded.collection));
      row.set("id", recorded.item_id);
    } else {
      row = tx.findRecordById(recorded.collection, recorded.item_id);
      if (row.getBool("deleted")) throw new BadRequestError("The item is deleted.");
    }
    if (recorded.type === "delete") row.set("deleted", true);
    for (const name of Object.keys(data || {})) row.set(name, data[name]);
    tx.save(row);
    e.next();
  });
}, "events");
