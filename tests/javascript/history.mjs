// The past of rows, read and taken back by the user who wrote them, against a real PocketBase with a worker beside it.

import assert from "node:assert/strict";

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const pb = withEvents(await signIn());
const todos = pb.collection("todos");
const fails = (promise) => promise.then(assert.fail, (error) => error);

const tests = {
  async "history says who changed what, from what to what, and why"() {
    const { id } = await todos.create({ title: "Milk", count: 1 });
    await todos.update(id, { title: "Eggs" }, { reason: "no milk" });
    await todos.update(id, { "count+": 2 });
    await todos.delete(id);
    const told = await todos.history(id);
    assert.deepEqual(
      told.map(({ type, changes }) => [type, changes]),
      [
        ["create", { title: [null, "Milk"], count: [null, 1] }],
        ["update", { title: ["Milk", "Eggs"] }],
        ["update", { count: [1, 3] }],
        ["delete", { deleted: [false, true] }],
      ],
    );
    assert.equal(told[1].reason, "no milk");
    assert.ok(told.every(({ actor, timestamp }) => actor === pb.authStore.record.id && Date.parse(timestamp)));
  },

  async "what was changed is taken back, and taken back again"() {
    const { id } = await todos.create({ title: "Milk", count: 1 });
    await todos.update(id, { title: "Eggs", count: 5 });
    const [, ...group] = await todos.history(id);
    const done = await todos.undo(group);
    assert.deepEqual(done.conflicts, []);
    assert.deepEqual([(await todos.getOne(id)).title, (await todos.getOne(id)).count], ["Milk", 1]);
    const latest = (await todos.history(id)).slice(-2);
    assert.deepEqual(
      done.appended,
      latest.map((event) => ({ id: event.id, seq: event.seq })),
    );
    assert.equal(latest[0].reason, `undo of seq ${group[0].seq}, ${group[1].seq}`);
    await todos.undo(done.appended);
    assert.deepEqual([(await todos.getOne(id)).title, (await todos.getOne(id)).count], ["Eggs", 5]);
  },

  async "what was changed again since is a conflict, unless it is forced"() {
    const { id } = await todos.create({ title: "Milk" });
    await todos.update(id, { title: "Eggs" });
    await todos.update(id, { title: "Bread" });
    const [, eggs, bread] = await todos.history(id);
    const conflicts = [{ seq: eggs.seq, field: "title", later_seq: bread.seq }];
    assert.deepEqual(await todos.undo(eggs.seq), { appended: [], conflicts });
    assert.deepEqual(await todos.undo([]), { appended: [], conflicts: [] });
    assert.equal((await todos.undo(eggs, { force: true })).appended.length, 1);
    assert.equal((await todos.getOne(id)).title, "Milk");
  },

  async "a create is undone by a delete, and a deleted record is restored"() {
    const { id } = await todos.create({ title: "Milk" });
    await todos.undo((await todos.history(id))[0]);
    assert.equal((await fails(todos.getOne(id))).status, 404);
    assert.equal((await todos.restore(id, { reason: "needed" })).title, "Milk");
    assert.equal((await todos.getOne(id)).title, "Milk");
    assert.match((await fails(todos.restore(id))).message, /not deleted/);
  },

  async "rows are shown as they were after an event, or at a time"() {
    const { id } = await todos.create({ title: "Milk", tags: ["home"] });
    await todos.update(id, { title: "Eggs" });
    await todos.delete(id);
    const [created, updated, deleted] = await todos.history(id);
    const [row] = await todos.at(created.seq, { id });
    assert.deepEqual([row.title, row.tags, row.count, row.lists, row.deleted], ["Milk", ["home"], 0, [], false]);
    assert.equal((await todos.at(updated.seq)).find((each) => each.id === id).title, "Eggs");
    assert.equal((await todos.at(new Date(deleted.timestamp), { id, deleted: true }))[0].deleted, true);
    assert.deepEqual(await todos.at(deleted.seq, { id }), []);
    assert.deepEqual(await todos.at(new Date(2000, 1), { id }), []);
  },

  async "whoever may read the history of others takes their changes back as well"() {
    const ben = withEvents(await signIn("ben@example.com"));
    const { id } = await pb.collection("shared").create({ title: "Milk" });
    await pb.collection("shared").update(id, { title: "Eggs" });
    const told = await ben.collection("shared").history(id);
    await ben.collection("shared").undo(told[1]);
    assert.equal((await pb.collection("shared").getOne(id)).title, "Milk");
    const actors = (await pb.collection("shared").history(id)).map(({ actor }) => actor);
    assert.deepEqual(actors, [pb.authStore.record.id, pb.authStore.record.id, ben.authStore.record.id]);
  },

  async "a record of which not every event may be read is not undone"() {
    const ben = withEvents(await signIn("ben@example.com"));
    const { id } = await todos.create({ title: "Milk" });
    await ben.collection("todos").update(id, { title: "Eggs" });
    const [mine] = await todos.history(id);
    assert.match((await fails(todos.undo(mine))).message, /may not read every event/);
    assert.equal((await todos.getOne(id)).title, "Eggs");
    assert.equal((await fails(todos.undo(mine.seq + 1))).status, 404);
  },
};

for (const [name, test] of Object.entries(tests)) {
  await test().catch((error) => {
    console.error(name, error.stack);
    process.exit(1);
  });
}
process.exit();
