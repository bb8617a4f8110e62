// What was written and is not recorded yet, kept in a storage, so that it survives a reload.

import { deliver, post, rejection } from "./append.js";
import { mayPass } from "./errors.js";
import { actorOf } from "./outcomes.js";

const KEY = "pocketbase-events";

/** `pb.events`: sends what is written in order, and dispatches `rejected` for what an earlier page had written. */
export class Queue extends EventTarget {
  #pb;
  #storage;
  #turn = Promise.resolve();
  #own = new Set(); // what this page has taken in hand, by the id of the first event

  constructor(pb, storage) {
    super();
    this.#pb = pb;
    this.#storage = storage;
    if (!storage) return;
    pb.authStore.onChange(() => this.#replay());
    this.#replay();
  }

  /** How many events wait to be recorded, those of earlier pages and of other users included. */
  get queued() {
    return this.#stored().flat().length;
  }

  /** Whether there is a storage. */
  get keeps() {
    return !!this.#storage;
  }

  /** As `deliver` of append.js does, in turn, and kept until the outcome is known. */
  async deliver(events, send, signal) {
    if (!this.#storage) return deliver(this.#pb, events, send, signal);
    const { id } = events[0];
    this.#own.add(id);
    if (!this.#stored().some(([first]) => first.id === id)) this.#store([...this.#stored(), events]);
    const forget = () => this.#store(this.#stored().filter(([first]) => first.id !== id));
    const inTurn = (sending) => {
      const turn = this.#turn.then(sending);
      this.#turn = turn.catch(() => {});
      return turn;
    };
    try {
      const record = await deliver(this.#pb, events, send, signal, inTurn);
      forget();
      return record;
    } catch (error) {
      if (this.#isFinal(error, events)) forget();
      throw error;
    } finally {
      this.#own.delete(id);
    }
  }

  /** Send what earlier pages of this user have left. */
  #replay() {
    const actor = actorOf(this.#pb);
    if (actor && !this.#pb.authStore.isValid) return;
    for (const events of this.#stored()) {
      if (events[0].actor !== actor || this.#own.has(events[0].id)) continue;
      this.deliver(events, () => post(this.#pb, events, { requestKey: null }))
        .then(async (record) => {
          if (record?.error) throw await rejection(this.#pb, record);
        })
        .catch((error) => {
          const detail = { error, events };
          if (this.#isFinal(error, events)) this.dispatchEvent(new CustomEvent("rejected", { detail }));
        });
    }
  }

  /** Whether to forget the events: the reason is neither trouble nor an expired session. */
  #isFinal(error, [{ actor }]) {
    return !mayPass(error) && (!actor || this.#pb.authStore.isValid);
  }

  #stored() {
    return JSON.parse(this.#storage?.getItem(KEY) ?? "[]");
  }

  #store(all) {
    try {
      if (all.length) this.#storage.setItem(KEY, JSON.stringify(all));
      else this.#storage.removeItem(KEY);
    } catch {
      // The storage is full, or closed: then they are sent all the same, and a reload would lose them.
    }
  }
}
