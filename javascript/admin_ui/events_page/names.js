// What people call things: the names of actors, and the titles of items. Both are read as they are needed, and kept.

import { records } from "./reading.js";

const IDS = 50; // ids in a filter
const PERSON = ["name", "username", "email"];
const TITLES = ["title", "name", "label", "subject", "slug", "email", "username"]; // if no field is presentable

export class Names {
  #app;
  #people = new Map(); // actor: its name, or "" if nobody by this id can be read
  #titles = new Map(); // collection and item: its title
  #definitions;

  constructor(app) {
    this.#app = app;
  }

  /** The name of an actor, or its id. */
  person = (id) => this.#people.get(id) || id;

  /** The title of an item as it is today; undefined if it has none. */
  title = (collection, id) => this.#titles.get(`${collection} ${id}`) || undefined;

  /** Learn the names that these events need. Nothing fails if they can't be read. */
  async learn(events) {
    const actors = new Set(events.map(({ actor }) => actor).filter((id) => id && !this.#people.has(id)));
    const items = new Map();
    for (const { collection, item_id: id } of events) {
      if (this.#titles.has(`${collection} ${id}`)) continue;
      if (!items.has(collection)) items.set(collection, new Set());
      items.get(collection).add(id);
    }
    const reads = [...items].map(([collection, ids]) => this.#learnTitles(collection, [...ids]));
    await Promise.all([this.#learnPeople([...actors]), ...reads]);
  }

  /** The ids of the accounts that have this id, or a name with this text in it; the text itself if there are none. */
  async actorsOf(text) {
    const quoted = JSON.stringify(text);
    const find = async ({ name, fields }) => {
      const called = PERSON.filter((each) => fields.some((field) => field.name === each));
      const filter = [`id = ${quoted}`, ...called.map((each) => `${each} ~ ${quoted}`)].join(" || ");
      return records(this.#app.pb, name, { filter, fields: "id", perPage: IDS / 2 }).catch(() => []);
    };
    const found = await Promise.all((await this.#accounts()).map(find));
    const ids = found.flat().map(({ id }) => id);
    return ids.length ? ids : [text];
  }

  /** Forget the titles of the items that these events have changed. */
  forget(events) {
    for (const { collection, item_id: id } of events) this.#titles.delete(`${collection} ${id}`);
  }

  /** The definitions of all collections. PocketBase's UI may not have read them yet when the page is opened first. */
  async collections() {
    const known = this.#app.store.collections;
    if (known.length) return known;
    const options = { query: { perPage: 1000, skipTotal: 1 }, requestKey: null };
    this.#definitions ??= this.#app.pb.send("/api/collections", options);
    return (await this.#definitions).items;
  }

  /** The fields of a collection; none if it is gone. */
  async fieldsOf(collection) {
    return (await this.collections()).find(({ name }) => name === collection)?.fields ?? [];
  }

  async #learnPeople(ids) {
    if (!ids.length) return;
    const fields = ["id", ...PERSON].join(",");
    const found = await Promise.all((await this.#accounts()).map(({ name }) => this.#find(name, ids, fields)));
    for (const id of ids) this.#people.set(id, "");
    for (const record of found.flat()) this.#people.set(record.id, PERSON.map((name) => record[name]).find(Boolean));
  }

  async #accounts() {
    return (await this.collections()).filter(({ type, name }) => type === "auth" && name !== "event_workers");
  }

  async #learnTitles(collection, ids) {
    const fields = await this.fieldsOf(collection);
    const shown = fields.filter(({ presentable, type }) => presentable && type !== "file").map(({ name }) => name);
    const names = shown.length
      ? shown
      : TITLES.filter((title) => fields.some(({ name }) => name === title)).slice(0, 1);
    const found = names.length ? await this.#find(collection, ids, ["id", ...names].join(",")) : [];
    for (const id of ids) this.#titles.set(`${collection} ${id}`, "");
    for (const record of found) {
      const title = names.map((name) => record[name]).filter((value) => typeof value === "string" && value);
      this.#titles.set(`${collection} ${record.id}`, title.join(" "));
    }
  }

  async #find(collection, ids, fields) {
    const found = [];
    for (let start = 0; start < ids.length; start += IDS) {
      const filter = ids
        .slice(start, start + IDS)
        .map((id) => `id = ${JSON.stringify(id)}`)
        .join(" || ");
      found.push(...(await records(this.#app.pb, collection, { filter, fields, perPage: IDS }).catch(() => [])));
    }
    return found;
  }
}
