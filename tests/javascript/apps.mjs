// The ways in which real apps call the SDK, seen in public repositories: hooks over TanStack Query that write ahead of
// the server, a note taker, an inventory with a service a collection, a form of SvelteKit, a store that syncs.

import { caught } from "./shapes.mjs";

/** Optimistic hooks: the id is taken out of what is written; a failure rolls back by the error alone. */
export async function mutates(pb, name) {
  const mutate = ({ id, ...data }) => pb.collection(name).update(id, data);
  const made = await pb.collection(name).create({ title: "New todo", done: false }, undefined);
  const toggled = await mutate({ id: made.id, done: !made.done });
  const failed = await caught(mutate({ id: made.id, title: "", invalid: "field" }));
  const { items } = await pb.collection(name).getList(1, 50, { filter: `id = "${made.id}"`, sort: "-created" });
  return [toggled, failed.status, Object.keys(failed.data), items, await pb.collection(name).delete(made.id)];
}

/** Components that are mounted, unmounted and mounted at once: the first subscription must not live on. */
export async function mountsTwice(pb, name) {
  const heard = { first: 0, second: 0 };
  const rows = pb.collection(name);
  const first = rows.subscribe("*", () => heard.first++);
  rows.unsubscribe("*");
  const second = rows.subscribe("*", () => heard.second++, {});
  const third = rows.subscribe("*", () => heard.first++);
  third.then((stop) => stop());
  await Promise.all([first, second, third]);
  await rows.create({ title: "mounted" });
  const end = Date.now() + 60_000;
  while (!heard.second && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  await (
    await second
  )();
  return heard;
}

/** A note taker: writes the whole form, reads a page, and picks fields itself. */
export async function takesNotes(pb, name) {
  const data = { title: "Untitled", meta: { ops: [{ insert: "text\n" }] }, list: "" };
  const record = await pb.collection(name).create(data);
  const saved = await pb.collection(name).update(record.id, { ...data, title: "Titled" }, null);
  const { items } = await pb.collection(name).getList(1, 200, { sort: "-@rowid" });
  return [saved, items.filter(({ id }) => id === record.id).map(({ title, meta }) => ({ title, meta }))];
}

/** An inventory: upserts by a look-up, filters that are joined, sums, and errors whose fields make the message. */
export async function keepsStock(pb, name) {
  const rows = pb.collection(name);
  const upsert = async (slug, fields) => {
    const found = await rows.getFirstListItem(pb.filter("slug = {:slug}", { slug })).catch(({ status }) => {
      if (status !== 404) throw new Error(`${status}`);
    });
    return found ? rows.update(found.id, { id: found.id, ...found, ...fields }) : rows.create({ slug, ...fields });
  };
  const slug = "bolts";
  const steps = [await upsert(slug, { title: "Bolts", count: 5 }), await upsert(slug, { "count+": 3, tags: ["work"] })];
  const found = await rows.getFirstListItem("", { filter: `(slug = "${slug}") && (count > 7)`, expand: "list" });
  const wrong = await rows.create({ slug, title: "Bolts again" }).catch((error) => {
    const reasons = Object.entries(error.response.data).map(([field, { message }]) => `${field}: ${message}`);
    return [error.message.length > 0, error.status, reasons];
  });
  return [steps, found.count, wrong];
}

/** A store that syncs: an empty id for a new record, and changes of a record that is sent back whole. */
export async function syncs(pb, name) {
  const rows = pb.collection(name);
  const inserted = await rows.create({ id: "", title: "synced", created: "", updated: "" });
  const local = structuredClone(inserted);
  local.done = true;
  local.expand = {};
  return [
    inserted,
    await rows.update(local.id, local),
    await rows.getFullList({ filter: `id = "${local.id}"`, batch: 1 }),
  ];
}

/** A kanban board: a card is moved by a batch that renumbers the others. */
export async function movesCards(pb, name) {
  const rows = pb.collection(name);
  const cards = [];
  for (const title of ["a", "b", "c"])
    cards.push(await rows.create({ title, count: cards.length, meta: `board ${name.length}` }));
  const batch = pb.createBatch();
  for (const [place, card] of [cards[2], cards[0], cards[1]].entries())
    batch.collection(name).update(card.id, { count: place });
  const answers = await batch.send({ requestKey: null });
  const sorted = await rows.getFullList({
    filter: `meta = "board ${name.length}"`,
    sort: "count",
    fields: "title,count",
  });
  await Promise.all(cards.map(({ id }) => rows.delete(id, { requestKey: null })));
  return [
    answers.map(({ status, body }) => [status, body.count]),
    sorted,
    (await rows.getFullList({ filter: `meta = "board ${name.length}"` })).length,
  ];
}
