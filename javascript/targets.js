// Which collections are under the log, and what fields they have, as PocketBase says it: the view `event_fields`.

import { isHidden, mayPass, refusal } from "./errors.js";

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

  /** The names of the attached collections, as far as the client may know them. */
  async names() {
    const { known } = await this.#known();
    return new Set([...this.#expected, ...known.map(({ collection }) => collection)]);
  }

  /**
   * The collection of this name or id if it is attached, else undefined: its name, its fields by name (null if the
   * client may not know them), which were renamed, and whether its rows carry `seq`. Throws if it was named, or was
   * attached before, and is not.
   */
  async find(name) {
    const { known, whole } = await this.#known();
    const found = known.find((each) => each.collection === name || each.id === name);
    if (found) this.#expected.add(name);
    if (found || !this.#expected.has(name)) return found;
    if (!whole) return { collection: name, renamed: [], fields: null };
    const why =
      `${name} is not attached to the event log, or not any more. Leave it out in withEvents and load the page anew, or` +
      ` attach it: pocketbase-events attach ${name}`;
    throw await refusal(this.#pb, why);
  }

  async #known() {
    if (Date.now() > this.#until) {
      this.#until = Date.now() + FRESH;
      this.#answer = this.#ask();
      this.#answer.catch(() => this.forget());
    }
    return this.#answer;
  }

  async #ask() {
    const pb = this.#pb;
    const answered = await pb
      .collection("event_fields")
      .getFullList({ requestKey: null })
      .catch((error) => error);
    let items = Array.isArray(answered) ? answered : [];
    if (items === answered) this.#storage?.setItem(KEPT, JSON.stringify(items));
    else if (!isHidden(answered)) {
      const kept = mayPass(answered) && this.#storage?.getItem(KEPT);
      if (!kept) throw answered;
      items = JSON.parse(kept);
      this.forget();
    }
    // A guest is told of some, and nobody if an older version has set up the log.
    const whole = !isHidden(answered) && pb.authStore.isValid;
    return { known: await Promise.all(items.map((item) => this.#target(item))), whole };
  }

  async #target({ collection, collection_id: id, versioned, renamed, fields }) {
    if (!fields?.length && this.#pb.authStore.isSuperuser)
      ({ fields } = await this.#pb.collections.getOne(id, { requestKey: null }));
    const types = (fields ?? []).map((each) => [
      each.name,
      { type: each.type, multiple: !!each.multiple || each.maxSelect > 1 },
    ]);
    return { collection, id, versioned, renamed: renamed ?? [], fields: types.length ? new Map(types) : null };
  }
}
