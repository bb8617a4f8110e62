// What the SDK's documentation shows. Each function gets a client and the name of a collection, and returns what came
// back; compare.mjs runs it with a plain client on a plain collection, and with events on an attached one.

const quiet = { requestKey: null };

/** What an error says to an app. */
export const caught = (promise) =>
  promise.then(
    (result) => ({ result }),
    ({ status, isAbort, message, response, name }) => ({ status, isAbort, message, data: response?.data, name }),
  );

export async function createsAndReads(pb, name) {
  const made = await pb.collection(name).create({ title: "Milk", done: true, count: 2, tags: ["home", "fun"] });
  return [made, await pb.collection(name).getOne(made.id)];
}

export async function choosesAnId(pb, name) {
  const id = `chosen${name.length}00000000`.slice(0, 15);
  return pb.collection(name).create({ id, title: "Mine" });
}

export async function expandsAndPicksFields(pb, name) {
  const list = await pb.collection("lists").create({ name: "Food" });
  const made = await pb
    .collection(name)
    .create(
      { title: "Milk", list: list.id, lists: [list.id] },
      { expand: "list,lists", fields: "title,expand.list.name" },
    );
  const rows = pb.collection(name);
  const [row] = await rows.getFullList({ filter: `list = "${list.id}"`, expand: "list" });
  const updated = await rows.update(
    row.id,
    { title: "Oat milk", list: "" },
    { expand: "list", fields: "title,list,lists" },
  );
  return [made, row.expand.list.name, updated, await rows.getOne(row.id, { fields: "title" })];
}

export async function editsSeveralFields(pb, name) {
  const rows = pb.collection(name);
  const made = await rows.create({ title: "Milk" });
  const whole = await rows.update(made.id, { ...made, title: "Eggs", count: 3, due: new Date("2026-01-31T10:00:00Z") });
  const again = await rows.update(made.id, { title: "Eggs", due: "2026-01-31 10:00:00Z", meta: { deep: [1, null] } });
  return [whole, again, await rows.update(made.id, { due: null, meta: null }), await rows.update(made.id, {})];
}

export async function ignoresWhatIsNoField(pb, name) {
  const rows = pb.collection(name);
  const made = await rows.create({
    title: "Milk",
    colour: "red",
    created: "2001-01-01",
    collectionId: "x",
    expand: {},
    undef: undefined,
  });
  return [made, await rows.update(made.id, { colour: "blue", updated: "", collectionName: "y" })];
}

export async function castsTextsOfForms(pb, name) {
  const rows = pb.collection(name);
  const made = await rows.create({
    title: 2024,
    done: "true",
    count: "12",
    priority: ["low"],
    tags: "home",
    meta: '{"a":1}',
  });
  return [made, await rows.update(made.id, { title: 7, done: "", count: "", priority: "", tags: "", meta: "plain" })];
}

export async function sendsForms(pb, name) {
  const rows = pb.collection(name);
  const form = new FormData();
  for (const [key, value] of [
    ["title", "2024"],
    ["done", "true"],
    ["count", "1.5"],
    ["tags", "home"],
    ["tags", "work"],
  ]) {
    form.append(key, value);
  }
  form.append("picture", new File([], "")); // what a form sends for an input that was left alone
  const made = await rows.create(form);
  const change = new FormData();
  change.append("title", "1999");
  change.append("@jsonPayload", '{"meta":[1]}');
  return [made, await rows.update(made.id, change)];
}

export async function counts(pb, name) {
  const rows = pb.collection(name);
  const made = await rows.create({ title: "Likes", count: 1, tags: ["home"] });
  const results = [await rows.update(made.id, { "count+": 1 }), await rows.update(made.id, { "count-": "1" })];
  results.push(
    await rows.update(made.id, { "tags+": "work", "count+": 5 }),
    await rows.update(made.id, { "tags-": ["home"] }),
  );
  return [...results, await rows.update(made.id, { "+tags": "fun" }), await rows.create({ title: "x", "count+": 2 })];
}

export async function listsAndFilters(pb, name) {
  const rows = pb.collection(name);
  const tag = `list ${name.length}`;
  for (const title of ["a", "b", "c", "d"])
    await rows.create({ title, link: "", meta: tag, count: title === "c" ? 3 : 0 });
  const [gone] = await rows.getFullList({ filter: `meta = "${tag}" && title = "d"` });
  await rows.delete(gone.id);
  const filter = pb.filter("meta = {:tag}", { tag });
  const titles = ({ items }) => items.map(({ title }) => title);
  return [
    titles(await rows.getList(1, 2, { filter, sort: "-title" })),
    (await rows.getList(2, 2, { filter })).totalItems,
    (await rows.getFullList({ filter: `${filter} // all of them`, sort: "title", fields: "title" })).map((row) => row),
    titles(await rows.getList(1, 30, { query: { filter: `${filter} && (count > 1 || title = "d")` } })),
    (await rows.getFirstListItem(`${filter} && count = 3`)).title,
    await caught(rows.getFirstListItem(`${filter} && title = "d"`)),
    (await rows.getFullList(2, { filter, sort: "title" })).length,
  ];
}

