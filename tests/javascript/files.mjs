// An app that uploads files in ordinary calls of the SDK: with events it gets the same, and the past besides.

import assert from "node:assert/strict";

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const plain = await signIn();
const pb = withEvents(await signIn());
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const png = (text) => new File([PNG, text], `${text} photo.png`, { type: "image/png" });
const fails = (promise) => promise.then(assert.fail, (error) => error);

/** What the files of a record's fields hold. */
async function held(client, row) {
  const token = await client.files.getToken({ requestKey: null });
  const read = async (name) => (await (await fetch(client.files.getURL(row, name, { token }))).text()).slice(8);
  const of = (names) => Promise.all([names].flat().filter(Boolean).map(read));
  return { title: row.title, cover: await of(row.cover), papers: await of(row.papers) };
}

/** Calls as apps make them; each tells the record that came back. */
async function* calls(client, name) {
  const albums = client.collection(name);
  let row = await albums.create({ title: "Summer", cover: png("a"), papers: [png("1"), png("2")] });
  yield row;
  yield (row = await albums.update(row.id, { cover: png("b") }));
  yield (row = await albums.update(row.id, { title: "Autumn", "papers+": png("3") }));
  yield (row = await albums.update(row.id, { "+papers": [png("0")] }));
  yield (row = await albums.update(row.id, { "papers-": row.papers[1] }));
  yield (row = await albums.update(row.id, { papers: row.papers.slice(1) }));
  yield (row = await albums.update(row.id, { ...row, title: "Winter" }));
  yield (row = await albums.update(row.id, { ...row, cover: [png("x")], papers: [row.papers[0], png("7")] }));
  const form = new FormData();
  form.append("title", "Spring");
  form.append("papers", png("4"));
  form.append("papers", png("5"));
  yield (row = await albums.update(row.id, form));
  yield (row = await albums.update(row.id, { papers: [], cover: null }));
  const whole = new FormData();
  whole.append("title", "By form");
  whole.append("cover", png("c"));
  yield await albums.create(whole);
  const batch = client.createBatch();
  batch.collection(name).create({ title: "Batch", cover: png("d") });
  batch.collection(name).update(row.id, { cover: png("e"), papers: [png("6")] });
  for (const { body } of await batch.send()) yield body;
}

async function told(client, name) {
  const found = [];
  for await (const row of calls(client, name)) found.push(await held(client, row));
  return found;
}

assert.deepEqual(await told(pb, "albums"), await told(plain, "plain_albums"));

const albums = pb.collection("albums");
const made = await albums.create({ title: "Past", cover: png("old"), papers: [png("p"), png("q")] });
await albums.update(made.id, { cover: png("new") });
const changed = await albums.update(made.id, { "papers-": made.papers[0] });
const [first, second, third] = await albums.history(made.id);
const [old, now] = second.changes.cover;
assert.match(old.name, /^old_photo_/);
assert.equal(now.seq, second.seq);
assert.deepEqual(third.changes.papers.map((files) => files.map(({ number }) => number)), [[1, 2], [2]]);
const token = await pb.files.getToken();
assert.equal((await (await fetch(pb.files.getURL(old, old.name, { token }))).text()).slice(8), "old");
assert.deepEqual((await albums.at(first.seq, { id: made.id }))[0].cover, old);

await albums.undo(second);
await albums.undo(third.seq);
assert.deepEqual(await held(pb, await albums.getOne(made.id)), { title: "Past", cover: ["old"], papers: ["p", "q"] });

const wrong = await fails(albums.update(made.id, { papers: changed.papers.concat("other_1234567890.png") }));
assert.match(wrong.response.data.papers.message, /"papers" of albums keeps its files in their order/);
const text = await fails(albums.update(made.id, { cover: new File(["text"], "x.txt") }));
assert.match(text.response.data.cover.message, /mime type/);

const kept = new Map();
const getItem = (key) => kept.get(key) ?? null;
const queue = { getItem, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
const queued = withEvents(await signIn(), { queue });
assert.match((await queued.collection("albums").create({ title: "Queue", cover: png("f") })).cover, /^f_photo_/);
process.exit(0);
