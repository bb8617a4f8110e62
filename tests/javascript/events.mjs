// What withEvents does that the plain client does not, against a real PocketBase with a worker beside it.

import assert from "node:assert/strict";

import PocketBase, { ClientResponseError } from "pocketbase";
import { newId, withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const { PB_URL, PB_SUPERUSER, PB_SUPERUSER_PASSWORD } = process.env;
const pb = withEvents(await signIn());
const todos = pb.collection("todos");
const root = withEvents(new PocketBase(PB_URL));
await root.collection("_superusers").authWithPassword(PB_SUPERUSER, PB_SUPERUSER_PASSWORD);
const fails = (promise) => promise.then(assert.fail, (error) => error);
const eventsOf = (id) => root.collection("events").getFullList({ filter: `item_id = "${id}"`, sort: "seq" });
/** The requests that a client sends meanwhile, but for looks at events and for realtime, which timers cause. */
async function requests(action, isCounted = (each) => !/^GET \S+\/events\/records$|\/api\/realtime$/.test(each)) {
  const send = globalThis.fetch;
  const asked = [];
  globalThis.fetch = (url, options) => {
    asked.push(`${options.method} ${new URL(url).pathname}`);
    return send(url, options);
  };
  await action().finally(() => (globalThis.fetch = send));
  return asked.filter(isCounted);
}
const storage = () => {
  const kept = new Map();
  const getItem = (key) => kept.get(key) ?? null;
  const queue = { getItem, setItem: (key, text) => kept.set(key, text), removeItem: (key) => kept.delete(key) };
  return { queue, kept };
};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (condition) => {
  for (let found; ; await pause(10)) if ((found = await condition())) return found;
};

export const tests = {
  async "several fields are one group, with a reason and an actor"() {
    const { id } = await todos.create({ title: "Milk" });
    await todos.update(id, { title: "Eggs", count: 2, done: false }, { reason: "out of milk" });
    const [, ...group] = await eventsOf(id);
    assert.deepEqual(
      group.map(({ data }) => data),
      [{ title: "Eggs" }, { count: 2 }],
      "what stays needs no event",
    );
    for (const { together, reason, actor } of group) {
      assert.deepEqual([together, reason, actor], [group[0].together, "out of milk", pb.authStore.record.id]);
    }
    assert.notEqual(group[0].together, "");
  },

  async "only what differs from the record that it started from is appended"() {
    const start = await todos.create({ title: "Milk", count: 1 });
    await todos.update(start.id, { count: 7 });
    const end = await todos.update(start.id, { ...start, title: "Eggs" }, { from: start });
    assert.deepEqual([end.title, end.count], ["Eggs", 7]);
  },

  async "a change that expects a version is recorded only if nobody was faster"() {
    const read = await todos.create({ title: "Milk", count: 1 });
    const mine = await todos.update(read.id, { ...read, title: "Eggs", count: 2 }, { expectedSeq: true });
    assert.deepEqual([mine.title, mine.count], ["Eggs", 2]);
    const late = await fails(todos.update(read.id, { title: "Bread", count: 3 }, { from: read, expectedSeq: true }));
    assert.match(late.message, /was changed meanwhile/);
    assert.match((await fails(todos.delete(read.id, { expectedSeq: read.seq }))).message, /was changed meanwhile/);
    await todos.delete(read.id, { expectedSeq: mine.seq });
  },

  async "all or nothing is changed"() {
    const { id } = await todos.create({ title: "Milk" });
    const error = await fails(todos.update(id, { title: "Eggs", priority: "urgent" }));
    assert.ok(error instanceof ClientResponseError);
    assert.equal(error.status, 400);
    assert.equal(error.message, "PocketBase refused the row: priority: Invalid value urgent.");
    assert.equal(error.response.data.priority.message, "Invalid value urgent.");
    assert.equal((await todos.getOne(id)).title, "Milk");
  },

  async "deleted rows are shown to whoever asks"() {
    const { id } = await todos.create({ title: "Milk", slug: newId() });
    await todos.delete(id);
    assert.equal((await fails(todos.getOne(id))).status, 404);
    assert.equal((await todos.getOne(id, { deleted: true })).title, "Milk");
    assert.equal((await todos.getFullList({ filter: `id = "${id}"` })).length, 0);
    assert.equal((await todos.getList(1, 9, { filter: `id = "${id}"`, deleted: true })).items.length, 1);
  },

  async "deleted rows are not expanded, in whatever collection"() {
    const list = await pb.collection("lists").create({ name: "Food" });
    const [milk, eggs] = [await todos.create({ title: "Milk", list: list.id }), await todos.create({ title: "Eggs" })];
    await todos.update(eggs.id, { list: list.id });
    const { id } = await pb.collection("shared").create({ todo: milk.id, todos: [milk.id, eggs.id] });
    await todos.delete(milk.id);
    const titles = ({ expand }, name) => [expand?.[name]].flat().map((row) => row?.title);
    const options = { expand: "todos_via_list" };
    assert.deepEqual(titles(await pb.collection("lists").getOne(list.id, options), "todos_via_list"), ["Eggs"]);
    assert.equal(
      (await pb.collection("lists").getOne(list.id, { ...options, deleted: true })).expand.todos_via_list.length,
      2,
    );
    const [shared] = await pb.collection("shared").getFullList({ filter: `id = "${id}"`, expand: "todo,todos.list" });
    assert.deepEqual([Object.keys(shared.expand), titles(shared, "todos")], [["todos"], ["Eggs"]]);
    assert.equal(shared.expand.todos[0].expand.list.name, "Food");
    const fields = "id,expand.todo.title,expand.todos.title,expand.todos.expand.list.name";
    assert.deepEqual(await pb.collection("shared").getOne(id, { expand: "todo,todos.list", fields }), {
      id,
      expand: { todos: [{ title: "Eggs", expand: { list: { name: "Food" } } }] },
    });
    await todos.delete(eggs.id);
    assert.equal(
      (await pb.collection("shared").update(id, { title: "x" }, { expand: "todo,todos" })).expand,
      undefined,
    );
  },

  async "a restored row is heard of as created, by those who came later, too"() {
    const { id } = await todos.create({ title: "Milk" });
    await todos.delete(id);
    const heard = [];
    await todos.subscribe(id, ({ action }) => heard.push(action));
    const restore = {
      type: "update",
      collection: "todos",
      item_id: id,
      data: { deleted: false },
      actor: pb.authStore.record.id,
    };
    await pb.collection("events").create(restore);
    await until(() => heard.length === 1);
    await todos.delete(id);
    await until(() => heard.length === 2);
    assert.deepEqual(heard, ["create", "delete"]);
    await todos.unsubscribe(id);
  },

  async "a row that is restored while a subscription begins is heard of as created, and as updated then"() {
    const other = withEvents(await signIn());
    const { id } = await todos.create({ title: "Milk" });
    await todos.delete(id);
    const heard = [];
    let read, goOn;
    const [isRead, mayGoOn] = [new Promise((resolve) => (read = resolve)), new Promise((resolve) => (goOn = resolve))];
    other.afterSend = async ({ url }, data) => {
      if (new URL(url).searchParams.get("filter")?.startsWith("deleted = true")) (read(), await mayGoOn);
      return data;
    };
    const subscribing = other.collection("todos").subscribe(id, ({ action }) => heard.push(action));
    await isRead;
    await todos.restore(id);
    goOn();
    const end = await subscribing;
    await todos.update(id, { title: "Eggs" });
    await until(() => heard.length === 2);
    assert.deepEqual(heard, ["create", "update"]);
    await end();
  },

  async "what events can't say throws at once"() {
    const { id } = await todos.create({ title: "Milk" });
    const title = await fails(todos.update(id, { title: new Blob(["x"]) }));
    assert.match(title.response.data.title.message, /"title" of todos is a field of type text, which takes no file/);
    assert.match((await fails(todos.update(id, { id: newId() }))).message, /id of a record/);
    assert.match((await fails(todos.update(id, { deleted: true }))).message, /delete\(id\)/);
    assert.equal((await eventsOf(id)).length, 1);
    for (const call of [todos.update("", { title: "x" }), todos.delete(undefined), todos.restore("")])
      assert.equal((await fails(call)).status, 404);
  },

  async "a form whose file input is left alone is no file"() {
    const form = new FormData();
    form.append("title", "Milk");
    form.append("picture", new File([], ""));
    const { id } = await todos.create(form);
    assert.equal((await todos.update(id, { title: "Eggs", picture: "" })).title, "Eggs");
    assert.equal((await todos.update(id, { picture: null })).picture, "");
  },

  async "a batch takes records that are sent back whole, and versions"() {
    const read = await todos.create({ title: "Milk", tags: ["home"] });
    const batch = pb.createBatch();
    batch.collection("todos").update(read.id, { ...read, done: true }, { expectedSeq: true });
    const [{ body }] = await batch.send({ reason: "all of it" });
    assert.equal(body.done, true);
    const events = await eventsOf(read.id);
    assert.deepEqual(events.map(({ data, reason }) => [data, reason]).slice(1), [[{ done: true }, "all of it"]]);
    const late = pb.createBatch();
    late.collection("todos").delete(read.id, { expectedSeq: read.seq });
    const error = await fails(late.send());
    assert.match(error.response.data.requests[0].response.message, /was changed meanwhile/);
  },

  async "a rule that refuses the append throws as PocketBase does"() {
    const error = await fails(pb.collection("closed").create({ title: "x" }));
    assert.deepEqual([error.status, error.message, error.response.data], [400, "Failed to create record.", {}]);
    assert.deepEqual(await pb.collection("closed").getFullList({ filter: 'title = "gone"' }), []);
  },

  async "a superuser appends to what is closed to users, with the fields cast"() {
    const row = await root.collection("closed").create({ title: 12, colour: "red" });
    assert.equal(row.title, "12");
    assert.equal((await eventsOf(row.id))[0].data.colour, undefined);
    const [{ id }] = await root.collections.getFullList({ filter: 'name = "closed"' });
    assert.equal(await root.collection(id).delete(row.id), true);
    assert.equal((await fails(root.collection("closed").getOne(row.id))).status, 404);
  },

  async "a guest waits for the row, and may not be told of more"() {
    const guest = withEvents(new PocketBase(PB_URL), { collections: ["open"] });
    const open = guest.collection("open");
    const { id } = await open.create({ title: "Hello" });
    assert.equal((await open.update(id, { title: "Hello again" })).title, "Hello again");
    assert.equal(await open.delete(id), true);
  },

  async "a guest who may not see the row gets back what PocketBase would have answered"() {
    const guest = withEvents(new PocketBase(PB_URL), { collections: ["letterbox"] });
    const start = Date.now();
    const letter = await guest.collection("letterbox").create({ title: "Dear all", tags: "fun" });
    const end = Date.now();
    const { created, deleted, ...answered } = letter;
    // The guest does not wait for the row, which nobody shows it.
    const { seq, ...row } = await until(() => root.collection("letterbox").getOne(letter.id).catch(() => null));
    assert.deepEqual({ ...answered, created: row.created, deleted }, row);
    assert.ok(start <= Date.parse(created) && Date.parse(created) <= end);
    const plain = await new PocketBase(PB_URL).collection("plain_letterbox").create({ title: "Dear all", tags: "fun" });
    assert.deepEqual(Object.keys(plain).sort(), Object.keys({ ...answered, created }).sort());
  },

  async "without EventSource it looks for itself"() {
    const { EventSource } = globalThis;
    delete globalThis.EventSource;
    const other = withEvents(await signIn(), { collections: ["todos"] });
    assert.equal((await other.collection("todos").create({ title: "Polled" })).title, "Polled");
    globalThis.EventSource = EventSource;
  },

  async "a request or an answer that is lost changes nothing"() {
    const send = globalThis.fetch;
    for (const arrives of [false, true]) {
      let lost = 0;
      globalThis.fetch = async (url, options) => {
        if (options?.method !== "POST" || !/events\/records|batch/.test(url) || lost++) return send(url, options);
        if (arrives) await send(url, options);
        throw new TypeError("fetch failed");
      };
      const { id } = await todos.create({ title: `Lost ${arrives}` });
      lost = 0;
      await todos.update(id, { title: "Found", count: 1 });
      lost = 0;
      await todos.delete(id);
      globalThis.fetch = send;
      assert.equal((await eventsOf(id)).length, 4);
    }
  },

  async "what waits in a queue outlives a session that has expired"() {
    const { queue, kept } = storage();
    const other = withEvents(await signIn(), { collections: ["todos"], queue });
    const { token, record } = other.authStore;
    const [head, , signature] = token.split(".");
    other.authStore.save([head, btoa('{"exp":1}'), signature].join("."), record);
    assert.equal((await fails(other.collection("todos").create({ title: "Kept" }))).status, 400);
    assert.equal(other.events.queued, 1);
    const { item_id: id } = JSON.parse(kept.get("pocketbase-events"))[0].events[0];
    other.authStore.save(token, record);
    await until(() => !other.events.queued);
    assert.equal((await todos.getOne(id)).title, "Kept");
  },

  async "windows that share a queue send each event once, in the order in which they were written"() {
    const { queue } = storage();
    const one = withEvents(await signIn(), { queue });
    const other = withEvents(await signIn(), { queue });
    const { id } = await todos.create({ title: "shared" });
    const send = globalThis.fetch;
    globalThis.fetch = async (url, options) => {
      if (options?.method === "POST" && /events\/records/.test(url)) throw new TypeError("fetch failed");
      return send(url, options);
    };
    const written = [];
    for (const [number, { events, collection }] of [one, other, other, one, other, one].entries()) {
      written.push(collection("todos").update(id, { title: `${number}` }, { requestKey: null }));
      await until(() => events.queued === number + 1);
    }
    globalThis.fetch = send;
    const rows = await Promise.all(written);
    assert.equal(rows.at(-1).title, "5");
    assert.equal(one.events.queued, 0);
    const titles = (await eventsOf(id)).map(({ data }) => data.title);
    assert.deepEqual(titles, ["shared", "0", "1", "2", "3", "4", "5"]);
  },

  async "an update of one field is one append, and one look at the row"() {
    const { id } = await todos.create({ title: "Milk" });
    const asked = await requests(() => todos.update(id, { count: 2 }));
    assert.deepEqual(asked, ["POST /api/collections/events/records", `GET /api/collections/todos/records/${id}`]);
  },

  async "a hundred creates in a batch are one request, one look at the rows, and one group"() {
    await todos.create({ title: "Milk" });
    const batch = pb.createBatch();
    for (let number = 0; number < 100; number++) batch.collection("todos").create({ title: `${number}` });
    let answers;
    const asked = await requests(async () => (answers = await batch.send()));
    assert.deepEqual(asked, ["POST /api/batch", "GET /api/collections/todos/records"]);
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.title]),
      Array.from({ length: 100 }, (_, n) => [200, `${n}`]),
    );
    const last = await eventsOf(answers[99].body.id);
    const group = await root
      .collection("events")
      .getFullList({ filter: `together = "${last[0].together}"`, fields: "seq", sort: "seq" });
    assert.equal(group.at(-1).seq - group[0].seq, 99);
  },

  async "realtime stays connected while one write follows the other within two seconds"() {
    const { id } = await todos.create({ title: "Milk" });
    const isConnecting = (each) => each.endsWith("/api/realtime");
    let asked, longest; // ms from one write to the next: a busy machine may need another try
    do {
      const starts = [];
      const write = () => (starts.push(Date.now()), todos.update(id, { "count+": 1 }).then(() => pause(700)));
      await until(() => write().then(() => pb.realtime.isConnected));
      asked = await requests(async () => {
        for (let count = 1; count <= 5; count++) await write();
      }, isConnecting);
      longest = Math.max(...starts.slice(1).map((start, place) => start - starts[place]));
    } while (longest > 1900);
    assert.deepEqual(asked, []);
  },

  async "a collection that is named and not attached says so"() {
    const other = withEvents(await signIn(), { collections: ["lists"] });
    assert.match(
      (await fails(other.collection("lists").create({ name: "x" }))).message,
      /lists is not attached to the event log/,
    );
    assert.equal((await pb.collection("lists").create({ name: "x" })).name, "x");
  },
};

for (const [name, test] of Object.entries(tests)) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue;
  await test().catch((error) => {
    console.error(name, error.stack);
    process.exit(1);
  });
}
process.exit();