export async function deletes(pb, name) {
  const rows = pb.collection(name);
  const made = await rows.create({ title: "Milk" });
  return [
    await rows.delete(made.id),
    await caught(rows.getOne(made.id)),
    await caught(rows.getOne(made.id, { fields: "id" })),
    await caught(rows.getOne("")),
  ];
}

export async function showsWhatIsWrong(pb, name) {
  const rows = pb.collection(name);
  const slug = "same";
  const first = await rows.create({ title: "Milk", slug });
  const answers = [
    await caught(rows.create({ title: "" })),
    await caught(rows.create({ title: "Eggs", slug })),
    await caught(rows.create({ title: "x".repeat(61), link: "no link" })),
    await caught(rows.update(first.id, { title: "" })),
    await caught(rows.update(first.id, { title: "ok", priority: "urgent", count: -1 })),
    await caught(rows.update(first.id, { list: "nolist000000000" })),
  ];
  await rows.delete(first.id);
  const fields = ({ status, isAbort, name: called, data }) => ({
    status,
    isAbort,
    called,
    data: Object.fromEntries(Object.entries(data).map(([field, { message }]) => [field, message])),
  });
  return answers.map(fields);
}

export async function cancelsWhatIsRepeated(pb, name) {
  const rows = pb.collection(name);
  const twice = [caught(rows.create({ title: "one" })), caught(rows.create({ title: "two" }))];
  const [first, second] = await Promise.all(twice);
  const both = await Promise.all([rows.create({ title: "a" }, quiet), rows.create({ title: "b" }, quiet)]);
  let cancelled;
  await new Promise((underWay) => {
    const hang = (_, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        underWay();
      });
    cancelled = caught(rows.create({ title: "c" }, { requestKey: "mine", fetch: hang }));
  });
  pb.cancelRequest("mine");
  return [first, second.result.title, both.map(({ title }) => title), await cancelled];
}

export async function isHooked(pb, name) {
  const seen = [];
  pb.beforeSend = (url, options) => ({ url, options: (seen.push(options.headers["X-App"]), options) });
  pb.afterSend = (response, data) => ({ ...data, seen: true });
  const made = await pb.collection(name).create({ title: "x" }, { headers: { "X-App": "mine" } });
  pb.beforeSend = pb.afterSend = undefined;
  return [made.seen, seen.every((header) => header === "mine")];
}

export async function batches(pb, name) {
  const batch = pb.createBatch();
  const id = `batch${name.length}000000000000`.slice(0, 15);
  const plain = await pb.collection(name).create({ title: "old", count: 1 });
  const other = await pb.collection(name).create({ title: "other", count: 1 });
  const list = await pb.collection("lists").create({ name: "before" });
  batch.collection(name).create({ title: "new", tags: "home" }, { fields: "title,tags" });
  batch.collection(name).upsert({ id, title: "up" });
  batch.collection("lists").update(list.id, { name: "after" });
  batch.collection(name).update(other.id, { title: "newer", "count+": 2 });
  batch.collection(name).upsert({ id: plain.id, done: true, colour: "none" });
  batch.collection("lists").create({ name: "also" });
  const answers = await batch.send();
  const second = pb.createBatch();
  second.collection(name).delete(plain.id);
  second.collection("lists").delete(list.id);
  return [answers, await second.send(), await caught(pb.collection(name).getOne(plain.id))];
}

export async function batchesThatFail(pb, name) {
  const list = await pb.collection("lists").create({ name: "stays" });
  const batch = pb.createBatch();
  batch.collection(name).create({ title: "fine" });
  batch.collection("lists").delete(list.id);
  batch.collection(name).create({ title: "x".repeat(61) });
  const { status, data } = await caught(batch.send());
  const refused = pb.createBatch();
  refused.collection(name).create({ title: "fine" });
  refused.collection("lists").delete("nolist000000000");
  const second = await caught(refused.send());
  const messages = (requests) =>
    Object.entries(requests).map(([place, { code, response }]) => [
      place,
      code,
      response.status,
      Object.keys(response.data),
    ]);
  return [status, messages(data.requests), second.status, messages(second.data.requests)];
}

export async function hearsOfChanges(pb, name) {
  const rows = pb.collection(name);
  const heard = [];
  const stop = await rows.subscribe("*", ({ action, record }) => heard.push([action, record.title, "done" in record]), {
    fields: "id,title",
  });
  const made = await rows.create({ title: "live" });
  const one = [];
  await rows.subscribe(made.id, ({ action, record }) => one.push([action, record.title]));
  await rows.update(made.id, { title: "livelier" });
  await rows.delete(made.id);
  const end = Date.now() + 60_000;
  while ((heard.length < 3 || one.length < 2) && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await stop();
  await rows.unsubscribe();
  return [heard.sort(), one.sort()];
}
