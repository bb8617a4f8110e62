// Which collections are under the log, and what fields they have, as PocketBase says it: the view `event_fields`.

import { mayPass } from "./errors.js";

const KEPT = "pocketbase-events-fields"; // in the storage, for when the page is loaded without a connection
const FRESH = 60_000; // ms that the answer is taken for granted

export class Targets {
  #pb;
  #expected; // names of collections that were named, or found before
  #storage;
  #answer;
  #until = 0;

  constructor(pb, named, storage) {
    this.#pb = pb;
    this.#storage = storage;
    this.#expected = new Set(named);
    pb.authStore.onChange(() => this.forget());
  }

  /** Ask anew before the next use. */
  forget() {
    this.#until = 0;
  }

  /**
   * The collection of this name or id if it is attached, else undefined: its name, its fields by name (null if the
   * client may not know them), which were renamed, and whether its rows carry `seq`. Throws if it was named, or was attached before, and is not.
   */
  async find(name) {
    if (Date.now() > this.#until) {
      this.#until = Date.now() + FRESH;
      this.#answer = this.#ask();
      this.#answer.catch(() => this.forget());
    }
    const { known, whole } = await this.#answer;
    const found = known.find((each) => each.collection === name || each.id === name);
    if (found) this.#expected.add(name);
    if (found || !this.#expected.has(name)) return found;
    if (!whole) return { collection: name, renamed: [], fields: null };
    throw new Error(
      `${name} is not attached to the event log, or not any more. Leave it out in withEvents and load the page anew, or` +
        ` attach it: pocketbase-events attach ${name}`,
    );
  }

  async #ask() {
    const pb = this.#pb;
    const query = { perPage: 1000, skipTotal: 1 };
    const answer = await pb.send("/api/collections/event_fields/records", { query, requestKey: null }).then(
      (found) => {
        this.#storage?.setItem(KEPT, JSON.stringify(found.items));
        return found;
      },
      (error) => {
        if (error.status === 403 || error.status === 404) return undefined; // closed, or set up by an older version
        const kept = mayPass(error) && this.#storage?.getItem(KEPT);
        if (!kept) throw error;
        this.forget();
        return { items: JSON.parse(kept) };
      },
    );
    const known = await Promise.all((answer?.items ?? []).map((item) => this.#target(item)));
    return { known, whole: !!answer && pb.authStore.isValid };
  }

  async #target({ collection, collection_id: id, versioned, renamed, fields }) {
    if (!fields?.length && this.#pb.authStore.isSuperuser) {
      ({ fields } = await this.#pb.send(`/api/collections/${id}`, { requestKey: null }));
    }
    const types = (fields ?? []).map((each) => [
      each.name,
      { type: each.type, multiple: !!each.multiple || each.maxSelect > 1 },
    ]);
    return { collection, id, versioned, renamed: renamed ?? [], fields: types.length ? new Map(types) : null };
  }
}
