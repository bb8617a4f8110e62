// A signed-in user's session against a real PocketBase with a worker beside it. Prints one line of JSON.

import assert from "node:assert/strict";

import { appendEvent, newId } from "pocketbase-events";
import { signIn } from "./client.mjs";

const pb = await signIn();
const items = pb.collection("items");
const itemId = newId();
const append = (type, data, more = {}) =>
  appendEvent(pb, { type, collection: "items", item_id: itemId, data, ...more });

/** Make `fetch` fail once for the append of that event, before or after PocketBase has received it. */
function loseOnce(id, { arrived }) {
  const send = globalThis.fetch;
  globalThis.fetch = async (url, options) => {
    if (options?.method !== "POST" || !options.body?.includes(`"id":"${id}"`)) return send(url, options);
    globalThis.fetch = send;
    if (arrived) assert.equal((await send(url, options)).status, 200);
    throw new TypeError("fetch failed");
  };
}

// A create is recorded, and its row can be read at once.
const created = await append("create", { title: "Milk", qty: 2 });
assert.ok(created.seq > 0);
assert.equal(created.actor, pb.authStore.record.id);
const row = await items.getOne(itemId);
assert.deepEqual([row.title, row.qty, row.done, row.deleted], ["Milk", 2, false, false]);

// An update changes one field. Realtime alone tells of it, both its author and whoever watches the row.
let hear;
const heard = new Promise((resolve) => (hear = resolve));
await items.subscribe(itemId, ({ action, record }) => record.qty === 5 && hear(action));
const { setInterval } = globalThis;
globalThis.setInterval = () => undefined;
const updated = await append("update", { qty: 5 });
globalThis.setInterval = setInterval;
assert.ok(updated.seq > created.seq);
assert.equal((await items.getOne(itemId)).qty, 5);
assert.equal(await heard, "update");
await items.unsubscribe(itemId);

// An append whose request is lost is tried again; meanwhile everything else goes on.
const lostId = newId();
loseOnce(lostId, { arrived: false });
const requestLost = append("create", { title: "Eggs" }, { id: lostId, item_id: newId() });

// What can't be applied is rejected with a sentence for its author.
const rejectedId = newId();
const rejection = await append("update", { colour: "red" }, { id: rejectedId }).catch((error) => error);
assert.ok(rejection instanceof Error);
assert.equal(rejection.message, (await pb.collection("events").getOne(rejectedId)).error);

// What may not be appended at all is refused by PocketBase itself.
const refusal = await append("update", { name: "Eve" }, { collection: "users" }).catch((error) => error);
assert.equal(refusal.status, 400);

// The same event appended again, at the same time or later, is recorded once.
const twice = { id: newId() };
const attempt = () => append("update", { qty: 6 }, twice);
const [first, second] = await Promise.all([attempt(), attempt()]);
const third = await attempt();
assert.deepEqual([second, third], [first, first]);

// So is one of which only PocketBase's answer was lost.
const unansweredId = newId();
loseOnce(unansweredId, { arrived: true });
const answerLost = await append("update", { note: "answer lost" }, { id: unansweredId });

// Events appended all at once get a place each.
const notes = Array.from({ length: 20 }, (_, n) => ({ note: `note ${n}` }));
const together = await Promise.all(notes.map((note) => append("update", note)));
assert.equal(new Set(together.map((event) => event.seq)).size, 20);

// A delete marks the row, which stays. Appended again it succeeds, although the rule admits it no more.
const deletion = { id: newId() };
const deleted = await append("delete", null, deletion);
assert.deepEqual(await append("delete", null, deletion), deleted);
assert.equal((await items.getOne(itemId)).deleted, true);

const recorded = [created, updated, first, answerLost, ...together, deleted, await requestLost];
const seqs = recorded.map((event) => event.seq);
console.log(JSON.stringify({ item: itemId, seqs, rejected: rejectedId, error: rejection.message }));
